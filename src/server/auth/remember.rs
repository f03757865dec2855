//! Remembered browsers: logging in again without a password, for a limited time.
//!
//! The cookie of a remembered browser holds a series and a token, both random. Each use replaces the token. If a
//! replaced token is used again, somebody has copied the cookie: the series is revoked, and its sessions end.
//!
//! Two cases are not treated as theft:
//!
//! - Requests that the browser sent before it received the new token: all of them are logged in.
//! - A browser that never received the new token, because the response was lost: the replaced token is accepted once
//!   more, within a minute and only if no session has been used since. A copied cookie that is used in this time is not
//!   detected, but shows in the list of sessions and in the audit log.
//!
//! The lifetime counts from the first login. Use does not extend it.

use std::time::Duration;

use tower_sessions::Session;

use super::{
    caller::{Arrival, Caller},
    cookies::{CookieName, SetCookie},
    security_log::{self, Way},
};
use crate::{
    contract::audit::Action,
    server::{
        config,
        model::{
            clock::Timestamp,
            event::Event,
            login::{Login, Origin},
            token::{Token, TokenHash},
        },
        sessions,
        storage::{
            new_session::{NewBrowser, Replaced},
            remembered::{LOST_RESPONSE_GRACE, ReissuedToken, StoredSeries},
        },
        telemetry::error::InternalError,
    },
};

/// How long after a rotation the previous token is accepted from a connection that has received no response since.
const REQUEST_GRACE: Duration = Duration::from_secs(10);

/// The same for a connection that has received a response since: the request may have crossed it.
const CROSSING_GRACE: Duration = Duration::from_secs(3);

/// The value of the cookie.
pub struct RememberCookie {
    series: Token,
    token: Token,
}

impl RememberCookie {
    /// Creates a series and its first token.
    pub fn random() -> Result<Self, InternalError> {
        Ok(Self {
            series: Token::random()?,
            token: Token::random()?,
        })
    }

    /// The row to store for a login from `origin`.
    pub fn to_store(&self, origin: &Origin, expires_at: Timestamp) -> NewBrowser {
        NewBrowser {
            series: self.series.hash(),
            token: self.token.hash(),
            expires_at,
            device: origin.device.clone(),
        }
    }

    fn parse(value: &str) -> Option<Self> {
        let (series, token) = value.split_once('.')?;
        Some(Self {
            series: Token::parse(series)?,
            token: Token::parse(token)?,
        })
    }

    /// Sets the cookie with the response to `caller`.
    pub fn set(&self, caller: &Caller, max_age: Duration) {
        let value = format!("{}.{}", self.series.reveal(), self.token.reveal());
        caller.set_cookie(SetCookie::lasting(CookieName::Remember, value, max_age));
    }
}

/// Logs a remembered browser in again, with a session that is not fresh. Removes an invalid cookie.
///
/// # Errors
/// On an internal error the cookie stays as it was.
pub async fn restore(caller: &Caller) -> Result<(), InternalError> {
    let is_restored = match caller.remember_cookie().and_then(RememberCookie::parse) {
        Some(cookie) => restore_by(caller, cookie).await?,
        None => false,
    };
    if !is_restored {
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
    }
    Ok(())
}

async fn restore_by(caller: &Caller, cookie: RememberCookie) -> Result<bool, InternalError> {
    let (storage, now) = (caller.state().storage(), Timestamp::now());
    let (series, presented) = (cookie.series.hash(), cookie.token.hash());
    let is_valid = |stored: &StoredSeries| {
        stored.token_hash == presented.as_bytes() && stored.expires_at > now.0 && may_be_restored(caller, stored)
    };

    let found = storage.find_series(&series).await?.filter(is_valid);
    let was_valid = found.is_some();
    if let Some(stored) = found {
        let next = Token::random()?;
        // Store the session before the rotation: if that fails, the browser can retry with the same token.
        let Some(session) = begin_session(caller, &stored, &series, now).await? else {
            return Ok(false);
        };
        // Not `now`: storing the session may have waited for the write lock.
        if storage
            .rotate_series(&series, &presented, &next.hash(), Timestamp::now())
            .await?
        {
            let max_age = remaining_lifetime(&stored, now);
            RememberCookie { token: next, ..cookie }.set(caller, max_age);
            replace_session(caller, session, &stored);
            return Ok(true);
        }
        // Another request has rotated the token first.
        sessions::end(&session).await?;
    }
    let Some(stored) = storage.find_series(&series).await? else {
        return Ok(false);
    };
    let rotated_at = Timestamp(stored.rotated_at);
    let is_expired =
        stored.expires_at <= now.0 || rotated_at > now.latest_plausible() || !may_be_restored(caller, &stored);
    if is_expired || !stored.active || stored.token_hash == presented.as_bytes() {
        return Ok(false);
    }
    let is_previous = stored.previous_hash.as_deref() == Some(presented.as_bytes());
    // A token that was valid when this request arrived was sent before the new token was known to anyone.
    if is_previous && (was_valid || may_precede_rotation(caller.arrival(), rotated_at)) {
        // A concurrent request of this browser has rotated the token and sets the cookie.
        let Some(session) = begin_session(caller, &stored, &series, now).await? else {
            return Ok(false);
        };
        replace_session(caller, session, &stored);
        return Ok(true);
    }
    if is_previous
        && now <= rotated_at.plus(LOST_RESPONSE_GRACE)
        && accept_previous(caller, &cookie, &stored, now).await?
    {
        return Ok(true);
    }
    storage.revoke_series(&series).await?;
    security_log::token_reused(caller, &stored.user_id);
    Ok(false)
}

/// Logs in a browser that sends the previous token because the response with the current one was lost. Ends the session
/// of that response. Returns `false` if the response did arrive.
async fn accept_previous(
    caller: &Caller,
    cookie: &RememberCookie,
    stored: &StoredSeries,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let (series, presented, next) = (cookie.series.hash(), cookie.token.hash(), Token::random()?);
    let Some(session) = begin_session(caller, stored, &series, now).await? else {
        return Ok(false);
    };
    let Some(id) = session.id() else { return Ok(false) };
    let token = ReissuedToken {
        series: &series,
        presented: &presented,
        next: &next.hash(),
        session: &sessions::store::hash(&id),
        event: &Event::by(&stored.user_id, Action::Login)
            .to(&stored.user_id)
            .about(Way::RememberedAgain.name()),
    };
    if !caller.state().storage().reissue_token(&token, Timestamp::now()).await? {
        sessions::end(&session).await?;
        return Ok(false);
    }
    let cookie = RememberCookie {
        series: cookie.series.clone(),
        token: next,
    };
    cookie.set(caller, remaining_lifetime(stored, now));
    caller.replace_session(session);
    security_log::remembered_again(&stored.user_id);
    Ok(true)
}

fn remaining_lifetime(stored: &StoredSeries, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(stored.expires_at - now.0).unwrap_or_default())
}

/// Whether the client may have sent a request before it received the new token.
fn may_precede_rotation(arrival: Arrival, rotated_at: Timestamp) -> bool {
    let window = if arrival.last_response_at <= rotated_at {
        REQUEST_GRACE
    } else {
        CROSSING_GRACE
    };
    arrival.at <= rotated_at.plus(window)
}

/// When a session that begins now with this provider ends at the latest, in milliseconds since 1970, if the provider
/// shortens the absolute time limit.
pub fn session_end(provider: &config::Provider, now: Timestamp) -> Option<i64> {
    let hours = u64::from(provider.session_hours?);
    Some(now.plus(Duration::from_hours(hours)).0)
}

/// The hash of the series in the cookie of `caller`, whether or not the cookie is valid.
pub fn series_of(caller: &Caller) -> Option<TokenHash> {
    let cookie = caller.remember_cookie().and_then(RememberCookie::parse)?;
    Some(cookie.series.hash())
}

/// Removes the cookie from the browser of `caller`, if it has one. Stores nothing.
pub fn remove_cookie(caller: &Caller) {
    if caller.remember_cookie().is_some() {
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
    }
}

/// Revokes the series of the browser of `caller`, ends its sessions and removes the cookie.
pub async fn forget(caller: &Caller) -> Result<(), InternalError> {
    if let Some(series) = series_of(caller) {
        caller.state().storage().revoke_series(&series).await?;
    }
    remove_cookie(caller);
    Ok(())
}

/// Whether the settings still allow this browser to stay remembered: it can come from a provider that was removed since, or
/// that no longer allows it.
fn may_be_restored(caller: &Caller, stored: &StoredSeries) -> bool {
    stored.identity_id.is_none() || provider_of(caller, stored).is_some_and(|provider| provider.remember)
}

/// The provider that the user of a remembered browser logged in with.
fn provider_of<'a>(caller: &'a Caller, stored: &StoredSeries) -> Option<&'a config::Provider> {
    caller.state().provider_settings(stored.issuer.as_deref()?)
}

/// Stores a session for the browser of `series`. Its cookie is not set yet.
async fn begin_session(
    caller: &Caller,
    stored: &StoredSeries,
    series: &TokenHash,
    now: Timestamp,
) -> Result<Option<Session>, InternalError> {
    let provider = provider_of(caller, stored);
    let login = Login {
        user_id: stored.user_id.clone(),
        at: now.0,
        series: Some(series.as_bytes().to_vec()),
        user_changed_at: stored.user_changed_at,
        origin: caller.origin(),
        identity: stored.identity_id.clone(),
        provider: provider.map(|provider| provider.key.clone()),
        ends_at: provider.and_then(|provider| session_end(provider, now)),
        ..Login::default()
    };
    let sid = stored.sid_hash.as_deref().map(TokenHash::stored);
    let replaced = Replaced::default();
    sessions::begin(caller.state().sessions(), login, None, sid.as_ref(), &replaced).await
}

fn replace_session(caller: &Caller, session: Session, stored: &StoredSeries) {
    caller.replace_session(session);
    security_log::logged_in(caller, &stored.user_id, Way::Remembered);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_soon_after_the_rotation_may_precede_it() {
        let rotated_at = Timestamp(100_000);
        let may_precede_rotation = |last_response_at, at| {
            let arrival = Arrival {
                address: None,
                at: Timestamp(at),
                last_response_at: Timestamp(last_response_at),
            };
            super::may_precede_rotation(arrival, rotated_at)
        };
        assert!(may_precede_rotation(99_000, 99_500));
        assert!(may_precede_rotation(100_000, 100_050));
        assert!(!may_precede_rotation(99_000, 110_001), "too late");
        assert!(may_precede_rotation(100_001, 103_000), "crossed the response");
        assert!(!may_precede_rotation(100_001, 103_001), "sent after the response");
    }
}
