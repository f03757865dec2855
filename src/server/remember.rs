//! Remembered browsers: logging in again without a password, for a limited time.
//!
//! A remembered browser holds a series and a token, both random. Using the token replaces it. A token that comes again
//! after it was replaced was copied by somebody: the whole series is revoked, with the sessions that came of it. Two
//! requests that are under way at the same moment with the same token are no such case, and both go through.
//!
//! The lifetime counts from the login with the password and is not prolonged by use.

use std::time::Duration;

use super::{
    caller::Caller,
    clock::Timestamp,
    cookies::{CookieName, SetCookie},
    fault::Fault,
    secret::{Token, TokenHash},
    sessions::{self, Login},
};

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

/// Remembers the browser of `caller` for `user_id`. Gives the hash of the new series.
///
/// # Errors
/// A fault of the database or of the random numbers.
pub async fn remember(caller: &Caller, user_id: &str, now: Timestamp) -> Result<TokenHash, Fault> {
    let lifetime = caller.services().settings().sessions.remember();
    let cookie = RememberCookie {
        series: Token::random()?,
        token: Token::random()?,
    };
    let series = cookie.series.hash();
    caller
        .services()
        .storage()
        .add_series(
            &series,
            &cookie.token.hash(),
            user_id,
            now,
            now.plus(lifetime),
        )
        .await?;
    cookie.set(caller, lifetime);
    Ok(series)
}

/// Logs a remembered browser in again, with a session that is not fresh. A cookie that is good for nothing is removed.
///
/// # Errors
/// A fault of the database or of the random numbers; then the cookie stays as it was.
pub async fn restore(caller: &Caller) -> Result<(), Fault> {
    let Some(cookie) = caller.remember_cookie().and_then(RememberCookie::parse) else {
        caller.set_cookie(SetCookie::remove(CookieName::Remember));
        return Ok(());
    };
    let (storage, now) = (caller.services().storage(), Timestamp::now());
    let series = cookie.series.hash();
    let next = Token::random()?;

    if let Some(used) = storage
        .rotate_series(&series, &cookie.token.hash(), &next.hash(), now)
        .await?
    {
        begin(caller, used.user_id, &series, now).await?;
        let left =
            Duration::from_millis(u64::try_from(used.expires_at - now.0).unwrap_or_default());
        RememberCookie {
            token: next,
            ..cookie
        }
        .set(caller, left);
        return Ok(());
    }

    let presented = cookie.token.hash();
    match storage.find_series(&series).await? {
        Some(stored)
            if stored.token_hash == presented.as_bytes()
                || !stored.active
                || stored.expires_at <= now.0 =>
        {
            // Over, or its user is kept out.
            caller.set_cookie(SetCookie::remove(CookieName::Remember));
        }
        Some(stored)
            if stored.previous_hash.as_deref() == Some(presented.as_bytes())
                && caller.arrived().0 <= stored.rotated_at =>
        {
            // Another request of this browser, under way at the same time, has replaced the token and set the cookie.
            begin(caller, stored.user_id, &series, now).await?;
        }
        Some(stored) => {
            storage.revoke_series(&series).await?;
            tracing::warn!(
                user = stored.user_id,
                "a remember token was used twice; its series and sessions are revoked"
            );
            caller.set_cookie(SetCookie::remove(CookieName::Remember));
        }
        None => caller.set_cookie(SetCookie::remove(CookieName::Remember)),
    }
    Ok(())
}

/// Forgets the browser of `caller`, whatever its cookie is worth.
///
/// # Errors
/// A fault of the database.
pub async fn forget(caller: &Caller) -> Result<(), Fault> {
    let Some(value) = caller.remember_cookie() else {
        return Ok(());
    };
    if let Some(cookie) = RememberCookie::parse(value) {
        caller
            .services()
            .storage()
            .delete_series(&cookie.series.hash())
            .await?;
    }
    caller.set_cookie(SetCookie::remove(CookieName::Remember));
    Ok(())
}

async fn begin(
    caller: &Caller,
    user_id: String,
    series: &TokenHash,
    now: Timestamp,
) -> Result<(), Fault> {
    let login = Login {
        user_id,
        at: now.0,
        fresh: false,
        series: Some(series.as_bytes().to_vec()),
    };
    sessions::begin(caller.session(), &login).await
}
