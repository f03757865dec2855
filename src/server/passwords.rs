//! Password hashes: argon2id (RFC 9106), off the async workers, a few at a time.
//!
//! A login for a user that does not exist costs the same work as one for a user that does: a hash made from the present
//! settings is verified in its place, and where a stored hash is from cheaper days, the difference is made up for. (One from
//! dearer days costs more than the settings ask for, until its password is changed.) The work holds its permit until it is
//! done, also when the client has gone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, RECOMMENDED_SALT_LEN, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::{fault::Fault, password_policy, settings};
use crate::contract::{
    Refusal,
    login::{NewPassword, Password},
};

/// What a verification came to.
#[derive(Debug)]
pub struct Verdict {
    /// Whether the password is right. Never true where there was no stored hash.
    pub is_right: bool,
    /// Whether the stored hash is cheaper than the settings ask for.
    pub is_outdated: bool,
}

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Passwords {
    hasher: Argon2<'static>,
    permits: Arc<Semaphore>,
    max_wait: Duration,
    unknown_user: Arc<str>,
    min_chars: usize,
}

impl Passwords {
    /// Hashing as `settings` say.
    ///
    /// # Errors
    /// Costs that argon2 does not take.
    pub fn new(settings: &settings::Passwords) -> anyhow::Result<Self> {
        let params = Params::new(settings.memory_kib, settings.iterations, settings.parallelism, None)
            .map_err(|error| anyhow::anyhow!("the password costs are not usable: {error}"))?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown_user = hash(&hasher, &Password::new("nobody has this password".to_owned()))?;
        Ok(Self {
            hasher,
            permits: Arc::new(Semaphore::new(settings.permits)),
            max_wait: Duration::from_millis(settings.max_wait_ms),
            unknown_user: unknown_user.into(),
            min_chars: settings.min_chars,
        })
    }

    /// Hashes a password, with a salt of its own.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed.
    pub async fn hash(&self, password: Password) -> Result<String, Refusal> {
        self.work(move |hasher| hash(hasher, &password)).await
    }

    /// Hashes a password that somebody chose, if it is good enough for `user_id`; otherwise says why it is not, in words
    /// that go after "password".
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed.
    pub async fn hash_new(&self, password: NewPassword, user_id: &str) -> Result<Result<String, String>, Refusal> {
        let (user_id, min_chars) = (user_id.to_owned(), self.min_chars);
        self.work(
            move |hasher| match password_policy::problem(&password, &user_id, min_chars) {
                None => hash(hasher, &password.0).map(Ok),
                Some(problem) => Ok(Err(problem)),
            },
        )
        .await
    }

    /// Verifies a password against the stored hash of a user, or does the same work for nothing where there is none.
    ///
    /// # Errors
    /// [`Refusal::Busy`] where too many are being hashed; a fault where the stored hash is unreadable.
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, Refusal> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.unknown_user.as_ref().to_owned());
        self.work(move |hasher| {
            let parsed = PasswordHash::new(&stored).map_err(|error| Fault::new("reading a password hash", error))?;
            let began = Instant::now();
            let is_right = hasher
                .verify_password(normalised(&password).as_bytes(), &parsed)
                .is_ok()
                && is_known;
            if let Ok(params) = Params::try_from(&parsed) {
                tell("verify", &params, began);
            }
            let is_outdated = is_cheaper(&parsed, hasher.params());
            if is_outdated {
                make_up_for(&parsed, hasher, &password)?;
            }
            Ok(Verdict { is_right, is_outdated })
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = tokio::time::timeout(self.max_wait, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| Refusal::Busy { retry_after: 2 })?
            .map_err(|error| Fault::new("waiting to hash a password", error))?;
        let hasher = self.hasher.clone();
        let span = tracing::Span::current();
        let worked = tokio::task::spawn_blocking(move || {
            // Given back when the work is done, not when its client stops waiting.
            let _permit = permit;
            span.in_scope(|| work(&hasher))
        });
        Ok(worked
            .await
            .map_err(|error| Fault::new("hashing a password", error))??)
    }
}

/// Whether a password is longer than [`Password::MAX_CHARS`], however its accents are put together.
pub fn is_too_long(password: &Password) -> bool {
    normalised(password).chars().nth(Password::MAX_CHARS).is_some()
}

/// One and the same password, however the accents of its letters were put together (NFKC; NIST SP 800-63B, 3.1.1.2).
pub(super) fn normalised(password: &Password) -> Zeroizing<String> {
    Zeroizing::new(password.reveal().nfkc().collect())
}

fn hash(hasher: &Argon2<'static>, password: &Password) -> Result<String, Fault> {
    let began = Instant::now();
    let hash: PasswordHash = hasher
        .hash_password(normalised(password).as_bytes())
        .map_err(|error| Fault::new("hashing a password", error))?;
    tell("hash", hasher.params(), began);
    Ok(hash.to_string())
}

/// Does the work that `cheap` saved: otherwise users who have not logged in since the costs were raised could be told, by
/// the time, from names that nobody has. Work is memory times iterations.
fn make_up_for(cheap: &PasswordHash, hasher: &Argon2<'static>, password: &Password) -> Result<(), Fault> {
    let work = |params: &Params| u64::from(params.m_cost()) * u64::from(params.t_cost());
    let (asked, began) = (hasher.params(), Instant::now());
    let saved = work(asked).saturating_sub(Params::try_from(cheap).map_or(0, |found| work(&found)));
    let memory_kib = u32::try_from(saved / u64::from(asked.t_cost())).unwrap_or(asked.m_cost());
    // Less than argon2 does at the least is too little to be seen.
    let Ok(params) = Params::new(memory_kib, asked.t_cost(), asked.p_cost(), None) else {
        return Ok(());
    };
    let mut unused = Zeroizing::new([0; Params::DEFAULT_OUTPUT_LEN]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into(
            normalised(password).as_bytes(),
            &[0; RECOMMENDED_SALT_LEN],
            &mut *unused,
        )
        .map_err(|error| Fault::new("hashing a password", error.to_string()))?;
    tell("make_up", &params, began);
    Ok(())
}

/// Tells operators who look for it what a piece of work took, so that costs can be chosen by what they do here.
fn tell(purpose: &str, params: &Params, began: Instant) {
    tracing::debug!(
        target: "callgate::passwords",
        purpose,
        memory_kib = params.m_cost(),
        iterations = params.t_cost(),
        took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "hashed a password"
    );
}

/// Whether a hash took less work than `params` ask for. A dearer one is kept: lowering the settings weakens nobody.
fn is_cheaper(hash: &PasswordHash, params: &Params) -> bool {
    let is_dear_enough = |found: Params| found.m_cost() >= params.m_cost() && found.t_cost() >= params.t_cost();
    hash.algorithm != Algorithm::Argon2id.ident() || !Params::try_from(hash).is_ok_and(is_dear_enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_memory(memory_kib: u32) -> Passwords {
        Passwords::new(&settings::Passwords {
            min_chars: 15,
            memory_kib,
            iterations: 1,
            parallelism: 1,
            permits: 2,
            max_wait_ms: 2000,
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

    /// security check 44
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
}
