//! Sessions: tower-sessions on our own [`store`].
//!
//! The cookie layer of tower-sessions is replaced by our session middleware. The stock layer removes the cookie of
//! every session that it does not find, so a slow request that was sent before a login would remove the new cookie. Its
//! removals also lack the attributes that browsers require for `__Host-` names.
//!
//! Invariants: a session is stored only with a login in it; its token is stored only as a hash; every login gets a new
//! token; a session that has ended never comes back.

pub mod cache;
pub mod store;

use std::{collections::HashMap, sync::Arc};

use tower_sessions::{MemoryStore, Session, session::Error, session_store::Error as StoreError};

use self::store::Store;
use crate::server::{
    model::{login::Login, token::TokenHash},
    storage::new_session::{NewBrowser, Replaced},
    telemetry::error::InternalError,
};

const LOGIN: &str = "login";

/// The stored form of a session with that login.
pub fn data_of(login: &Login) -> Result<String, InternalError> {
    serde_json::to_string(&HashMap::from([(LOGIN, login)]))
        .map_err(|error| InternalError::new("writing a session", error))
}

pub async fn login_of(session: &Session) -> Result<Option<Login>, InternalError> {
    session.get(LOGIN).await.map_err(internal_error)
}

/// Stores a session with a login, as [`Store::add`] does. `None` if the login is outdated; then nothing has changed.
pub async fn begin(
    store: &Arc<Store>,
    login: Login,
    browser: Option<&NewBrowser>,
    sid: Option<&TokenHash>,
    replaced: &Replaced,
) -> Result<Option<Session>, InternalError> {
    let id = store.add(login, browser, sid, replaced).await?;
    Ok(id.map(|id| Session::new(Some(id), Arc::clone(store), None)))
}

/// A session with a login that is not in the database.
pub async fn in_memory(login: &Login) -> Result<Session, InternalError> {
    let session = Session::new(None, Arc::new(MemoryStore::default()), None);
    session.insert(LOGIN, login).await.map_err(internal_error)?;
    session.save().await.map_err(internal_error)?;
    Ok(session)
}

/// Loads a session again, if it is stored.
pub async fn reload(session: &Session) -> Result<(), InternalError> {
    match session.id() {
        Some(_) => session.load().await.map_err(internal_error),
        None => Ok(()),
    }
}

/// Ends a session, if it is stored.
///
/// # Errors
/// On an internal error the session may still be live.
pub async fn end(session: &Session) -> Result<(), InternalError> {
    match session.id() {
        Some(_) => session.flush().await.map_err(internal_error),
        None => Ok(()),
    }
}

pub fn internal_error(error: Error) -> InternalError {
    match error {
        Error::Store(StoreError::Backend(cause)) => InternalError::unavailable("using the session store", cause),
        Error::Store(error) => InternalError::new("using the session store", error),
        Error::SerdeJson(error) => InternalError::new("reading a session", error),
    }
}
