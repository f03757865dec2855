//! What users do with their own account: change the password, list and end sessions.

use std::sync::Arc;

use super::{
    active_sessions::{self, CurrentSession, Entry},
    login::log_out,
    session_renewal::Renewal,
};
use crate::{
    contract::{Refusal, audit::Action, login::NewPassword, session::SessionView},
    message,
    server::{
        auth::{
            guard::{
                AuthenticatedGuard,
                kinds::{FreshLogin, LoggedIn},
            },
            remember,
            security_log::{self, End},
        },
        model::{clock::Timestamp, event::Event},
        telemetry::error::InternalError,
    },
};

/// Changes the password, ends all other sessions, forgets all remembered browsers, renews this session, and returns the
/// name of the user (OWASP ASVS 7.4.3).
///
/// # Errors
/// - [`Refusal::InvalidArguments`] with the reason why the policy rejects the password.
/// - [`Refusal::Busy`] while too many passwords are being hashed, or another one of the same user.
/// - [`Refusal::NotLoggedIn`] if the session ended meanwhile. Then nothing has changed.
pub async fn change_password(caller: FreshLogin, new: NewPassword) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    let mut login = Arc::unwrap_or_clone(caller.login().await?.ok_or(Refusal::NotLoggedIn)?);
    let state = caller.state();
    let hash = state.passwords().hash_own(new, &user_id).await?;
    let hash = hash.map_err(|problem| Refusal::of_argument("new_password", problem))?;
    // The browser is no longer remembered.
    login.series = None;
    let renewal = Renewal::of(caller, login)?;
    let event = Event::by(&user_id, Action::PasswordChanged).to(&user_id);
    let is_changed = state
        .storage()
        .change_own_password(&hash, &renewal.to_store(), Timestamp::now(), &event)
        .await?;
    renewal.finish(caller, is_changed)?;
    caller.disable_remember();
    remember::remove_cookie(caller);
    security_log::password_changed(&user_id);
    Ok(user_id)
}

/// Lists where the user is logged in, most recently used first.
pub async fn sessions(caller: &LoggedIn) -> Result<Vec<SessionView>, Refusal> {
    let entries = entries(caller).await?;
    Ok(entries.into_iter().map(|entry| entry.view).collect())
}

/// Ends the session with this `id`. Ending the current session logs out. A session of another user is not found.
pub async fn end_session(caller: LoggedIn, id: &str) -> Result<(), Refusal> {
    let entries = entries(&caller).await?;
    let Some(entry) = entries.into_iter().find(|entry| entry.view.id == id) else {
        return Err(Refusal::NotFound(message!("session")));
    };
    if entry.view.current {
        return log_out(caller).await.map(drop);
    }
    let storage = caller.state().storage();
    let own_series = CurrentSession::of(caller.caller()).await?.series;
    // An older session of this browser can end without forgetting the browser.
    if let Some(series) = &entry.series
        && own_series.as_ref() != Some(series)
    {
        storage.revoke_series(series).await?;
    }
    if let Some(session) = &entry.session {
        storage.end_session(caller.user_id(), session).await?;
    }
    security_log::sessions_ended(caller.caller(), caller.user_id(), End::Revoked, 1);
    Ok(())
}

/// Ends all other sessions of the user and forgets all other browsers. Returns how many entries of [`sessions`] ended.
pub async fn end_other_sessions(caller: &LoggedIn) -> Result<usize, Refusal> {
    let entries = entries(caller).await?;
    let others = entries.iter().filter(|entry| !entry.view.current).count();
    let current = CurrentSession::of(caller.caller()).await?;
    let storage = caller.state().storage();
    storage
        .end_others(caller.user_id(), current.session.as_ref(), current.series.as_ref())
        .await?;
    if others > 0 {
        security_log::sessions_ended(caller.caller(), caller.user_id(), End::Revoked, others);
    }
    Ok(others)
}

async fn entries(caller: &LoggedIn) -> Result<Vec<Entry>, InternalError> {
    let current = CurrentSession::of(caller.caller()).await?;
    active_sessions::list(caller.state(), caller.user_id(), &current).await
}
