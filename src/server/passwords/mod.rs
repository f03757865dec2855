//! Passwords: hashed and verified off the async workers, behind a bounded number of permits.
//!
//! A hash that has begun runs to its end and holds its permit, also when the client has gone.

mod hashing;
pub mod per_user;
pub mod policy;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

pub use self::hashing::Verdict;
use self::{
    hashing::Hasher,
    per_user::{PerUserGuard, PerUserLock},
};
use crate::{
    contract::{
        Refusal,
        login::{NewPassword, Password},
    },
    server::{
        config,
        telemetry::{
            error::InternalError,
            request::{RequestContext, scope_blocking},
        },
    },
};

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Passwords {
    hasher: Hasher,
    permits: Arc<Semaphore>,
    per_user: PerUserLock,
    max_wait: Duration,
    min_chars: usize,
}

impl Passwords {
    /// Hashing as `settings` say.
    ///
    /// # Errors
    /// Costs that argon2 does not take.
    pub fn new(settings: &config::Passwords) -> anyhow::Result<Self> {
        Ok(Self {
            hasher: Hasher::new(settings)?,
            permits: Arc::new(Semaphore::new(settings.permits.get().min(Semaphore::MAX_PERMITS))),
            per_user: PerUserLock::default(),
            max_wait: settings.max_wait_ms.duration(),
            min_chars: settings.min_chars,
        })
    }

    /// Hashes a password, with a salt of its own.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed.
    pub async fn hash(&self, password: Password) -> Result<String, Refusal> {
        self.work(move |hasher| hasher.hash(&password)).await
    }

    /// The same however long it takes, for a start: nobody waits for an answer, and nothing is to fail because others wait.
    ///
    /// # Errors
    /// A fault where the system has no random numbers.
    pub async fn hash_at_start(&self, password: Password) -> Result<String, Refusal> {
        let permit = self.permit().await?;
        self.run(permit, move |hasher| hasher.hash(&password)).await
    }

    /// Hashes a password that somebody chose, if it is good enough for `user_id`; otherwise says why it is not, in words
    /// that go after "password".
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed.
    pub async fn hash_new(&self, password: NewPassword, user_id: &str) -> Result<Result<String, String>, Refusal> {
        self.hash_chosen(password, user_id, None).await
    }

    /// The same for a user who is logged in, and so can ask for it as often as others log in: one at a time.
    ///
    /// # Errors
    /// [`Refusal::Busy`], at once where another password of this user is being hashed.
    pub async fn hash_own(&self, password: NewPassword, user_id: &str) -> Result<Result<String, String>, Refusal> {
        let own = self.per_user.lock(user_id).ok_or(Refusal::Busy { retry_after: 1 })?;
        self.hash_chosen(password, user_id, Some(own)).await
    }

    async fn hash_chosen(
        &self,
        password: NewPassword,
        user_id: &str,
        own: Option<PerUserGuard>,
    ) -> Result<Result<String, String>, Refusal> {
        let (user_id, min_chars) = (user_id.to_owned(), self.min_chars);
        self.work(move |hasher| {
            // With the work, and not with the request: that can be gone before.
            let _own = own;
            match policy::problem(&password, &user_id, min_chars) {
                None => hasher.hash(&password.0).map(Ok),
                Some(problem) => Ok(Err(problem)),
            }
        })
        .await
    }

    /// Verifies a password against the stored hash of a user, or does the same work for nothing where there is none.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed; a fault where the stored hash is unreadable.
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Refusal> {
        self.verify_by(Instant::now() + self.max_wait, password, stored).await
    }

    /// The same for somebody who has waited already: a permit has to come by `deadline`, unless one is free at once.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_by(
        &self,
        deadline: Instant,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, Refusal> {
        self.work_by(deadline, move |hasher| hasher.verify(&password, stored.as_deref()))
            .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hasher) -> Result<T, InternalError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.work_by(Instant::now() + self.max_wait, work).await
    }

    async fn work_by<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Hasher) -> Result<T, InternalError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = timeout_at(deadline, self.permit()).await;
        let permit = permit.map_err(|_| Refusal::Busy { retry_after: 2 })??;
        self.run(permit, work).await
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, InternalError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        permit.map_err(|error| InternalError::new("waiting to hash a password", error))
    }

    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Hasher) -> Result<T, InternalError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let hasher = self.hasher.clone();
        let request = RequestContext::current();
        let done = spawn_blocking(move || {
            let _permit = permit;
            scope_blocking(request, || work(&hasher))
        });
        Ok(done
            .await
            .map_err(|error| InternalError::new("hashing a password", error))??)
    }
}

/// Whether a password is longer than [`Password::MAX_CHARS`], however its accents are put together. No further than that is
/// looked: a letter can become many.
pub fn is_too_long(password: &Password) -> bool {
    password.reveal().nfkc().nth(Password::MAX_CHARS).is_some()
}

/// One and the same password, however the accents of its letters were put together (NFKC; NIST SP 800-63B, 3.1.1.2).
pub(super) fn normalised(password: &Password) -> Zeroizing<String> {
    Zeroizing::new(password.reveal().nfkc().collect())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    fn with_memory(memory_kib: u32) -> Passwords {
        Passwords::new(&config::Passwords {
            min_chars: 15,
            memory_kib,
            iterations: 1,
            parallelism: 1,
            permits: config::Count::new(2).unwrap(),
            max_wait_ms: 2000.try_into().unwrap(),
        })
        .unwrap()
    }

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_a_salt_of_its_own() {
        let passwords = with_memory(64);
        let (one, two) = (
            passwords.hash(typed("a")).await.unwrap(),
            passwords.hash(typed("a")).await.unwrap(),
        );
        assert!(one.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{one}");
        assert_ne!(one, two);
    }

    #[tokio::test]
    async fn every_byte_of_a_long_password_counts() {
        let passwords = with_memory(64);
        let long = "x".repeat(200);
        let stored = passwords.hash(typed(&long)).await.unwrap();
        for at in [72, 199] {
            let mut other = long.clone();
            other.replace_range(at..=at, "y");
            assert!(
                !passwords
                    .verify(typed(&other), Some(stored.clone()))
                    .await
                    .unwrap()
                    .is_right
            );
        }
        assert!(passwords.verify(typed(&long), Some(stored)).await.unwrap().is_right);
    }

    #[tokio::test]
    async fn it_does_not_matter_how_an_accent_was_typed() {
        let passwords = with_memory(64);
        let stored = passwords.hash(typed("sche\u{301}ma \u{fb01}ve")).await.unwrap();
        for same in ["sch\u{e9}ma five", "sche\u{301}ma five"] {
            assert!(
                passwords
                    .verify(typed(same), Some(stored.clone()))
                    .await
                    .unwrap()
                    .is_right
            );
        }
        assert!(
            !passwords
                .verify(typed("schema five"), Some(stored))
                .await
                .unwrap()
                .is_right
        );
    }

    #[tokio::test]
    async fn a_hash_from_cheaper_days_is_told_and_still_good() {
        let stored = with_memory(64).hash(typed("a")).await.unwrap();
        for (memory_kib, is_outdated) in [(32, false), (64, false), (65, true), (128, true)] {
            let passwords = with_memory(memory_kib);
            for (password, is_right) in [("a", true), ("b", false)] {
                let verdict = passwords.verify(typed(password), Some(stored.clone())).await.unwrap();
                assert_eq!((verdict.is_right, verdict.is_outdated), (is_right, is_outdated));
            }
        }
    }

    #[tokio::test]
    async fn nobody_logs_in_as_an_unknown_user() {
        let passwords = with_memory(64);
        assert!(
            !passwords
                .verify(typed("nobody has this password"), None)
                .await
                .unwrap()
                .is_right
        );
    }

    #[tokio::test]
    async fn surplus_work_is_refused_as_busy() {
        let mut passwords = with_memory(64);
        passwords.permits = Arc::new(Semaphore::new(0));
        passwords.max_wait = Duration::from_millis(1);
        assert!(matches!(passwords.hash(typed("a")).await, Err(Refusal::Busy { .. })));
    }

    #[tokio::test]
    async fn a_start_waits_for_its_turn_however_long_that_takes() {
        let mut passwords = with_memory(64);
        passwords.permits = Arc::new(Semaphore::new(1));
        passwords.max_wait = Duration::ZERO;
        let first = passwords.permit().await.unwrap();
        let mut hashing = pin!(passwords.hash_at_start(typed("a")));
        assert!(hashing.as_mut().now_or_never().is_none(), "it waits");
        // A login that comes later is given up before.
        assert_eq!(passwords.hash(typed("a")).await, Err(Refusal::Busy { retry_after: 2 }));
        assert!(hashing.as_mut().now_or_never().is_none(), "it still waits");
        drop(first);
        hashing.await.unwrap();
    }

    #[tokio::test]
    async fn a_user_has_one_password_hashed_at_a_time() {
        let mut passwords = with_memory(64);
        let new = || NewPassword(typed("seven small zebras swim"));
        passwords.permits = Arc::new(Semaphore::new(0));
        passwords.max_wait = Duration::from_millis(1);
        let (first, second, others) = tokio::join!(
            passwords.hash_own(new(), "ada"),
            passwords.hash_own(new(), "ada"),
            passwords.hash_own(new(), "bob"),
        );
        // Those that are in line have waited for a permit.
        assert_eq!(first, Err(Refusal::Busy { retry_after: 2 }));
        assert_eq!(second, Err(Refusal::Busy { retry_after: 1 }));
        assert_eq!(others, Err(Refusal::Busy { retry_after: 2 }));
        passwords.permits = Arc::new(Semaphore::new(1));
        passwords.max_wait = Duration::from_secs(2);
        passwords.hash_own(new(), "ada").await.unwrap().unwrap();
    }
}
