//! Where a user is logged in: sessions, and remembered browsers without one, as one list.

use std::collections::HashSet;

use crate::{
    contract::session::SessionView,
    server::{
        auth::caller::Caller,
        model::{
            clock::Timestamp,
            login::{Login, SessionKey},
            token::TokenHash,
        },
        sessions::store,
        state::AppState,
        telemetry::error::InternalError,
    },
};

/// How many sessions of a user are listed at the most, and how many remembered browsers, or `sessions.per_user` where that is
/// more: the server that left them may have other settings than the command that lists them.
const LISTED: u32 = 1000;

/// A session, or a remembered browser without one, with what finds it in the database.
pub struct Entry {
    /// What may be told of it.
    pub view: SessionView,
    /// What finds the session, if there is one.
    pub session: Option<SessionKey>,
    /// What finds the remembered browser, if it is one.
    pub series: Option<TokenHash>,
}

/// What finds the session of a request, and its remembered browser.
#[derive(Default)]
pub struct Present {
    /// What finds the session.
    pub session: Option<SessionKey>,
    /// What finds the remembered browser.
    pub series: Option<TokenHash>,
}

impl Present {
    /// Those of `caller`.
    ///
    /// # Errors
    /// A fault where they cannot be told.
    pub async fn of(caller: &Caller) -> Result<Self, InternalError> {
        Ok(Self::with(caller, &caller.login().await?.unwrap_or_default()))
    }

    /// Those of `caller` as they were when its guard was asked, whatever has become of them since.
    pub fn as_found(caller: &Caller) -> Self {
        Self::with(caller, &caller.known_login().unwrap_or_default())
    }

    fn with(caller: &Caller, login: &Login) -> Self {
        let token = caller.session().id().map(|id| store::hash(&id));
        Self {
            session: token.map(|token| SessionKey::of(token, login)),
            series: login.series.as_deref().map(TokenHash::stored),
        }
    }
}

/// Where a user is logged in, the last used first. What is `present` is marked as such.
pub async fn list(state: &AppState, user_id: &str, present: &Present) -> Result<Vec<Entry>, InternalError> {
    let now = Timestamp::now();
    let most = state.settings().sessions.per_user.get().max(LISTED);
    let stored = state
        .storage()
        .list_sessions(user_id, state.sessions().limits(now), most)
        .await?;
    let mut with_session = HashSet::new();
    let mut entries = Vec::new();
    for session in stored {
        let token = TokenHash::stored(&session.token_hash);
        let series = session.series_hash.as_deref().map(TokenHash::stored);
        let login = store::login_in(&session.data).unwrap_or_default();
        let found = SessionKey::of(token, &login);
        with_session.extend(session.series_hash);
        entries.push(Entry {
            view: SessionView {
                id: found.handle(),
                device: login.origin.device,
                address: login.origin.address,
                logged_in_at: Timestamp(session.logged_in_at).to_rfc3339(),
                last_used_at: Timestamp(session.last_used_at).to_rfc3339(),
                remembered: series.is_some(),
                current: present.session.as_ref().is_some_and(|present| present.is_same(&found)),
            },
            session: Some(found),
            series,
        });
    }
    for browser in state.storage().list_series(user_id, now, most).await? {
        let series = TokenHash::stored(&browser.series_hash);
        if with_session.contains(&browser.series_hash) || present.series.as_ref() == Some(&series) {
            continue;
        }
        entries.push(Entry {
            view: SessionView {
                id: series.handle(),
                device: browser.device,
                address: browser.address,
                logged_in_at: Timestamp(browser.created_at).to_rfc3339(),
                last_used_at: Timestamp(browser.last_used_at).to_rfc3339(),
                remembered: true,
                current: false,
            },
            session: None,
            series: Some(series),
        });
    }
    entries.sort_by(|one, other| other.view.last_used_at.cmp(&one.view.last_used_at));
    Ok(entries)
}
