//! An example to copy from: a guarded function with typed arguments of every kind.

use crate::{
    contract::{
        RangedInt, Refusal, Text,
        example::{Contact, Extra, Quote, Room},
    },
    function,
};

/// Calculates the price of a hotel stay: an example of typed arguments.
///
/// Each argument is checked against its type, in the browser and on the server. All problems are shown at once.
#[function]
pub async fn quote_stay(
    _caller: LoggedIn,
    /// The first night.
    arrival: jiff::civil::Date,
    /// How many nights, up to a month.
    nights: RangedInt<1, 31>,
    /// How many guests, in one room.
    guests: RangedInt<1, 4>,
    room: Room,
    /// What each guest gets in addition.
    #[serde(default)]
    extras: Vec<Extra>,
    /// A discount on everything, from 0 (none) to 1 (free).
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: Option<f64>,
    /// Whether a dog comes along, 10 for the whole stay.
    #[serde(default)]
    dog: bool,
    contact: Contact,
    /// Any other wishes.
    #[serde(default)]
    #[schemars(length(max = 5))]
    wishes: Vec<Text<1, 80>>,
) -> Result<Quote, Refusal> {
    let stay = crate::server::accounts::stay::Stay {
        arrival,
        nights,
        guests,
        room,
        extras,
        discount,
        dog,
    };
    stay.quote(&contact, wishes.len())
}
