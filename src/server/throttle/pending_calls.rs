//! How fast calls are kept: each is a write, and whoever logs in or out waits for the same database.
//!
//! Users and those who are not logged in are counted apart and write apart, so the one kind does not hold up the other.

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

/// For how long at the most a kept call counts.
const MINUTE: Duration = Duration::from_mins(1);

/// How long one waits for others that are being written.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How many owners of a kind are counted within a minute: how many there are is up to strangers. Those who come after
/// them are not counted, and get a permit like all others.
const MAX_OWNERS: usize = 10_000;

/// The limiter of each kind of owner.
#[derive(Debug)]
pub struct PendingCallLimiter {
    users: Bucket,
    others: Bucket,
}

impl PendingCallLimiter {
    /// So many for each owner within a minute.
    pub fn new(per_owner: u32) -> Self {
        Self {
            users: Bucket::new(per_owner),
            others: Bucket::new(per_owner),
        }
    }

    /// Waits for the permit of a call that is to be kept for `owner`. The next one of that kind has its permit once this is
    /// dropped.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where there were too many for this owner, or the wait for others was too long.
    pub async fn acquire(&self, owner: &Owner<'_>) -> Result<SemaphorePermit<'_>, Refusal> {
        let bucket = match owner.user_id {
            Some(_) => &self.users,
            None => &self.others,
        };
        bucket.count(&owner.counted_as, Instant::now())?;
        let permit = timeout(MAX_WAIT, bucket.writing.acquire())
            .await
            .map_err(|_| Refusal::Busy { retry_after: 1 })?;
        Ok(permit.map_err(|error| InternalError::new("waiting to keep a call", error))?)
    }
}

/// One after the other.
#[derive(Debug)]
struct Bucket {
    per_owner: u32,
    counted: Mutex<Counted>,
    writing: Semaphore,
}

/// How many there were for each owner within the present minute.
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

    /// Counts one, unless there were too many.
    fn count(&self, owner: &TokenHash, now: Instant) -> Result<(), Refusal> {
        let mut counted = self.counted();
        if now.duration_since(counted.began) >= MINUTE {
            *counted = Counted::since(now);
        }
        let calls = counted.calls.get(owner).copied().unwrap_or_default();
        if calls >= self.per_owner {
            let left = MINUTE.saturating_sub(now.duration_since(counted.began));
            return Err(Refusal::Busy {
                retry_after: throttle::seconds(left),
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
    async fn each_keeper_has_so_many_within_a_minute() {
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
