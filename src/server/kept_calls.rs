//! Keeping a call for the browser that made it.
//!
//! A form that is sent without script is answered with a redirect; what was typed and what came of it wait here until
//! the next page shows them, for ten minutes. The call is found by a cookie with a random token, so only this browser
//! sees it, and one made by a logged-in user only while that user is logged in. It runs nothing. Fields for passwords are
//! never kept: of what was typed, only the text of a JSON editor is.

use std::time::Duration;

use super::{
    caller::Caller,
    clock::Timestamp,
    cookies::{CookieName, SetCookie},
    fault::Fault,
    secret::Token,
};
use crate::contract::kept_call::KeptCall;

const LIFETIME: Duration = Duration::from_mins(10);

/// The longest reply that is kept, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// Keeps `call` for the browser of `caller`, in place of an earlier one.
///
/// # Errors
/// A fault of the database or of the random numbers.
pub async fn keep(caller: &Caller, call: &KeptCall) -> Result<(), Fault> {
    forget(caller).await?;
    let token = Token::random()?;
    let user_id = caller.login().await?.map(|login| login.user_id);
    let text = serde_json::to_string(call).map_err(|error| Fault::new("keeping a call", error))?;
    caller
        .services()
        .storage()
        .keep_call(
            &token.hash(),
            user_id.as_deref(),
            &text,
            Timestamp::now().plus(LIFETIME),
        )
        .await?;
    caller.set_cookie(SetCookie::lasting(CookieName::KeptCall, token.reveal(), LIFETIME));
    Ok(())
}

/// The call that is kept for the browser of `caller`, if there is one that its user may see.
///
/// # Errors
/// A fault of the database.
pub async fn find(caller: &Caller) -> Result<Option<KeptCall>, Fault> {
    let Some(token) = caller.kept_call_cookie().and_then(Token::parse) else {
        return Ok(None);
    };
    let user_id = caller.login().await?.map(|login| login.user_id);
    let call = caller
        .services()
        .storage()
        .find_kept_call(&token.hash(), user_id.as_deref(), Timestamp::now())
        .await?;
    // A call that an older version kept in another shape is let go.
    Ok(call.and_then(|call| serde_json::from_str(&call).ok()))
}

/// Lets go of what is kept for the browser of `caller`.
///
/// # Errors
/// A fault of the database.
pub async fn forget(caller: &Caller) -> Result<(), Fault> {
    let Some(value) = caller.kept_call_cookie() else {
        return Ok(());
    };
    if let Some(token) = Token::parse(value) {
        caller.services().storage().delete_kept_call(&token.hash()).await?;
    }
    caller.set_cookie(SetCookie::remove(CookieName::KeptCall));
    Ok(())
}

/// Lets go of what is kept for this browser if it belongs to another user than `user_id`.
///
/// # Errors
/// A fault of the database.
pub async fn forget_others(caller: &Caller, user_id: &str) -> Result<(), Fault> {
    let Some(token) = caller.kept_call_cookie().and_then(Token::parse) else {
        return Ok(());
    };
    let storage = caller.services().storage();
    if storage
        .find_kept_call(&token.hash(), Some(user_id), Timestamp::now())
        .await?
        .is_none()
    {
        forget(caller).await?;
    }
    Ok(())
}
