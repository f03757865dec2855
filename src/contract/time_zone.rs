//! The time zone in which pages show times and read days.

use std::str::FromStr;

use jiff::{Timestamp, Zoned, civil::Date, tz};
use serde::{Deserialize, Deserializer, de::Error as _};

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
        current()
    }
}

#[cfg(feature = "ssr")]
mod server {
    use std::cell::RefCell;

    use leptos::prelude::use_context;

    use super::TimeZone;

    tokio::task_local! {
        static CURRENT: RefCell<TimeZone>;
    }

    pub fn current() -> TimeZone {
        // Leptos renders parts of a page in tasks of its own, which have the context of the page.
        let of_request = CURRENT.try_with(|zone| zone.borrow().clone()).ok();
        of_request.or_else(use_context).unwrap_or(TimeZone::UTC)
    }

    impl TimeZone {
        /// Answers a request in this time zone, as far as [`TimeZone::change_current`] does not change it.
        pub fn scope<F: Future>(self, answer: F) -> impl Future<Output = F::Output> {
            CURRENT.scope(RefCell::new(self), answer)
        }

        /// Changes the time zone of the rest of the answer. A page has the one that is current when its rendering begins.
        pub fn change_current(self) {
            // Outside of a request there is nothing to change.
            let _ = CURRENT.try_with(|current| current.replace(self));
        }
    }
}
#[cfg(feature = "ssr")]
use server::current;

/// The server writes all times of a page.
#[cfg(not(feature = "ssr"))]
fn current() -> TimeZone {
    TimeZone::UTC
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
