//! How long the next attempt must wait after earlier failures. Pure functions: the time is a parameter.

use std::time::Duration;

use crate::server::{config, model::clock::Timestamp};

/// How long a failure counts against an account.
pub const DAY: Duration = Duration::from_hours(24);

/// The limits of the settings.
#[derive(Debug, Clone)]
pub struct Limits(pub config::Throttle);

impl Limits {
    /// How long a failure counts against a client IP.
    pub fn address_window(&self) -> Duration {
        self.0.address_seconds.duration()
    }

    /// How long a client IP must wait after `failures` (oldest first): until fewer than the limit are in the window.
    pub fn address_wait(&self, failures: &[Timestamp], now: Timestamp) -> Duration {
        let (limit, window) = (self.0.address_failures.get(), self.address_window());
        until_fewer(&within_window(failures, window, now), limit, window, now)
    }

    /// How long an account must wait after `failures` (oldest first) without a success in between. Each failure beyond
    /// the first few doubles the wait, up to a maximum. After too many failures in a day the account waits until there
    /// are fewer in the last day (NIST SP 800-63B, 5.2.2: no more than 100 in a row).
    pub fn account_wait(&self, failures: &[Timestamp], now: Timestamp) -> Duration {
        let failures = within_window(failures, DAY, now);
        let doublings = failures.len().checked_sub(self.0.account_failures.get());
        let delay = match (doublings, failures.last()) {
            (Some(doublings), Some(last)) => {
                let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
                let first_delay = self.0.account_delay_seconds.duration();
                let delay = first_delay.saturating_mul(2_u32.saturating_pow(doublings));
                let max_delay = self.0.account_max_delay_seconds.duration();
                last.plus(delay.min(max_delay)).since(now)
            }
            _ => Duration::ZERO,
        };
        delay.max(until_fewer(&failures, self.0.account_day_failures.get(), DAY, now))
    }
}

/// The failures within the window. Ignores those in the future, which were recorded before the clock was set back.
fn within_window(failures: &[Timestamp], window: Duration, now: Timestamp) -> Vec<Timestamp> {
    let (since, until) = (now.minus(window), now.latest_plausible());
    failures
        .iter()
        .filter(|at| (since..=until).contains(at) && **at != since)
        .map(|at| (*at).min(now))
        .collect()
}

/// The time until fewer than `limit` of the failures are younger than `window`.
fn until_fewer(failures: &[Timestamp], limit: usize, window: Duration, now: Timestamp) -> Duration {
    failures
        .len()
        .checked_sub(limit)
        .and_then(|index| failures.get(index))
        .map_or(Duration::ZERO, |at| at.plus(window).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    /// Ten failures a minute for an address. Five failures in a row and a hundred in a day for an account, and then a
    /// wait of five to fifteen minutes.
    fn limits() -> Limits {
        Limits(config::Settings::defaults().unwrap().throttle)
    }

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    #[test]
    fn an_address_waits_until_its_tenth_last_failure_is_a_minute_old() {
        let nine = vec![ago(30); 9];
        assert_eq!(limits().address_wait(&nine, NOW), Duration::ZERO);
        let ten = [vec![ago(40)], nine].concat();
        assert_eq!(limits().address_wait(&ten, NOW), Duration::from_secs(20));
        assert_eq!(limits().address_wait(&[ago(60); 50], NOW), Duration::ZERO);
    }

    #[test]
    fn an_account_waits_longer_with_each_failure_up_to_the_longest() {
        let waits: Vec<u64> = (4..10)
            .map(|failures| limits().account_wait(&vec![NOW; failures], NOW).as_secs() / 60)
            .collect();
        assert_eq!(waits, [0, 5, 10, 15, 15, 15]);
    }

    #[test]
    fn an_account_is_open_again_by_itself() {
        let five = [ago(400), ago(390), ago(380), ago(370), ago(301)];
        assert_eq!(limits().account_wait(&five, NOW), Duration::ZERO);
        assert_eq!(limits().account_wait(&five, ago(1)), Duration::ZERO);
        assert_eq!(limits().account_wait(&five, ago(2)), Duration::from_secs(1));
    }

    #[test]
    fn a_hundred_failures_in_a_day_are_the_most() {
        let hundred: Vec<_> = (0..100).rev().map(|number| ago(number * 860 + 901)).collect();
        let wait = limits().account_wait(&hundred, NOW);
        assert_eq!(wait + Duration::from_secs(99 * 860 + 901), DAY);
        assert_eq!(limits().account_wait(&hundred[1..], NOW), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out_for_long() {
        let ahead = NOW.plus(DAY);
        assert_eq!(limits().account_wait(&[ahead; 50], NOW), Duration::ZERO);
        assert_eq!(limits().address_wait(&[ahead; 50], NOW), Duration::ZERO);
        let slightly = NOW.plus(Duration::from_secs(10));
        assert_eq!(limits().account_wait(&[slightly; 5], NOW), Duration::from_mins(5));
    }
}
