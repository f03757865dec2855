//! What the server works with: made once at start-up, handed to every request.

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

/// Settings, database, sessions, password hashing, throttling and audit trail, behind one cheap handle.
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
    /// Opens the database and prepares the rest.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn open(settings: Settings, open_for: OpenFor) -> anyhow::Result<Self> {
        let storage = Storage::open(&settings.data, open_for, settings.demo).await?;
        Self::on(storage, settings)
    }

    /// The same on an empty database in memory that nobody else sees.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn in_memory(settings: Settings) -> anyhow::Result<Self> {
        Self::on(Storage::in_memory().await?, settings)
    }

    fn on(storage: Storage, settings: Settings) -> anyhow::Result<Self> {
        let passwords = Passwords::new(&settings.passwords)?;
        Ok(Self::with(storage, settings, passwords))
    }

    /// The same beside another database, for questions that begin with "what if".
    #[must_use]
    pub fn with_storage(&self, storage: Storage) -> Self {
        Self::with(storage, self.settings().clone(), self.passwords().clone())
    }

    fn with(storage: Storage, settings: Settings, passwords: Passwords) -> Self {
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

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What the names of the cookies of this site end in.
    pub fn cookie_suffix(&self) -> &str {
        &self.0.cookie_suffix
    }

    /// The database.
    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    /// The store of sessions.
    pub fn sessions(&self) -> &Arc<Store> {
        &self.0.sessions
    }

    /// The hashing of passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// The audit trail and the call log.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Cancelled when the server begins to shut down.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    /// The pending_call_limiter at which calls are kept.
    pub fn pending_call_limiter(&self) -> &PendingCallLimiter {
        &self.0.pending_call_limiter
    }

    /// The throttling of logins.
    pub fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppState(…)")
    }
}
