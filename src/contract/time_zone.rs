//! The time zone in which pages show times and read days.

use std::str::FromStr;

use jiff::{
    Timestamp, ToSpan as _, Zoned,
    civil::{Date, DateTime},
    tz,
};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Refusal;
use crate::{message, platform};

/// A time zone of the IANA database, such as `Asia/Seoul`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(tz::TimeZone);

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(tz::TimeZone::UTC);

    /// The time zone that an argument names.
    ///
    /// # Errors
    /// [`Refusal::InvalidArguments`] if there is no such time zone.
    pub fn of_argument(field: &str, name: &str) -> Result<Self, Refusal> {
        let problem = |_| Refusal::of_argument(field, message!("must be the name of a time zone, such as Asia/Seoul"));
        name.parse().map_err(problem)
    }

    /// The name in the IANA database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// A point in time with its date and clock time in this zone.
    pub fn at(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.0.clone())
    }

    /// When a day begins in this zone. That is later than midnight if clocks are put forward at midnight.
    ///
    /// # Errors
    /// The day is outside of the supported range.
    pub fn start_of(&self, day: Date) -> Result<Timestamp, jiff::Error> {
        Ok(day.to_zoned(self.0.clone())?.timestamp())
    }

    /// When an hour of a day, from 0 to 23, begins and ends in this zone. That is two hours if clocks are put back in it, and
    /// no time if they are put forward over it.
    ///
    /// # Errors
    /// The day is outside of the supported range.
    pub fn hour_of(&self, day: Date, hour: i8) -> Result<(Timestamp, Timestamp), jiff::Error> {
        let start = day.at(hour, 0, 0, 0);
        let end = start.checked_add(1.hour())?;
        let timestamp = |time: DateTime| Ok::<_, jiff::Error>(time.to_zoned(self.0.clone())?.timestamp());
        Ok((timestamp(start)?, timestamp(end)?))
    }

    /// The time zone of the request that is being answered. UTC outside of one, and in the browser.
    pub fn current() -> Self {
        platform::current().unwrap_or(Self::UTC)
    }
}

/// Looks up a name in the IANA database, in upper or lower case. Only the server has that database.
impl FromStr for TimeZone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        tz::TimeZone::get(name)
            .map(Self)
            .map_err(|_| format!("\"{name}\" is not a time zone of the IANA database, such as Asia/Seoul or UTC"))
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
