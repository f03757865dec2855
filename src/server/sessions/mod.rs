//! Sessions: who is logged in.
//!
//! The session of a request is that of tower-sessions, on a store of our own ([`store`]). Its cookie layer is not used
//! but replaced by [`carry`], because the stock one removes the cookie of every session that it does not find: a slow
//! request from before a login would take the new cookie away again. It also sends removals that browsers ignore for
//! `__Host-` names.
//!
//! What holds: a session is stored only with a login in it; its token is stored only as a hash; it gets a new token at
//! every login; once ended it never comes back.

pub mod cache;
pub mod store;

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tower_sessions::{MemoryStore, Session, session::Error, session_store::Error as StoreError};

use self::store::Store;
use crate::server::{
    model::clock::Timestamp,
    storage::{logins::Replaced, remembered::NewBrowser},
    telemetry::error::Fault,
};

const LOGIN: &str = "login";

/// A login, as the session keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// What its session is called, whatever token it goes on under: the handle of the first one. The store gives it.
    #[serde(default)]
    pub id: String,
    /// Who logged in.
    pub user_id: String,
    /// When, in milliseconds since 1970. The absolute limit counts from here.
    pub at: i64,
    /// When the password was last given for this session, in milliseconds since 1970. Never, where a remembered browser
    /// was logged in again.
    #[serde(default)]
    pub password_at: Option<i64>,
    /// The hash of the series of the remembered browser that it belongs to.
    pub series: Option<Vec<u8>>,
    /// When the user had last been changed, as the login found it.
    pub user_changed_at: i64,
    /// What the login came from.
    #[serde(default)]
    pub origin: Origin,
}

/// What a login came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Browser and system, in words.
    pub device: String,
    /// The network address.
    pub address: String,
}

impl Login {
    /// Whether the password was given within the last `window`. A moment in the future is not within it: the clock was
    /// set back, and it is not known how long ago that was.
    pub fn is_fresh(&self, window: Duration, now: Timestamp) -> bool {
        let given = self.password_at.map(Timestamp);
        given.is_some_and(|given| given <= now && now < given.plus(window))
    }

    /// The moment of the login.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at)
    }
}

/// What a session with that login in it is stored as.
pub fn data_of(login: &Login) -> Result<String, Fault> {
    serde_json::to_string(&HashMap::from([(LOGIN, login)])).map_err(|error| Fault::new("writing a session", error))
}

/// The login in a session.
///
/// # Errors
/// A fault of the store.
pub async fn login_of(session: &Session) -> Result<Option<Login>, Fault> {
    session.get(LOGIN).await.map_err(fault)
}

/// A session with a login in it, in place of what its browser had so far, as [`Store::add`] stores it. `None` if the login was
/// overtaken; then nobody is logged in.
///
/// # Errors
/// A fault of the database.
pub async fn begin(
    store: &Arc<Store>,
    login: Login,
    browser: Option<&NewBrowser>,
    replaced: &Replaced,
) -> Result<Option<Session>, Fault> {
    let id = store.add(login, browser, replaced).await?;
    Ok(id.map(|id| Session::new(Some(id), Arc::clone(store), None)))
}

/// A session with a login in it that is stored nowhere.
///
/// # Errors
/// None is known.
pub async fn made_up(login: &Login) -> Result<Session, Fault> {
    let session = Session::new(None, Arc::new(MemoryStore::default()), None);
    session.insert(LOGIN, login).await.map_err(fault)?;
    session.save().await.map_err(fault)?;
    Ok(session)
}

/// Looks a session up again, if it is a stored one.
///
/// # Errors
/// A fault of the store.
pub async fn reload(session: &Session) -> Result<(), Fault> {
    match session.id() {
        Some(_) => session.load().await.map_err(fault),
        None => Ok(()),
    }
}

/// Ends a session, if it is a stored one.
///
/// # Errors
/// A fault of the store; then the session may still be live.
pub async fn end(session: &Session) -> Result<(), Fault> {
    match session.id() {
        Some(_) => session.flush().await.map_err(fault),
        None => Ok(()),
    }
}

pub fn fault(error: Error) -> Fault {
    match error {
        Error::Store(StoreError::Backend(cause)) => Fault::unavailable("using the session store", cause),
        Error::Store(error) => Fault::new("using the session store", error),
        Error::SerdeJson(error) => Fault::new("reading a session", error),
    }
}
