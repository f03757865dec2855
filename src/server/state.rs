//! The application state: built once at start-up and shared by all requests.

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::server::{
    audit::Audit,
    config::{Settings, origin},
    passwords::Passwords,
    sessions::store::Store,
    storage::{OpenFor, Storage},
    throttle::{Throttle, pending_calls::PendingCallLimiter},
};

/// Settings, database, sessions, password hashing, rate limits and audit log. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    settings: Settings,
    storage: Storage,
    sessions: Arc<Store>,
    passwords: Passwords,
    throttle: Throttle,
    pending_call_limiter: PendingCallLimiter,
    audit: Audit,
    shutdown: CancellationToken,
    cookie_suffix: String,
}

impl AppState {
    /// Opens the database in the data directory of `settings`.
    pub async fn open(settings: Settings, open_for: OpenFor) -> anyhow::Result<Self> {
        let storage = Storage::open(&settings.data, open_for, settings.demo).await?;
        Self::from_storage(storage, settings)
    }

    /// Creates a state with an empty, private in-memory database.
    pub async fn in_memory(settings: Settings) -> anyhow::Result<Self> {
        Self::from_storage(Storage::in_memory().await?, settings)
    }

    fn from_storage(storage: Storage, settings: Settings) -> anyhow::Result<Self> {
        let passwords = Passwords::new(&settings.passwords)?;
        Ok(Self::new(storage, settings, passwords))
    }

    /// Creates a state with the same settings and another database, to evaluate guards against hypothetical roles.
    #[must_use]
    pub fn with_storage(&self, storage: Storage) -> Self {
        Self::new(storage, self.settings().clone(), self.passwords().clone())
    }

    fn new(storage: Storage, settings: Settings, passwords: Passwords) -> Self {
        let inner = Inner {
            sessions: Arc::new(Store::new(storage.clone(), &settings.sessions)),
            passwords,
            throttle: Throttle::new(storage.clone(), &settings),
            pending_call_limiter: PendingCallLimiter::new(settings.limits.kept_calls_per_minute.get()),
            audit: Audit::new(storage.clone()),
            shutdown: CancellationToken::new(),
            cookie_suffix: origin::cookie_suffix(&settings.origin()),
            storage,
            settings,
        };
        Self(Arc::new(inner))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The suffix of all cookie names of this site; see [`origin::cookie_suffix`].
    pub fn cookie_suffix(&self) -> &str {
        &self.0.cookie_suffix
    }

    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub fn sessions(&self) -> &Arc<Store> {
        &self.0.sessions
    }

    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// The audit log and the call log.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Cancelled when the shutdown begins.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub fn pending_call_limiter(&self) -> &PendingCallLimiter {
        &self.0.pending_call_limiter
    }

    /// The rate limits for logins.
    pub fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppState(…)")
    }
}
