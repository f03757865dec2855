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

use std::{collections::HashMap, sync::Arc};

use tower_sessions::{MemoryStore, Session, session::Error, session_store::Error as StoreError};

use self::store::Store;
use crate::server::{
    model::login::Login,
    storage::new_session::{NewBrowser, Replaced},
    telemetry::error::InternalError,
};

const LOGIN: &str = "login";

/// What a session with that login in it is stored as.
pub fn data_of(login: &Login) -> Result<String, InternalError> {
    serde_json::to_string(&HashMap::from([(LOGIN, login)]))
        .map_err(|error| InternalError::new("writing a session", error))
}

/// The login in a session.
pub async fn login_of(session: &Session) -> Result<Option<Login>, InternalError> {
    session.get(LOGIN).await.map_err(fault)
}

/// A session with a login in it, in place of what its browser had so far, as [`Store::add`] stores it. `None` if the login was
/// overtaken; then nobody is logged in.
pub async fn begin(
    store: &Arc<Store>,
    login: Login,
    browser: Option<&NewBrowser>,
    replaced: &Replaced,
) -> Result<Option<Session>, InternalError> {
    let id = store.add(login, browser, replaced).await?;
    Ok(id.map(|id| Session::new(Some(id), Arc::clone(store), None)))
}

/// A session with a login in it that is stored nowhere.
pub async fn made_up(login: &Login) -> Result<Session, InternalError> {
    let session = Session::new(None, Arc::new(MemoryStore::default()), None);
    session.insert(LOGIN, login).await.map_err(fault)?;
    session.save().await.map_err(fault)?;
    Ok(session)
}

/// Looks a session up again, if it is a stored one.
pub async fn reload(session: &Session) -> Result<(), InternalError> {
    match session.id() {
        Some(_) => session.load().await.map_err(fault),
        None => Ok(()),
    }
}

/// Ends a session, if it is a stored one.
///
/// # Errors
/// A fault of the store; then the session may still be live.
pub async fn end(session: &Session) -> Result<(), InternalError> {
    match session.id() {
        Some(_) => session.flush().await.map_err(fault),
        None => Ok(()),
    }
}

pub fn fault(error: Error) -> InternalError {
    match error {
        Error::Store(StoreError::Backend(cause)) => InternalError::unavailable("using the session store", cause),
        Error::Store(error) => InternalError::new("using the session store", error),
        Error::SerdeJson(error) => InternalError::new("reading a session", error),
    }
}
