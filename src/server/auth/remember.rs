//! Remembered browsers: logging in again without a password, for a limited time.
//!
//! A remembered browser holds a series and a token, both random. Using the token replaces it. A token that comes again
//! after it was replaced was copied by somebody: the whole series is revoked, with the sessions that came of it. Several
//! requests that were sent before their browser knew of the new token are no such case, and all go through. Nor is one whose
//! browser was never told of the new token, because the answer got lost: the replaced token is taken once more, for a minute and
//! while nothing has come with the new one. So a copy that is used within that time is not noticed by its use, only by the list of
//! sessions and by the audit trail.
//!
//! The lifetime counts from the login with the password and is not prolonged by use.

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
        model::{
            clock::Timestamp,
            event::Event,
            login::{Login, Origin},
            token::{Token, TokenHash},
        },
        sessions,
        storage::{
            new_session::{NewBrowser, Replaced},
            remembered::{LOST_ANSWER, StoredSeries, TakenAgain},
        },
        telemetry::error::InternalError,
    },
};

/// How long after a rotation a request from before it may still arrive.
const CROSSING: Duration = Duration::from_secs(10);

/// How long an answer and a request that cross may be under way: so long the client may not know what it has been told.
const FLIGHT: Duration = Duration::from_secs(3);

/// What the cookie holds: the series and the token that is good now.
struct RememberCookie {
    series: Token,
    token: Token,
}

impl RememberCookie {
    fn parse(value: &str) -> Option<Self> {
        let (series, token) = value.split_once('.')?;
        Some(Self {
            series: Token::parse(series)?,
            token: Token::parse(token)?,
        })
    }

    fn set(&self, caller: &Caller, max_age: Duration) {
        let value = format!("{}.{}", self.series.reveal(), self.token.reveal());
        caller.set_cookie(SetCookie::lasting(CookieName::Remember, value, max_age));
    }
}

/// A browser that is to be remembered, and does not know it yet.
pub struct Remembered {
    cookie: RememberCookie,
    lifetime: Duration,
}

impl Remembered {
    /// A browser to remember from now on. Nothing of it is stored yet.
    ///
    /// # Errors
    /// A fault of the random numbers.
    pub fn new(lifetime: Duration) -> Result<Self, InternalError> {
        let cookie = RememberCookie {
            series: Token::random()?,
            token: Token::random()?,
        };
        Ok(Self { cookie, lifetime })
    }

    /// What is to be stored of it, where a login from there comes at that moment.
    pub fn to_store(&self, origin: &Origin, now: Timestamp) -> NewBrowser {
        NewBrowser {
            series: self.cookie.series.hash(),
            token: self.cookie.token.hash(),
            expires_at: now.plus(self.lifetime),
            device: origin.device.clone(),
        }
    }

    /// Tells the browser, with the answer to `caller`.
    pub fn tell(&self, caller: &Caller) {
        self.cookie.set(caller, self.lifetime);
    }
}

/// Logs a remembered browser in again, with a session that is not fresh. A cookie that is good for nothing is removed.
///
/// # Errors
/// A fault of the database or of the random numbers; then the cookie stays as it was.
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
    let is_good = |stored: &StoredSeries| stored.token_hash == presented.as_bytes() && stored.expires_at > now.0;

    let found = storage.find_series(&series).await?.filter(is_good);
    let was_good = found.is_some();
    if let Some(stored) = found {
        let next = Token::random()?;
        // The session before the token changes: should it not come about, the browser can come again with the same token.
        let Some(session) = begin(caller, &stored, &series, now).await? else {
            return Ok(false);
        };
        // The moment of it: the session before may have waited for its turn to be stored.
        if storage
            .rotate_series(&series, &presented, &next.hash(), Timestamp::now())
            .await?
        {
            let left = Duration::from_millis(u64::try_from(stored.expires_at - now.0).unwrap_or_default());
            RememberCookie { token: next, ..cookie }.set(caller, left);
            replace_session(caller, session, &stored);
            return Ok(true);
        }
        // Another request was first.
        sessions::end(&session).await?;
    }
    let Some(stored) = storage.find_series(&series).await? else {
        return Ok(false);
    };
    let rotated_at = Timestamp(stored.rotated_at);
    let is_over = stored.expires_at <= now.0 || rotated_at > now.latest_noted();
    if is_over || !stored.active || stored.token_hash == presented.as_bytes() {
        return Ok(false);
    }
    let is_previous = stored.previous_hash.as_deref() == Some(presented.as_bytes());
    // What was good when this request came was sent before anybody could know of the next token.
    if is_previous && (was_good || may_have_crossed(caller.arrival(), rotated_at)) {
        // Another request of this browser, under way at the same time, has replaced the token and sets the cookie.
        let session = begin(caller, &stored, &series, now).await?;
        let is_begun = session.is_some();
        if let Some(session) = session {
            replace_session(caller, session, &stored);
        }
        return Ok(is_begun);
    }
    if is_previous && now <= rotated_at.plus(LOST_ANSWER) && take_again(caller, &cookie, &stored, now).await? {
        return Ok(true);
    }
    storage.revoke_series(&series).await?;
    security_log::token_reused(caller, &stored.user_id);
    Ok(false)
}

/// Logs a browser in that comes with the token before the present one, because the answer with that never arrived: `false` where it
/// did. What was made for the lost answer is over.
async fn take_again(
    caller: &Caller,
    cookie: &RememberCookie,
    stored: &StoredSeries,
    now: Timestamp,
) -> Result<bool, InternalError> {
    let (series, presented, next) = (cookie.series.hash(), cookie.token.hash(), Token::random()?);
    let Some(session) = begin(caller, stored, &series, now).await? else {
        return Ok(false);
    };
    let Some(id) = session.id() else {
        return Ok(false);
    };
    let again = TakenAgain {
        series: &series,
        presented: &presented,
        next: &next.hash(),
        session: &sessions::store::hash(&id),
        event: &Event::by(&stored.user_id, Action::Login)
            .to(&stored.user_id)
            .about(Way::RememberedAgain.name()),
    };
    if !caller
        .state()
        .storage()
        .take_series_again(&again, Timestamp::now())
        .await?
    {
        sessions::end(&session).await?;
        return Ok(false);
    }
    let left = Duration::from_millis(u64::try_from(stored.expires_at - now.0).unwrap_or_default());
    let cookie = RememberCookie {
        series: cookie.series.clone(),
        token: next,
    };
    cookie.set(caller, left);
    caller.replace_session(session);
    security_log::remembered_again(&stored.user_id);
    Ok(true)
}

/// Whether a request may have been sent before its client could know of the new token: the rotation was only just now, and
/// the client has been told nothing since on that connection, or what it was told may still have been under way.
fn may_have_crossed(arrival: Arrival, rotated_at: Timestamp) -> bool {
    let window = if arrival.last_response_at <= rotated_at {
        CROSSING
    } else {
        FLIGHT
    };
    arrival.at <= rotated_at.plus(window)
}

/// The hash of the series in the cookie of `caller`, whatever it is worth.
pub fn series_of(caller: &Caller) -> Option<TokenHash> {
    let cookie = caller.remember_cookie().and_then(RememberCookie::parse)?;
    Some(cookie.series.hash())
}

/// Takes the cookie away from the browser of `caller`, if it has one. What it stands for is over.
pub fn take_cookie(caller: &Caller) {
    if caller.remember_cookie().is_some() {
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
    }
}

/// Forgets the browser of `caller`, whatever its cookie is worth, and ends the sessions that came of it.
pub async fn forget(caller: &Caller) -> Result<(), InternalError> {
    if let Some(series) = series_of(caller) {
        caller.state().storage().revoke_series(&series).await?;
    }
    take_cookie(caller);
    Ok(())
}

/// A session for the browser of that series, which nobody has been told of yet.
async fn begin(
    caller: &Caller,
    stored: &StoredSeries,
    series: &TokenHash,
    now: Timestamp,
) -> Result<Option<Session>, InternalError> {
    let login = Login {
        id: String::new(),
        user_id: stored.user_id.clone(),
        at: now.0,
        password_at: None,
        series: Some(series.as_bytes().to_vec()),
        user_changed_at: stored.user_changed_at,
        origin: caller.origin(),
    };
    sessions::begin(caller.state().sessions(), login, None, &Replaced::default()).await
}

fn replace_session(caller: &Caller, session: Session, stored: &StoredSeries) {
    caller.replace_session(session);
    security_log::logged_in(caller, &stored.user_id, Way::Remembered);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_from_before_the_rotation_may_have_crossed_with_it() {
        let rotated_at = Timestamp(100_000);
        let may_have_crossed = |last_response_at, at| {
            let arrival = Arrival {
                address: None,
                at: Timestamp(at),
                last_response_at: Timestamp(last_response_at),
            };
            super::may_have_crossed(arrival, rotated_at)
        };
        assert!(may_have_crossed(99_000, 99_500));
        assert!(may_have_crossed(100_000, 100_050));
        assert!(!may_have_crossed(99_000, 110_001), "it comes too late");
        assert!(may_have_crossed(100_001, 103_000), "the answer was under way");
        assert!(!may_have_crossed(100_001, 103_001), "it got an answer since");
    }
}
