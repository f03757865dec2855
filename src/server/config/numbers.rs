//! Numbers that are checked when they are read, so that no check can be forgotten.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

/// The longest time, far from where adding it to a moment overflows.
const TEN_YEARS_IN_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// A time in whole units of so many milliseconds: at least so many units, and at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "u64")]
pub struct Time<const UNIT_IN_MS: u64, const LEAST: u64>(u64);

/// A time in seconds, not 0.
pub type Seconds = Time<1000, 1>;
/// A time in milliseconds, which may be 0.
pub type Millis = Time<1, 0>;
/// A time in days, not 0.
pub type Days = Time<{ 24 * 60 * 60 * 1000 }, 1>;

impl<const UNIT_IN_MS: u64, const LEAST: u64> Time<UNIT_IN_MS, LEAST> {
    /// The time.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 * UNIT_IN_MS)
    }
}

impl<const UNIT_IN_MS: u64, const LEAST: u64> TryFrom<u64> for Time<UNIT_IN_MS, LEAST> {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        let most = TEN_YEARS_IN_MS / UNIT_IN_MS;
        if number < LEAST {
            return Err(format!("must be at least {LEAST}"));
        }
        if number > most {
            return Err(format!("must be at most {most}, which is ten years"));
        }
        Ok(Self(number))
    }
}

/// A number of at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count<T>(T);

impl<T: Copy + PartialOrd + From<u8>> Count<T> {
    /// Takes `number` if it is large enough.
    ///
    /// # Errors
    /// Says that it is not.
    pub fn new(number: T) -> Result<Self, &'static str> {
        if number < T::from(1) {
            return Err("must be at least 1");
        }
        Ok(Self(number))
    }

    /// The number.
    pub fn get(self) -> T {
        self.0
    }
}

impl<'de, T: Deserialize<'de> + Copy + PartialOrd + From<u8>> Deserialize<'de> for Count<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(T::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
