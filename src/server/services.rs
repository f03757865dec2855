//! What the server works with: made once at start-up, handed to every request.

use std::{fmt, sync::Arc};

use super::{
    passwords::Passwords, sessions::store::Store, settings::Settings, stopping::Stopping, storage::Storage,
    throttle::Throttle,
};

/// Settings, database, sessions, password hashing and throttling, behind one cheap handle.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    settings: Settings,
    storage: Storage,
    sessions: Arc<Store>,
    passwords: Passwords,
    throttle: Throttle,
    stopping: Stopping,
}

impl Services {
    /// Opens the database and prepares the rest.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        let storage = Storage::open(&settings.data, settings.demo).await?;
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
        Ok(Self(Arc::new(Inner {
            sessions: Arc::new(Store::new(storage.clone(), &settings.sessions)),
            passwords: Passwords::new(&settings.passwords)?,
            throttle: Throttle::new(storage.clone(), &settings),
            stopping: Stopping::default(),
            storage,
            settings,
        })))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
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

    /// Whether the server is stopping.
    pub fn stopping(&self) -> &Stopping {
        &self.0.stopping
    }

    /// The throttling of logins.
    pub fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services(…)")
    }
}
