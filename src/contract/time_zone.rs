//! The time zone in which pages show times and read days.

use std::str::FromStr;

use jiff::{Timestamp, Zoned, civil::Date, tz};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::platform;

/// A time zone of the IANA database, such as `Asia/Seoul`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(tz::TimeZone);

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(tz::TimeZone::UTC);

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
