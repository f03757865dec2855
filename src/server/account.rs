//! One's own account: the use-cases behind `change_password` and the functions about sessions.

use std::collections::HashSet;

use jiff::Timestamp as Moment;

use super::{
    caller::Caller,
    clock::Timestamp,
    cookies::{CookieName, SetCookie},
    events::{self, End},
    fault::Fault,
    guard::{
        KnowsUser,
        kinds::{FreshLogin, LoggedIn},
    },
    login::log_out,
    secret::TokenHash,
    sessions::{Login, renewal::Renewal, store},
};
use crate::contract::{Refusal, login::NewPassword, session::SessionView};

/// Changes the password, ends all other sessions and remembered browsers, renews this session, and gives the user's name
/// (OWASP ASVS 7.4.3).
///
/// # Errors
/// [`Refusal::InvalidArguments`] with the reason why the password is not good enough; [`Refusal::Busy`];
/// [`Refusal::NotLoggedIn`] where the session ended meanwhile, and then nothing has changed.
pub async fn change_password(caller: FreshLogin, new: NewPassword) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
    let services = caller.services();
    let hash = services
        .passwords()
        .hash_new(new, &user_id)
        .await?
        .map_err(|problem| Refusal::of_argument("new_password", problem))?;
    let renewal = Renewal::of(caller, Login { series: None, ..login })?;
    let is_changed = services
        .storage()
        .change_own_password(&hash, &renewal.to_store(), Timestamp::now())
        .await?;
    renewal.done(caller, is_changed)?;
    if caller.remember_cookie().is_some() {
        caller.stop_restoring();
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
    }
    events::password_changed(&user_id);
    Ok(user_id)
}

/// A session, or a remembered browser without one, with what finds it in the database.
struct Entry {
    view: SessionView,
    token: Option<TokenHash>,
    series: Option<TokenHash>,
}

/// Where the user is logged in, the last used first.
///
/// # Errors
/// A fault of the database.
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
    let storage = caller.caller().services().storage();
    let (_, own_series) = present(caller.caller()).await?;
    // An older session of this same browser ends without the browser being forgotten.
    if let Some(series) = entry.series.filter(|series| own_series.as_ref() != Some(series)) {
        storage.revoke_series(&series).await?;
    }
    if let Some(token) = entry.token {
        storage.delete_session(&token).await?;
    }
    events::sessions_ended(caller.user_id(), End::Revoked, 1);
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
    let (token, series) = present(caller.caller()).await?;
    let storage = caller.caller().services().storage();
    storage
        .end_others(caller.user_id(), token.as_ref(), series.as_ref())
        .await?;
    if others > 0 {
        events::sessions_ended(caller.user_id(), End::Revoked, others);
    }
    Ok(others)
}

/// What finds the present session and its remembered browser.
async fn present(caller: &Caller) -> Result<(Option<TokenHash>, Option<TokenHash>), Fault> {
    let token = caller.session().id().map(|id| store::hash(&id));
    let series = caller.login().await?.and_then(|login| login.series);
    Ok((token, series.map(|series| TokenHash::stored(&series))))
}

async fn entries(caller: &LoggedIn) -> Result<Vec<Entry>, Fault> {
    let (user_id, caller) = (caller.user_id(), caller.caller());
    let (services, now) = (caller.services(), Timestamp::now());
    let (present, present_series) = present(caller).await?;
    let stored = services
        .storage()
        .list_sessions(user_id, services.sessions().limits(now))
        .await?;
    let mut with_session = HashSet::new();
    let mut entries = Vec::new();
    for session in stored {
        let token = TokenHash::stored(&session.token_hash);
        let series = session.series_hash.as_deref().map(TokenHash::stored);
        let origin = store::login_in(&session.data)
            .map(|login| login.origin)
            .unwrap_or_default();
        with_session.extend(session.series_hash);
        entries.push(Entry {
            view: SessionView {
                id: token.handle(),
                device: origin.device,
                address: origin.address,
                logged_in_at: moment(session.logged_in_at),
                last_used_at: moment(session.last_used_at),
                remembered: series.is_some(),
                current: present.as_ref() == Some(&token),
            },
            token: Some(token),
            series,
        });
    }
    for browser in services.storage().list_series(user_id, now).await? {
        let series = TokenHash::stored(&browser.series_hash);
        if with_session.contains(&browser.series_hash) || present_series.as_ref() == Some(&series) {
            continue;
        }
        entries.push(Entry {
            view: SessionView {
                id: series.handle(),
                device: browser.device,
                address: browser.address,
                logged_in_at: moment(browser.created_at),
                last_used_at: moment(browser.rotated_at),
                remembered: true,
                current: false,
            },
            token: None,
            series: Some(series),
        });
    }
    entries.sort_by(|one, other| other.view.last_used_at.cmp(&one.view.last_used_at));
    Ok(entries)
}

/// A stored time as RFC 3339 writes it, to the second.
fn moment(millis: i64) -> String {
    Moment::from_second(millis.div_euclid(1000))
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}
