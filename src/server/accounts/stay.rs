//! Prices for the example function `quote_stay`.

use jiff::{ToSpan as _, civil::Date};

use crate::{
    contract::{
        RangedInt, Refusal,
        example::{Contact, Extra, Part, Quote, Room},
    },
    message,
};

#[derive(Debug)]
pub struct Stay {
    pub arrival: Date,
    pub nights: RangedInt<1, 31>,
    pub guests: RangedInt<1, 4>,
    pub room: Room,
    pub extras: Vec<Extra>,
    /// As a fraction of the price, from 0 to 1.
    pub discount: Option<f64>,
    pub dog: bool,
}

impl Stay {
    /// Calculates the price. Fails if the stay would end after the last day of the calendar.
    pub fn quote(&self, contact: &Contact, wishes: usize) -> Result<Quote, Refusal> {
        let nights = self.nights.get();
        let departure = self
            .arrival
            .checked_add(nights.days())
            .map_err(|_| Refusal::of_argument("arrival", message!("is too late for this number of nights")))?;
        let mut parts = vec![self.part("room", self.per_night() * nights)];
        for extra in &self.extras {
            let (name, price) = self.extra(*extra);
            parts.push(self.part(name, price));
        }
        if self.dog {
            parts.push(self.part("dog", 10));
        }
        if wishes > 0 {
            parts.push(self.part("wishes", 0));
        }
        Ok(Quote {
            guest: contact.name.to_string(),
            departure: departure.to_string(),
            total: parts.iter().map(|part| part.price).sum(),
            parts,
        })
    }

    fn per_night(&self) -> i64 {
        match self.room {
            Room::Single => 60,
            Room::Double => 90,
            Room::View => 140,
        }
    }

    fn extra(&self, extra: Extra) -> (&'static str, i64) {
        let (nights, guests) = (self.nights.get(), self.guests.get());
        match extra {
            Extra::Breakfast => ("breakfast", 12 * guests * nights),
            Extra::Bicycle => ("bicycle", 15 * guests * (nights + 1)),
            Extra::Parking => ("parking", 8 * nights),
        }
    }

    fn part(&self, name: &str, price: i64) -> Part {
        #[expect(clippy::cast_precision_loss, reason = "the prices are small")]
        let price = price as f64 * (1.0 - self.discount.unwrap_or_default());
        Part {
            what: name.to_owned(),
            price,
        }
    }
}
