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
    server::{model::token::TokenHash, storage::kept_calls::Keeper, telemetry::error::Fault, throttle},
};

/// For how long at the most a kept call counts.
const MINUTE: Duration = Duration::from_mins(1);

/// How long one waits for others that are being written.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How many keepers of a kind are counted within a minute: how many there are is up to strangers. Those who come after
/// them are not counted, and get a turn like all others.
const MOST_KEEPERS: usize = 10_000;

/// The pace of each kind of keeper.
#[derive(Debug)]
pub struct Pace {
    users: Lane,
    others: Lane,
}

impl Pace {
    /// So many for each keeper within a minute.
    pub fn new(most_of_one: u32) -> Self {
        Self {
            users: Lane::new(most_of_one),
            others: Lane::new(most_of_one),
        }
    }

    /// Waits for the turn of a call that is to be kept for `keeper`. The next one of that kind has its turn once this is
    /// dropped.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where there were too many for this keeper, or the wait for others was too long.
    pub async fn turn(&self, keeper: &Keeper<'_>) -> Result<SemaphorePermit<'_>, Refusal> {
        let lane = match keeper.user_id {
            Some(_) => &self.users,
            None => &self.others,
        };
        lane.count(&keeper.counted_as, Instant::now())?;
        let turn = timeout(MAX_WAIT, lane.writing.acquire())
            .await
            .map_err(|_| Refusal::Busy { retry_after: 1 })?;
        Ok(turn.map_err(|error| Fault::new("waiting to keep a call", error))?)
    }
}

/// One after the other.
#[derive(Debug)]
struct Lane {
    most_of_one: u32,
    counted: Mutex<Counted>,
    writing: Semaphore,
}

/// How many there were for each keeper within the present minute.
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

impl Lane {
    fn new(most_of_one: u32) -> Self {
        Self {
            most_of_one,
            counted: Mutex::new(Counted::since(Instant::now())),
            writing: Semaphore::new(1),
        }
    }

    /// Counts one, unless there were too many.
    fn count(&self, keeper: &TokenHash, now: Instant) -> Result<(), Refusal> {
        let mut counted = self.counted();
        if now.duration_since(counted.began) >= MINUTE {
            *counted = Counted::since(now);
        }
        let calls = counted.calls.get(keeper).copied().unwrap_or_default();
        if calls >= self.most_of_one {
            let left = MINUTE.saturating_sub(now.duration_since(counted.began));
            return Err(Refusal::Busy {
                retry_after: throttle::seconds(left),
            });
        }
        if calls > 0 || counted.calls.len() < MOST_KEEPERS {
            counted.calls.insert(keeper.clone(), calls + 1);
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

    fn keeper(name: &str) -> TokenHash {
        TokenHash::of(name.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn each_keeper_has_so_many_within_a_minute() {
        let lane = Lane::new(2);
        let (ada, bob, began) = (keeper("ada"), keeper("bob"), Instant::now());
        for _ in 0..2 {
            lane.count(&ada, began).unwrap();
        }
        let midway = began + Duration::from_millis(20_500);
        for _ in 0..10 {
            assert_eq!(lane.count(&ada, midway), Err(Refusal::Busy { retry_after: 40 }));
        }
        lane.count(&bob, midway).unwrap();
        lane.count(&ada, began + MINUTE).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_counted_is_bounded_and_goes_with_its_minute() {
        let lane = Lane::new(1);
        let began = Instant::now();
        for number in 0..MOST_KEEPERS + 10 {
            lane.count(&keeper(&number.to_string()), began).unwrap();
        }
        assert_eq!(lane.counted().calls.len(), MOST_KEEPERS);
        assert!(lane.count(&keeper("0"), began).is_err());
        lane.count(&keeper("0"), began + MINUTE).unwrap();
        assert_eq!(lane.counted().calls.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_a_kind_is_written_at_a_time_and_the_other_kind_does_not_wait_for_it() {
        let pace = Pace::new(10);
        let other = Keeper {
            user_id: None,
            counted_as: keeper("an address"),
        };
        let user = Keeper {
            user_id: Some("ada"),
            counted_as: keeper("ada"),
        };
        let turn = pace.turn(&other).await.unwrap();
        let late = pace.turn(&other).await;
        assert!(matches!(late, Err(Refusal::Busy { retry_after: 1 })));
        drop(pace.turn(&user).await.unwrap());
        drop(turn);
        drop(pace.turn(&other).await.unwrap());
    }
}
