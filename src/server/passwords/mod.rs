//! Password hashing and verification, on blocking threads and with a bounded number of permits.
//!
//! A hash that has started runs to completion and holds its permit, even if the client disconnects.

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
        Message, Refusal,
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

/// Its methods fail with [`Refusal::Busy`] if no permit becomes free in time.
#[derive(Clone)]
pub struct Passwords {
    hasher: Hasher,
    permits: Arc<Semaphore>,
    per_user: PerUserLock,
    max_wait: Duration,
    min_chars: usize,
}

impl Passwords {
    pub fn new(settings: &config::Passwords) -> anyhow::Result<Self> {
        Ok(Self {
            hasher: Hasher::new(settings)?,
            permits: Arc::new(Semaphore::new(settings.permits.get().min(Semaphore::MAX_PERMITS))),
            per_user: PerUserLock::default(),
            max_wait: settings.max_wait_ms.duration(),
            min_chars: settings.min_chars,
        })
    }

    /// Hashes a password with a random salt.
    pub async fn hash(&self, password: Password) -> Result<String, Refusal> {
        self.work(self.deadline(), move |hasher| hasher.hash(&password)).await
    }

    /// Like [`Self::hash`], but waits for a permit without a limit. Startup must not fail because the server is busy.
    pub async fn hash_at_startup(&self, password: Password) -> Result<String, Refusal> {
        let permit = self.permit().await?;
        self.run(permit, move |hasher| hasher.hash(&password)).await
    }

    /// Hashes a newly chosen password. If the policy rejects it, returns the reason, as a text that follows "password".
    pub async fn hash_new(&self, password: NewPassword, user_id: &str) -> Result<Result<String, Message>, Refusal> {
        self.hash_chosen(password, user_id, None).await
    }

    /// Like [`Self::hash_new`], for a user who is logged in. Refuses a second password of the same user while one is
    /// being hashed, because the rate limit for logins does not apply here.
    pub async fn hash_own(&self, password: NewPassword, user_id: &str) -> Result<Result<String, Message>, Refusal> {
        let guard = self.per_user.lock(user_id).ok_or(Refusal::Busy { retry_after: 1 })?;
        self.hash_chosen(password, user_id, Some(guard)).await
    }

    async fn hash_chosen(
        &self,
        password: NewPassword,
        user_id: &str,
        guard: Option<PerUserGuard>,
    ) -> Result<Result<String, Message>, Refusal> {
        let (user_id, min_chars) = (user_id.to_owned(), self.min_chars);
        self.work(self.deadline(), move |hasher| {
            // Held until the work is done: the request may be cancelled earlier.
            let _guard = guard;
            match policy::problem(&password, &user_id, min_chars) {
                None => hasher.hash(&password.0).map(Ok),
                Some(problem) => Ok(Err(problem)),
            }
        })
        .await
    }

    /// Verifies a password against a stored hash. Without one, does the same amount of work and returns a negative
    /// result. Waits for a permit until `deadline`. Even after the deadline, a free permit is used.
    pub async fn verify_by(
        &self,
        deadline: Instant,
        password: Password,
        stored: Option<String>,
    ) -> Result<Verdict, Refusal> {
        self.work(deadline, move |hasher| hasher.verify(&password, stored.as_deref()))
            .await
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.max_wait
    }

    async fn work<T: Send + 'static>(
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
        let task = spawn_blocking(move || {
            let _permit = permit;
            scope_blocking(request, || work(&hasher))
        });
        Ok(task
            .await
            .map_err(|error| InternalError::new("hashing a password", error))??)
    }
}

/// Whether a password is longer than [`Password::MAX_CHARS`] after normalization. Stops at that length, because one
/// character can expand to many.
pub fn is_too_long(password: &Password) -> bool {
    password.reveal().nfkc().nth(Password::MAX_CHARS).is_some()
}

/// Normalizes a password, so that it does not depend on how a keyboard composes characters (NFKC; NIST SP 800-63B,
/// 3.1.1.2).
pub(super) fn normalize(password: &Password) -> Zeroizing<String> {
    Zeroizing::new(password.reveal().nfkc().collect())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt as _;

    use super::*;

    impl Passwords {
        async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Refusal> {
            self.verify_by(self.deadline(), password, stored).await
        }
    }

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
    async fn a_hash_is_argon2id_with_a_random_salt() {
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
                    .is_correct
            );
        }
        assert!(passwords.verify(typed(&long), Some(stored)).await.unwrap().is_correct);
    }

    #[tokio::test]
    async fn composed_and_decomposed_characters_are_equal() {
        let passwords = with_memory(64);
        let stored = passwords.hash(typed("sche\u{301}ma \u{fb01}ve")).await.unwrap();
        for same in ["sch\u{e9}ma five", "sche\u{301}ma five"] {
            assert!(
                passwords
                    .verify(typed(same), Some(stored.clone()))
                    .await
                    .unwrap()
                    .is_correct
            );
        }
        assert!(
            !passwords
                .verify(typed("schema five"), Some(stored))
                .await
                .unwrap()
                .is_correct
        );
    }

    #[tokio::test]
    async fn a_cheaper_hash_is_outdated_and_still_verifies() {
        let stored = with_memory(64).hash(typed("a")).await.unwrap();
        for (memory_kib, is_outdated) in [(32, false), (64, false), (65, true), (128, true)] {
            let passwords = with_memory(memory_kib);
            for (password, is_correct) in [("a", true), ("b", false)] {
                let verdict = passwords.verify(typed(password), Some(stored.clone())).await.unwrap();
                assert_eq!((verdict.is_correct, verdict.is_outdated), (is_correct, is_outdated));
            }
        }
    }

    #[tokio::test]
    async fn no_password_is_correct_for_an_unknown_user() {
        let passwords = with_memory(64);
        assert!(
            !passwords
                .verify(typed("nobody has this password"), None)
                .await
                .unwrap()
                .is_correct
        );
    }

    #[tokio::test]
    async fn without_a_free_permit_hashing_is_refused_as_busy() {
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
        let mut hashing = pin!(passwords.hash_at_startup(typed("a")));
        assert!(hashing.as_mut().now_or_never().is_none(), "it waits");
        // A login that arrives later gives up earlier, because its wait is limited.
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
        let (first, second, other_user) = tokio::join!(
            passwords.hash_own(new(), "ada"),
            passwords.hash_own(new(), "ada"),
            passwords.hash_own(new(), "bob"),
        );
        // `first` and `other_user` waited for a permit; `second` was refused immediately.
        assert_eq!(first, Err(Refusal::Busy { retry_after: 2 }));
        assert_eq!(second, Err(Refusal::Busy { retry_after: 1 }));
        assert_eq!(other_user, Err(Refusal::Busy { retry_after: 2 }));
        passwords.permits = Arc::new(Semaphore::new(1));
        passwords.max_wait = Duration::from_secs(2);
        passwords.hash_own(new(), "ada").await.unwrap().unwrap();
    }
}
