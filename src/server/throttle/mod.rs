//! Throttles attempts to log in, for all doors together: per account with a growing delay, and per address.
//!
//! An attempt counts as failed from before its password is looked at until it has turned out right, so a burst gets no
//! more guesses than a row of single ones, and a client that goes away has used its guess. Names that nobody has are
//! counted like all others. A success forgives the failures of its account, never those of its address. Live sessions
//! are not concerned.
//!
//! The counts are stored: they outlive a restart, and hold for all processes on one database.

pub mod pending_calls;

mod in_flight;
pub mod limits;

use std::{net::IpAddr, time::Duration};

use tokio::{
    sync::{Mutex, Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
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

/// How many attempts are under way for each password that may be hashed at once: enough to keep the hashing busy while
/// others are counted, and few enough that those who are sent away have mostly not been counted yet.
const PLACES_PER_PERMIT: usize = 4;

/// Counts attempts and refuses those that are too many.
#[derive(Debug)]
pub struct Throttle {
    storage: Storage,
    limits: Limits,
    max_wait: Duration,
    in_flight: InFlight,
    places: Semaphore,
    /// Permissions while an attempt is counted, so that every counted one is known to be in flight.
    counting: Mutex<()>,
}

/// How long the next attempt has to wait, in whichever bucket that is longer.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    account: Duration,
    address: Duration,
}

impl Wait {
    /// What it comes to for the account, in seconds.
    pub fn account_seconds(self) -> u32 {
        seconds(self.account)
    }

    /// What it comes to for the address, in seconds.
    pub fn address_seconds(self) -> u32 {
        seconds(self.address)
    }

    fn longest(self) -> Duration {
        self.account.max(self.address)
    }

    fn is_over(self) -> bool {
        self.longest().is_zero()
    }
}

impl Throttle {
    /// A throttle with the limits of the settings.
    pub fn new(storage: Storage, settings: &Settings) -> Self {
        let places = settings.passwords.permits.get().saturating_mul(PLACES_PER_PERMIT);
        Self {
            storage,
            limits: Limits::new(&settings.throttle),
            max_wait: settings.passwords.max_wait_ms.duration(),
            in_flight: InFlight::default(),
            places: Semaphore::new(places.min(Semaphore::MAX_PERMITS)),
            counting: Mutex::default(),
        }
    }

    /// Begins an attempt for the account `name` from `address`. While so many attempts are under way that they would be
    /// too many if all failed, it waits for them.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`]; [`Refusal::Busy`] where the wait for others was too long; a fault of the database.
    pub async fn attempt(&self, name: &str, address: Option<IpAddr>) -> Result<Attempt<'_>, Refusal> {
        let deadline = Instant::now() + self.max_wait;
        let busy = |_| Refusal::Busy { retry_after: 1 };
        let (account, network) = (account(name), bucket_of(address));
        let mut turn = None;
        loop {
            let place = timeout_at(deadline, self.places.acquire()).await.map_err(busy)?;
            let place = place.map_err(|error| InternalError::new("waiting to log in", error))?;
            let counting = timeout_at(deadline, self.counting.lock()).await.map_err(busy)?;
            // Before the look: one that ends during it is then news.
            let [in_account, in_network] = [&account, &network].map(|bucket| self.in_flight.others(bucket));
            let now = Timestamp::now();
            let id = Token::random()?.hash();
            let wait = match self.count(&id, &account, &network, now).await? {
                Ok(after) => {
                    return Ok(Attempt {
                        _ticket: self.in_flight.enter([account.clone(), network]),
                        _place: place,
                        throttle: self,
                        id,
                        account,
                        began: now,
                        deadline,
                        wait_after: after,
                    });
                }
                Err(wait) => wait,
            };
            let others = [(wait.account, in_account), (wait.address, in_network)]
                .into_iter()
                .find_map(|(wait, others)| others.filter(|_| !wait.is_zero()));
            drop((counting, place));
            let Some(others) = others else {
                return Err(Refusal::TooManyAttempts {
                    retry_after: seconds(wait.longest()),
                });
            };
            // Of all who wait for the same others, one looks again when one of those is through.
            if turn.is_none() {
                turn = Some(timeout_at(deadline, others.turn.lock_owned()).await.map_err(busy)?);
            }
            timeout_at(deadline, others.left).await.map_err(busy)?;
        }
    }

    /// Counts an attempt, and says how long the next one would have to wait should this one fail; or how long this one has
    /// to wait.
    async fn count(
        &self,
        id: &TokenHash,
        account: &TokenHash,
        network: &TokenHash,
        now: Timestamp,
    ) -> Result<Result<Wait, Wait>, InternalError> {
        let counts = [
            Count {
                bucket: account,
                expires_at: now.plus(DAY),
            },
            Count {
                bucket: network,
                expires_at: now.plus(self.limits.address_window()),
            },
        ];
        let wait = |account: &[Timestamp], network: &[Timestamp]| Wait {
            account: self.limits.account_wait(account, now),
            address: self.limits.address_wait(network, now),
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

/// An attempt to log in. Dropped without a word, it has failed.
#[derive(Debug)]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    id: TokenHash,
    account: TokenHash,
    began: Timestamp,
    deadline: Instant,
    wait_after: Wait,
    _ticket: Ticket<'a>,
    _place: SemaphorePermit<'a>,
}

impl Attempt<'_> {
    /// Until when it may wait for its turn, what it has waited already included.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The password was right: the account starts anew. Its address does not, so that an attacker's own good logins win
    /// nothing.
    ///
    /// # Errors
    /// A fault of the database; then it counts as failed.
    pub async fn succeeded(self) -> Result<(), InternalError> {
        self.throttle
            .storage
            .forgive_failures(&self.id, &self.account, self.began)
            .await
    }

    /// The password was wrong. Gives how long the next attempt has to wait, if that is news.
    pub fn failed(self) -> Option<Wait> {
        (!self.wait_after.is_over()).then_some(self.wait_after)
    }

    /// The password was not looked at.
    pub async fn withdraw(self) {
        if let Err(fault) = self.throttle.storage.uncount_attempt(&self.id).await {
            fault.log();
        }
    }
}

/// The bucket of an account. Spellings that a person would take for one name share it. Nobody has a name that is longer
/// than what is looked at: a letter can become many.
fn account(name: &str) -> TokenHash {
    const MOST: usize = 256;
    let name: String = name.nfkc().flat_map(char::to_lowercase).take(MOST).collect();
    TokenHash::of(format!("account {}", name.trim()).as_bytes())
}

/// The bucket of an address.
pub fn bucket_of(address: Option<IpAddr>) -> TokenHash {
    let network = address.map_or_else(|| "unknown".to_owned(), |address| network(address).to_string());
    TokenHash::of(format!("address {network}").as_bytes())
}

/// RangedInt seconds, rounded up.
pub fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
