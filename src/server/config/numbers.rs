//! Number types that validate their range when they are deserialized.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// The longest duration. Adding it to a timestamp cannot overflow.
const TEN_YEARS_IN_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// A duration in whole units of `UNIT_IN_MS` milliseconds: at least `MIN` units, at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u64")]
pub struct Time<const UNIT_IN_MS: u64, const MIN: u64>(u64);

/// A duration in seconds, at least 1.
pub type Seconds = Time<1000, 1>;
/// A duration in seconds, which may be 0.
pub type SecondsOrZero = Time<1000, 0>;
/// A duration in milliseconds, which may be 0.
pub type Millis = Time<1, 0>;
/// A duration in days, at least 1.
pub type Days = Time<{ 24 * 60 * 60 * 1000 }, 1>;

impl<const UNIT_IN_MS: u64, const MIN: u64> Time<UNIT_IN_MS, MIN> {
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 * UNIT_IN_MS)
    }
}

impl<const UNIT_IN_MS: u64, const MIN: u64> TryFrom<u64> for Time<UNIT_IN_MS, MIN> {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        let max = TEN_YEARS_IN_MS / UNIT_IN_MS;
        if number < MIN {
            return Err(format!("must be at least {MIN}"));
        }
        if number > max {
            return Err(format!("must be at most {max}, which is ten years"));
        }
        Ok(Self(number))
    }
}

/// A number of at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<T>(T);

impl<T: Copy + PartialOrd + From<u8>> Count<T> {
    pub fn new(number: T) -> Result<Self, &'static str> {
        if number < T::from(1) {
            return Err("must be at least 1");
        }
        Ok(Self(number))
    }

    pub fn get(self) -> T {
        self.0
    }
}

impl<'de, T: Deserialize<'de> + Copy + PartialOrd + From<u8>> Deserialize<'de> for Count<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
