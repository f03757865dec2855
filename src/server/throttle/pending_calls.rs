//! The rate limit for storing pending calls: each one is a database write, and logins and logouts wait for the same
//! database.
//!
//! Users and anonymous callers are counted and queued separately, so that neither group can block the other.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};

use crate::{
    contract::Refusal,
    server::{model::token::TokenHash, storage::pending_calls::Owner, telemetry::error::InternalError, throttle},
};

const MINUTE: Duration = Duration::from_mins(1);

/// How long a call waits for others that are being written.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How many owners per group are counted within a minute, because strangers can create any number of them. Owners
/// beyond this are not counted and get a permit.
const MAX_OWNERS: usize = 10_000;

#[derive(Debug)]
pub struct PendingCallLimiter {
    users: Bucket,
    others: Bucket,
}

impl PendingCallLimiter {
    /// Allows `per_owner` calls per minute for each owner.
    pub fn new(per_owner: u32) -> Self {
        Self {
            users: Bucket::new(per_owner),
            others: Bucket::new(per_owner),
        }
    }

    /// Waits for a permit to store a call of `owner`. There is one permit per group of owners; dropping it releases it.
    ///
    /// # Errors
    /// [`Refusal::Busy`] if the owner has reached the limit, or if the wait for other calls timed out.
    pub async fn acquire(&self, owner: &Owner<'_>) -> Result<SemaphorePermit<'_>, Refusal> {
        let bucket = match owner.user_id {
            Some(_) => &self.users,
            None => &self.others,
        };
        bucket.count(&owner.counted_as, Instant::now())?;
        let permit = timeout(MAX_WAIT, bucket.writing.acquire())
            .await
            .map_err(|_| Refusal::Busy { retry_after: 1 })?;
        Ok(permit.map_err(|error| InternalError::new("waiting to store a pending call", error))?)
    }
}

/// A group of owners, whose calls are written one at a time.
#[derive(Debug)]
struct Bucket {
    per_owner: u32,
    counted: Mutex<Counted>,
    writing: Semaphore,
}

/// The number of calls per owner in the current minute.
#[derive(Debug)]
struct Counted {
    began: Instant,
    calls: HashMap<TokenHash, u32>,
}

impl Counted {
    fn since(began: Instant) -> Self {
        Self {
            began,
            calls: HashMap::new(),
        }
    }
}

impl Bucket {
    fn new(per_owner: u32) -> Self {
        Self {
            per_owner,
            counted: Mutex::new(Counted::since(Instant::now())),
            writing: Semaphore::new(1),
        }
    }

    /// Counts a call, unless the owner has reached the limit.
    fn count(&self, owner: &TokenHash, now: Instant) -> Result<(), Refusal> {
        let mut counted = self.counted();
        if now.duration_since(counted.began) >= MINUTE {
            *counted = Counted::since(now);
        }
        let calls = counted.calls.get(owner).copied().unwrap_or_default();
        if calls >= self.per_owner {
            let remaining = MINUTE.saturating_sub(now.duration_since(counted.began));
            return Err(Refusal::Busy {
                retry_after: throttle::seconds(remaining),
            });
        }
        if calls > 0 || counted.calls.len() < MAX_OWNERS {
            counted.calls.insert(owner.clone(), calls + 1);
        }
        Ok(())
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> TokenHash {
        TokenHash::of(name.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn each_owner_has_a_limit_per_minute() {
        let bucket = Bucket::new(2);
        let (ada, bob, began) = (owner("ada"), owner("bob"), Instant::now());
        for _ in 0..2 {
            bucket.count(&ada, began).unwrap();
        }
        let midway = began + Duration::from_millis(20_500);
        for _ in 0..10 {
            assert_eq!(bucket.count(&ada, midway), Err(Refusal::Busy { retry_after: 40 }));
        }
        bucket.count(&bob, midway).unwrap();
        bucket.count(&ada, began + MINUTE).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_counted_is_bounded_and_goes_with_its_minute() {
        let bucket = Bucket::new(1);
        let began = Instant::now();
        for number in 0..MAX_OWNERS + 10 {
            bucket.count(&owner(&number.to_string()), began).unwrap();
        }
        assert_eq!(bucket.counted().calls.len(), MAX_OWNERS);
        assert!(bucket.count(&owner("0"), began).is_err());
        bucket.count(&owner("0"), began + MINUTE).unwrap();
        assert_eq!(bucket.counted().calls.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_a_kind_is_written_at_a_time_and_the_other_kind_does_not_wait_for_it() {
        let limiter = PendingCallLimiter::new(10);
        let other = Owner {
            user_id: None,
            counted_as: owner("an address"),
        };
        let user = Owner {
            user_id: Some("ada"),
            counted_as: owner("ada"),
        };
        let permit = limiter.acquire(&other).await.unwrap();
        let late = limiter.acquire(&other).await;
        assert!(matches!(late, Err(Refusal::Busy { retry_after: 1 })));
        drop(limiter.acquire(&user).await.unwrap());
        drop(permit);
        drop(limiter.acquire(&other).await.unwrap());
    }
}
