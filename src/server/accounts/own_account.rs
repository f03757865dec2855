//! One's own account: the use-cases behind `change_password` and the functions about sessions.

use super::{
    active_sessions::{self, Entry, Present},
    login::log_out,
    session_renewal::Renewal,
};
use crate::{
    contract::{Refusal, audit::Action, login::NewPassword, session::SessionView},
    server::{
        auth::{
            cookies::{CookieName, SetCookie},
            guard::{
                AuthenticatedGuard,
                kinds::{FreshLogin, LoggedIn},
            },
            security_log::{self, End},
        },
        model::{clock::Timestamp, event::Event, login::Login},
        telemetry::error::InternalError,
    },
};

/// Changes the password, ends all other sessions and remembered browsers, renews this session, and gives the user's name
/// (OWASP ASVS 7.4.3).
///
/// # Errors
/// [`Refusal::InvalidArguments`] with the reason why the password is not good enough; [`Refusal::Busy`], also while another
/// change of the same user is under way; [`Refusal::NotLoggedIn`] where the session ended meanwhile, and then nothing has
/// changed.
pub async fn change_password(caller: FreshLogin, new: NewPassword) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
    let state = caller.state();
    let hash = state
        .passwords()
        .hash_own(new, &user_id)
        .await?
        .map_err(|problem| Refusal::of_argument("new_password", problem))?;
    let renewal = Renewal::of(
        caller,
        Login {
            series: None,
            ..Login::clone(&login)
        },
    )?;
    let event = Event::by(&user_id, Action::PasswordChanged).to(&user_id);
    let is_changed = state
        .storage()
        .change_own_password(&hash, &renewal.to_store(), Timestamp::now(), &event)
        .await?;
    renewal.done(caller, is_changed)?;
    if caller.remember_cookie().is_some() {
        caller.disable_remember();
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
    }
    security_log::password_changed(&user_id);
    Ok(user_id)
}

/// Where the user is logged in, the last used first.
pub async fn sessions(caller: &LoggedIn) -> Result<Vec<SessionView>, Refusal> {
    let entries = entries(caller).await?;
    Ok(entries.into_iter().map(|entry| entry.view).collect())
}

/// Ends the session called `id`. Ending the present one is logging out.
///
/// # Errors
/// [`Refusal::NotFound`], for one of somebody else as well.
pub async fn end_session(caller: LoggedIn, id: &str) -> Result<(), Refusal> {
    let entries = entries(&caller).await?;
    let Some(entry) = entries.into_iter().find(|entry| entry.view.id == id) else {
        return Err(Refusal::NotFound("session".to_owned()));
    };
    if entry.view.current {
        log_out(caller).await?;
        return Ok(());
    }
    let storage = caller.state().storage();
    let own_series = Present::of(caller.caller()).await?.series;
    // An older session of this same browser ends without the browser being forgotten.
    if let Some(series) = entry
        .series
        .as_ref()
        .filter(|series| own_series.as_ref() != Some(series))
    {
        storage.revoke_series(series).await?;
    }
    if let Some(session) = &entry.session {
        storage.end_session(caller.user_id(), session).await?;
    }
    security_log::sessions_ended(caller.caller(), caller.user_id(), End::Revoked, 1);
    Ok(())
}

/// Ends all sessions of the user but the present one, forgets the other browsers, and gives their number.
///
/// # Errors
/// A fault of the database; then nothing has ended.
pub async fn end_other_sessions(caller: &LoggedIn) -> Result<usize, Refusal> {
    let others = entries(caller)
        .await?
        .into_iter()
        .filter(|entry| !entry.view.current)
        .count();
    let present = Present::of(caller.caller()).await?;
    let storage = caller.state().storage();
    storage
        .end_others(caller.user_id(), present.session.as_ref(), present.series.as_ref())
        .await?;
    if others > 0 {
        security_log::sessions_ended(caller.caller(), caller.user_id(), End::Revoked, others);
    }
    Ok(others)
}

async fn entries(caller: &LoggedIn) -> Result<Vec<Entry>, InternalError> {
    let present = Present::of(caller.caller()).await?;
    active_sessions::list(caller.state(), caller.user_id(), &present).await
}
