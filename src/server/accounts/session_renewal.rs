//! Renews a session in place: the same login under a new token.
//!
//! Time passes between the guard and the end of a call, above all while a password is hashed. Renewal must not revive a
//! session that ended meanwhile. So the database renews only a session that it finds, in one transaction with the other
//! changes of the call.

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

pub struct Renewal {
    login: Login,
    old: TokenHash,
    id: Id,
    new: TokenHash,
    series: Option<TokenHash>,
    data: String,
}

impl Renewal {
    /// Prepares the session of `caller` to continue with `login` under a new token.
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

    /// Continues the request with the renewed session and sets its cookie. Fails with [`Refusal::NotLoggedIn`] if the
    /// database did not renew the session.
    pub fn finish(self, caller: &Caller, is_renewed: bool) -> Result<(), Refusal> {
        if !is_renewed {
            return Err(Refusal::NotLoggedIn);
        }
        let store = Arc::clone(caller.state().sessions());
        caller.replace_session(Session::new(Some(self.id), store, None));
        Ok(())
    }
}
