//! Time. The code that decides something by the time takes it as a parameter; only the edges read the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the clocks of servers on one database may be apart, and how far a clock may be set back unnoticed.
const SKEW: Duration = Duration::from_mins(1);

/// A moment, in milliseconds since 1970 (UTC), as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present moment. A clock before 1970 counts as 1970.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The moment `by` later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// The moment `by` earlier.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// The latest moment that something may have been noted at until now. What was noted later is from before the clock
    /// was set back. How old it is cannot be told, so nothing counts on it: it would last until the clock comes there again,
    /// and its own time besides.
    #[must_use]
    pub fn latest_noted(self) -> Self {
        self.plus(SKEW)
    }

    /// As RFC 3339 writes it, to the second.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0.div_euclid(1000))
            .map(|moment| moment.to_string())
            .unwrap_or_default()
    }

    /// The time from `earlier` until this moment; nothing where it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
