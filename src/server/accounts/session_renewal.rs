//! Renewing a session in place: the same login under a new token.
//!
//! It takes a while from the guard of a call to its end, above all while a password is hashed. A session that ended
//! meanwhile must not come back by being renewed, so the database renews it only where it finds it, in one step with what
//! else the call changes.

use std::sync::Arc;

use tower_sessions::{Session, session::Id};

use crate::{
    contract::Refusal,
    server::{
        auth::caller::Caller,
        model::{
            login::{Login, SessionKey},
            token::TokenHash,
        },
        sessions::{data_of, store},
        storage::sessions::RenewedSession,
    },
};

/// A session that is about to be renewed.
pub struct Renewal {
    login: Login,
    old: TokenHash,
    id: Id,
    new: TokenHash,
    series: Option<TokenHash>,
    data: String,
}

impl Renewal {
    /// The session of `caller`, with this login from now on.
    ///
    /// # Errors
    /// [`Refusal::NotLoggedIn`] where there is no stored session.
    pub fn of(caller: &Caller, mut login: Login) -> Result<Self, Refusal> {
        let old = caller.session().id().ok_or(Refusal::NotLoggedIn)?;
        let id = Id::default();
        login.id = SessionKey::of(store::hash(&old), &login).id;
        let data = data_of(&login)?;
        Ok(Self {
            old: store::hash(&old),
            new: store::hash(&id),
            id,
            series: login.series.as_deref().map(TokenHash::stored),
            login,
            data,
        })
    }

    /// What the database needs to know.
    pub fn to_store(&self) -> RenewedSession<'_> {
        RenewedSession {
            old: &self.old,
            new: &self.new,
            login_id: &self.login.id,
            user_id: &self.login.user_id,
            series: self.series.as_ref(),
            data: &self.data,
            user_changed_at: self.login.user_changed_at,
        }
    }

    /// Goes on with the renewed session, and tells the browser.
    ///
    /// # Errors
    /// [`Refusal::NotLoggedIn`] where the database did not find it any more.
    pub fn done(self, caller: &Caller, is_renewed: bool) -> Result<(), Refusal> {
        if !is_renewed {
            return Err(Refusal::NotLoggedIn);
        }
        let store = Arc::clone(caller.state().sessions());
        caller.replace_session(Session::new(Some(self.id), store, None));
        Ok(())
    }
}
