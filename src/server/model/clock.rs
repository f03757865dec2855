//! Timestamps. Code that makes decisions takes the time as a parameter. Only its callers read the clock.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The tolerated difference between the clocks of servers on one database. Setting a clock back by less goes
/// undetected.
const SKEW: Duration = Duration::from_mins(1);

/// By how many milliseconds the clock of the database is ahead of the one of this machine.
static OFFSET: AtomicI64 = AtomicI64::new(0);

/// Sets by how many milliseconds [`Timestamp::now`] is ahead of the clock of this machine. Nodes on one database set it so
/// that all have the time of the database.
pub fn set_offset(millis: i64) {
    OFFSET.store(millis, Ordering::Relaxed);
}

/// The clock of this machine, in milliseconds since 1970. A clock before 1970 counts as 1970.
pub fn machine_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A point in time, in milliseconds since 1970 (UTC), as stored in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads the clock, corrected by [`set_offset`].
    pub fn now() -> Self {
        Self(machine_time().saturating_add(OFFSET.load(Ordering::Relaxed)))
    }

    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// The latest plausible time of a stored event. Anything stored with a later time is from before the clock was set
    /// back. Its age is unknown, so callers ignore it. Otherwise it would outlive its lifetime by as much as the clock
    /// was set back.
    #[must_use]
    pub fn latest_plausible(self) -> Self {
        self.plus(SKEW)
    }

    /// With second precision.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0.div_euclid(1000))
            .map(|timestamp| timestamp.to_string())
            .unwrap_or_default()
    }

    /// The time since `earlier`, or zero if `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
