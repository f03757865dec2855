//! What the server works with: made once at start-up, handed to every request.

use std::{fmt, sync::Arc};

use super::{
    audit::Audit,
    cookies,
    kept_calls::pace::Pace,
    passwords::Passwords,
    sessions::store::Store,
    settings::Settings,
    stopping::Stopping,
    storage::{OpenFor, Storage},
    throttle::Throttle,
};

/// Settings, database, sessions, password hashing, throttling and audit trail, behind one cheap handle.
#[derive(Clone)]
pub struct Services(Arc<Handle>);

/// What is counted for each handle by itself.
struct Handle(Arc<Inner>);

struct Inner {
    settings: Settings,
    storage: Storage,
    sessions: Arc<Store>,
    passwords: Passwords,
    throttle: Throttle,
    pace: Pace,
    audit: Audit,
    stopping: Stopping,
    cookie_suffix: String,
}

impl Services {
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
    pub fn beside(&self, storage: Storage) -> Self {
        Self::with(storage, self.settings().clone(), self.passwords().clone())
    }

    fn with(storage: Storage, settings: Settings, passwords: Passwords) -> Self {
        let inner = Inner {
            sessions: Arc::new(Store::new(storage.clone(), &settings.sessions)),
            passwords,
            throttle: Throttle::new(storage.clone(), &settings),
            pace: Pace::new(settings.limits.kept_calls_per_minute),
            audit: Audit::new(storage.clone()),
            stopping: Stopping::default(),
            cookie_suffix: cookies::suffix_for(&settings.origin()),
            storage,
            settings,
        };
        Self(Arc::new(Handle(Arc::new(inner))))
    }

    /// The same behind a handle of its own. Whoever clones it does not share a counter with all others: between cores that
    /// count at the same time, it would go back and forth.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self(Arc::new(Handle(Arc::clone(&self.0.0))))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.0.settings
    }

    /// What the names of the cookies of this site end in.
    pub fn cookie_suffix(&self) -> &str {
        &self.0.0.cookie_suffix
    }

    /// The database.
    pub fn storage(&self) -> &Storage {
        &self.0.0.storage
    }

    /// The store of sessions.
    pub fn sessions(&self) -> &Arc<Store> {
        &self.0.0.sessions
    }

    /// The hashing of passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.0.0.passwords
    }

    /// The audit trail and the call log.
    pub fn audit(&self) -> &Audit {
        &self.0.0.audit
    }

    /// Whether the server is stopping.
    pub fn stopping(&self) -> &Stopping {
        &self.0.0.stopping
    }

    /// The pace at which calls are kept.
    pub fn pace(&self) -> &Pace {
        &self.0.0.pace
    }

    /// The throttling of logins.
    pub fn throttle(&self) -> &Throttle {
        &self.0.0.throttle
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services(…)")
    }
}
