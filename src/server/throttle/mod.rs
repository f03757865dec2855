//! Rate limits for login attempts: per account with a growing delay, and per client IP.
//!
//! An attempt counts as failed from the start until the password has turned out to be correct. So a burst of concurrent
//! attempts gets no more guesses than sequential ones, and a client that disconnects has used its guess. Unknown user
//! names are counted as well. A success clears the failures of the account, never those of the client IP. Live sessions
//! are not affected.
//!
//! The counts are stored: they survive a restart and apply to all processes on one database.

mod in_flight;
pub mod limits;
pub mod pending_calls;

use std::{net::IpAddr, time::Duration};

use tokio::{
    sync::{Mutex, Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout_at},
};
use unicode_normalization::UnicodeNormalization as _;

use self::{
    in_flight::{InFlight, Ticket},
    limits::{DAY, Limits},
};
use crate::{
    contract::Refusal,
    server::{
        config::Settings,
        model::{
            clock::Timestamp,
            network::network,
            token::{Token, TokenHash},
        },
        storage::{Storage, failed_logins::Count},
        telemetry::error::InternalError,
    },
};

/// Concurrent attempts per password that may be hashed at once: enough to keep the hashing busy while other attempts
/// are counted, but small enough that most rejected attempts never reach the counter.
const ATTEMPTS_PER_HASH: usize = 4;

/// How long an attempt at another node is expected to take.
const FLIGHT_TIME: Duration = Duration::from_secs(1);

/// How often it is looked whether attempts at other nodes have ended.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Throttle {
    storage: Storage,
    limits: Limits,
    max_wait: Duration,
    in_flight: InFlight,
    slots: Semaphore,
    /// Locked while an attempt is counted, so that every counted attempt is also in `in_flight`.
    counting: Mutex<()>,
}

/// How long the next attempt must wait in each of the two buckets.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    pub account: Duration,
    pub address: Duration,
    /// When the last attempt began that counts as failed.
    newest: Option<Timestamp>,
}

impl Wait {
    fn longest(self) -> Duration {
        self.account.max(self.address)
    }

    fn is_over(self) -> bool {
        self.longest().is_zero()
    }

    /// Whether the last attempt began so lately that it may still be in flight.
    fn may_be_in_flight(self, now: Timestamp) -> bool {
        self.newest.is_some_and(|newest| now.since(newest) < FLIGHT_TIME)
    }
}

impl Throttle {
    pub fn new(storage: Storage, settings: &Settings) -> Self {
        let slots = settings.passwords.permits.get().saturating_mul(ATTEMPTS_PER_HASH);
        Self {
            storage,
            limits: Limits(settings.throttle.clone()),
            max_wait: settings.passwords.max_wait_ms.duration(),
            in_flight: InFlight::default(),
            slots: Semaphore::new(slots.min(Semaphore::MAX_PERMITS)),
            counting: Mutex::default(),
        }
    }

    /// Begins an attempt for the account `name` from `address`. If the attempts in flight would exceed a limit should
    /// all of them fail, waits for them to finish.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`] if a limit is reached; [`Refusal::Busy`] if the wait for other attempts timed out.
    pub async fn attempt(&self, name: &str, address: Option<IpAddr>) -> Result<Attempt<'_>, Refusal> {
        let deadline = Instant::now() + self.max_wait;
        let busy = |_| Refusal::Busy { retry_after: 1 };
        let (account, network) = (account_bucket(name), address_bucket(address));
        let mut queue_guard = None;
        loop {
            let slot = timeout_at(deadline, self.slots.acquire()).await.map_err(busy)?;
            let slot = slot.map_err(|error| InternalError::new("waiting to log in", error))?;
            let counting = timeout_at(deadline, self.counting.lock()).await.map_err(busy)?;
            // Before the failures are read, so that an attempt that finishes meanwhile is not missed.
            let [in_account, in_network] = [&account, &network].map(|bucket| self.in_flight.others(bucket));
            let now = Timestamp::now();
            let id = Token::random()?.hash();
            let wait = match self.count(&id, &account, &network, now).await? {
                Ok(wait_after) => {
                    return Ok(Attempt {
                        _ticket: self.in_flight.enter([account.clone(), network]),
                        _slot: slot,
                        throttle: self,
                        id,
                        account,
                        began: now,
                        deadline,
                        wait_after,
                    });
                }
                Err(wait) => wait,
            };
            let others = [(wait.account, in_account), (wait.address, in_network)]
                .into_iter()
                .find_map(|(wait, others)| others.filter(|_| !wait.is_zero()));
            drop((counting, slot));
            let Some(others) = others else {
                // What another node has in flight counts as failed here, and its end is not reported.
                let may_wait = self.storage.is_shared() && wait.may_be_in_flight(now);
                if may_wait && Instant::now() + RETRY_INTERVAL < deadline {
                    sleep(RETRY_INTERVAL).await;
                    continue;
                }
                return Err(Refusal::TooManyAttempts {
                    retry_after: seconds(wait.longest()),
                });
            };
            // Of all attempts that wait in the same bucket, only the first in the queue counts again when one finishes.
            if queue_guard.is_none() {
                queue_guard = Some(timeout_at(deadline, others.queue.lock_owned()).await.map_err(busy)?);
            }
            timeout_at(deadline, others.finished).await.map_err(busy)?;
        }
    }

    /// Counts an attempt. `Ok` holds how long the next one must wait if this one fails; `Err` holds how long this one
    /// must wait, and then nothing was counted.
    async fn count(
        &self,
        id: &TokenHash,
        account: &TokenHash,
        network: &TokenHash,
        now: Timestamp,
    ) -> Result<Result<Wait, Wait>, InternalError> {
        let count = |bucket, window| Count {
            bucket,
            expires_at: now.plus(window),
        };
        let counts = [count(account, DAY), count(network, self.limits.address_window())];
        let wait = |account: &[Timestamp], network: &[Timestamp]| Wait {
            account: self.limits.account_wait(account, now),
            address: self.limits.address_wait(network, now),
            newest: account.last().max(network.last()).copied(),
        };
        self.storage
            .count_attempt(id, counts, now, |[account, network]| {
                let before = wait(account, network);
                if before.is_over() {
                    Ok(wait(&[account, &[now]].concat(), &[network, &[now]].concat()))
                } else {
                    Err(before)
                }
            })
            .await
    }
}

/// A login attempt. If it is dropped, it counts as failed.
#[derive(Debug)]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    id: TokenHash,
    account: TokenHash,
    began: Timestamp,
    /// Until when the attempt may wait for a hashing permit. Includes the time that it has already waited.
    pub deadline: Instant,
    /// How long the next attempt must wait if this one fails.
    wait_after: Wait,
    _ticket: Ticket<'a>,
    _slot: SemaphorePermit<'a>,
}

impl Attempt<'_> {
    /// The password was correct: clears the failures of the account. Those of the client IP stay, so that attackers
    /// gain nothing by logging in to their own accounts.
    ///
    /// # Errors
    /// On a database error the attempt counts as failed.
    pub async fn succeeded(self) -> Result<(), InternalError> {
        self.throttle
            .storage
            .forgive_failures(&self.id, &self.account, self.began)
            .await
    }

    /// The password was wrong. Returns how long the next attempt must wait, if this failure has reached a limit.
    pub fn failed(self) -> Option<Wait> {
        (!self.wait_after.is_over()).then_some(self.wait_after)
    }

    /// The password was not checked: the attempt does not count.
    pub async fn withdraw(self) {
        if let Err(error) = self.throttle.storage.uncount_attempt(&self.id).await {
            error.log();
        }
    }
}

/// The bucket of an account. Spellings that differ only in case, width or surrounding white space share it.
fn account_bucket(name: &str) -> TokenHash {
    // Limits the work: under NFKC, one character can become many. User names are shorter than this.
    const MAX_CHARS: usize = 256;
    let name: String = name.nfkc().flat_map(char::to_lowercase).take(MAX_CHARS).collect();
    TokenHash::of(format!("account {}", name.trim()).as_bytes())
}

/// The bucket of a client IP. IPv6 addresses of one network share it.
pub fn address_bucket(address: Option<IpAddr>) -> TokenHash {
    let network = address.map_or_else(|| "unknown".to_owned(), |address| network(address).to_string());
    TokenHash::of(format!("address {network}").as_bytes())
}

/// Whole seconds, rounded up.
pub fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
