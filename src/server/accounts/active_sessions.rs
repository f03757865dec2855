//! Lists where a user is logged in: sessions, and remembered browsers that have no session.

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

/// The list limit is at least this, even if `sessions.per_user` is lower: the command that lists sessions may run with
/// other settings than the server that stored them. Sessions and remembered browsers are limited separately.
const MIN_LIST_LIMIT: u32 = 1000;

/// A session, or a remembered browser without a session, with its database keys.
pub struct Entry {
    pub view: SessionView,
    pub session: Option<SessionKey>,
    /// The hash of the series of the remembered browser.
    pub series: Option<TokenHash>,
}

/// The database keys of the session and the remembered browser that a request came with.
#[derive(Default)]
pub struct CurrentSession {
    pub session: Option<SessionKey>,
    /// The hash of the series of the remembered browser.
    pub series: Option<TokenHash>,
}

impl CurrentSession {
    pub async fn of(caller: &Caller) -> Result<Self, InternalError> {
        Ok(Self::with(caller, &caller.login().await?.unwrap_or_default()))
    }

    /// The keys as the guard of the call found them, even if the session was renewed or ended since.
    pub fn seen_by_guard(caller: &Caller) -> Self {
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

/// Lists where a user is logged in, most recently used first, and marks the `current` session.
pub async fn list(state: &AppState, user_id: &str, current: &CurrentSession) -> Result<Vec<Entry>, InternalError> {
    let now = Timestamp::now();
    let limit = state.settings().sessions.per_user.get().max(MIN_LIST_LIMIT);
    let (storage, limits) = (state.storage(), state.sessions().limits(now));
    let mut series_with_session = HashSet::new();
    let mut entries = Vec::new();
    for session in storage.list_sessions(user_id, limits, limit).await? {
        let token = TokenHash::stored(&session.token_hash);
        let series = session.series_hash.as_deref().map(TokenHash::stored);
        let login = store::login_in(&session.data).ok().flatten().unwrap_or_default();
        let key = SessionKey::of(token, &login);
        series_with_session.extend(session.series_hash);
        entries.push(Entry {
            view: SessionView {
                id: key.handle(),
                device: login.origin.device,
                address: login.origin.address,
                logged_in_at: Timestamp(session.logged_in_at).to_rfc3339(),
                last_used_at: Timestamp(session.last_used_at).to_rfc3339(),
                remembered: series.is_some(),
                provider: login.provider,
                current: current.session.as_ref().is_some_and(|current| current.is_same(&key)),
            },
            session: Some(key),
            series,
        });
    }
    let provider_key = |issuer: &str| Some(state.providers().by_issuer(issuer)?.settings().key.clone());
    for browser in storage.list_series(user_id, now, limit).await? {
        let series = TokenHash::stored(&browser.series_hash);
        if series_with_session.contains(&browser.series_hash) || current.series.as_ref() == Some(&series) {
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
                provider: browser.issuer.as_deref().and_then(provider_key),
                current: false,
            },
            session: None,
            series: Some(series),
        });
    }
    entries.sort_by(|one, other| other.view.last_used_at.cmp(&one.view.last_used_at));
    Ok(entries)
}
