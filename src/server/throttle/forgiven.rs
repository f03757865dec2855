//! What was forgiven in this process and is still stored as failed.
//!
//! A login waits for the disk twice, when it is counted and when its session is stored. That what was counted is forgiven is
//! known here at once, and stored a moment later, that of many logins together. Should the process be killed in between, an
//! attempt that was none goes on counting; other processes learn of it when it is stored. It is never the other way round:
//! what failed is stored first.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};

use crate::server::{
    fault::Fault,
    storage::{
        Storage,
        failed_logins::{Failure, StoredAttempt},
    },
};

/// How long what is forgiven is collected before it is stored.
const COLLECT: Duration = Duration::from_millis(100);
/// How long to wait after the database took nothing.
const RETRY: Duration = Duration::from_secs(10);

/// The attempts that turned out right, and are to be stored as such. There are few: an attempt is counted before, and where
/// the database takes nothing, none is.
#[derive(Debug, Default)]
pub struct Forgiven {
    attempts: Mutex<Vec<StoredAttempt>>,
    news: Notify,
}

impl Forgiven {
    /// Notes an attempt, and with it what had failed before for its account.
    pub fn note(&self, attempt: StoredAttempt) {
        self.lock().push(attempt);
        self.news.notify_one();
    }

    /// What is not forgiven of the failures of the account and the address of `attempt`.
    pub fn without(&self, failures: &[Failure], attempt: &StoredAttempt) -> Vec<Failure> {
        let forgiven = self.lock();
        let counts = |failure: &&Failure| {
            !forgiven.iter().any(|forgiven| match failure.is_of_account {
                true => forgiven.account == attempt.account && failure.failed_at <= forgiven.at.0,
                false => forgiven.id == failure.attempt,
            })
        };
        failures.iter().filter(counts).copied().collect()
    }

    /// Stores what is forgiven, for as long as the server runs.
    pub async fn store_forever(&self, storage: &Storage) {
        loop {
            self.news.notified().await;
            sleep(COLLECT).await;
            while let Err(fault) = self.store(storage).await {
                fault.log();
                sleep(RETRY).await;
            }
        }
    }

    /// Stores what is forgiven now.
    ///
    /// # Errors
    /// A fault of the database; then it is kept.
    pub async fn store(&self, storage: &Storage) -> Result<(), Fault> {
        let attempts = self.lock().clone();
        storage.forgive_failures(&attempts).await?;
        self.lock()
            .retain(|kept| attempts.iter().all(|stored| stored.id != kept.id));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<StoredAttempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
