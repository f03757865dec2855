//! Pending calls: calls by form that the server stores for one browser, for ten minutes.
//!
//! A form without JavaScript is answered with a redirect. The typed values and the result are stored here until the
//! next page shows them. A call that needs a login first is stored as well. After the login the user can run it, once.
//!
//! A cookie with a random token identifies the pending call, so only this browser sees it. If a user was logged in when
//! the call was made, or has logged in since, only that user sees it. No secret is stored.

use serde::{Deserialize, Serialize};

use crate::{
    contract::{
        Refusal,
        pending_call::{PendingCall, State},
    },
    server::{
        auth::{
            caller::Caller,
            cookies::{CookieName, SetCookie},
        },
        model::{
            clock::Timestamp,
            token::{Token, TokenHash},
        },
        storage::pending_calls::{LIFETIME, Owner, rest_of_minute},
        telemetry::error::InternalError,
        throttle,
    },
};

/// Maximum size of a stored reply, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// Maximum size of stored arguments, in bytes, both as JSON and as typed.
pub const MAX_ARGUMENTS: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct StoredCall {
    /// The user that the call is for, if nobody was logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_to: Option<String>,
    call: PendingCall,
}

impl StoredCall {
    /// Parses a stored call and returns it if it is for `user_id`. Ignores a format that this version does not know.
    fn parse(text: &str, user_id: Option<&str>) -> Option<PendingCall> {
        let Self { shown_to, call } = serde_json::from_str(text).ok()?;
        (shown_to.is_none() || shown_to.as_deref() == user_id).then_some(call)
    }
}

/// Stores `call` for the browser of `caller`, in place of an earlier one. The call is for the logged-in user. If nobody
/// is logged in, it is for `shown_to`, the user for whom the form was rendered, or else for the next user who logs in
/// with this browser.
///
/// # Errors
/// [`Refusal::Busy`] if this user or address exceeds the rate limit, or if other writes take too long.
pub async fn store(caller: &Caller, call: &PendingCall, shown_to: Option<&str>) -> Result<(), Refusal> {
    let state = caller.state();
    let user_id = caller.login().await?.map(|login| login.user_id.clone());
    let owner = Owner {
        user_id: user_id.as_deref(),
        counted_as: match &user_id {
            Some(user_id) => owner_key(user_id),
            None => throttle::address_bucket(caller.arrival().address),
        },
    };
    let _permit = state.pending_call_limiter().acquire(&owner).await?;
    delete(caller).await?;
    let token = Token::random()?;
    let call = StoredCall {
        // In the text and not as the owner of the row: a row with an owner is stored only if that user exists, which
        // would reveal whether the user id exists.
        shown_to: shown_to.filter(|_| user_id.is_none()).map(str::to_owned),
        call: call.clone(),
    };
    let text = serde_json::to_string(&call).map_err(|error| InternalError::new("storing a pending call", error))?;
    let per_minute = state.settings().limits.kept_calls_per_minute.get();
    let now = Timestamp::now();
    let stored = state
        .storage()
        .add_pending_call(&token.hash(), &owner, &text, per_minute, now)
        .await?;
    if !stored {
        return Err(Refusal::Busy {
            retry_after: throttle::seconds(rest_of_minute(now)),
        });
    }
    caller.set_cookie(SetCookie::lasting(CookieName::PendingCall, token.reveal(), LIFETIME));
    Ok(())
}

/// The pending call of the browser of `caller`, if there is one that its user may see.
pub async fn find(caller: &Caller) -> Result<Option<PendingCall>, InternalError> {
    let Some(token) = caller.pending_call_cookie().and_then(Token::parse) else {
        return Ok(None);
    };
    let user_id = caller.login().await?.map(|login| login.user_id.clone());
    let call = caller
        .state()
        .storage()
        .find_pending_call(&token.hash(), user_id.as_deref(), Timestamp::now())
        .await?;
    Ok(call
        .and_then(|text| StoredCall::parse(&text, user_id.as_deref()))
        .map(|call| PendingCall {
            id: token.hash().handle(),
            ..call
        }))
}

/// Deletes the pending call of the browser of `caller`, and its cookie.
pub async fn delete(caller: &Caller) -> Result<(), InternalError> {
    let Some(value) = caller.pending_call_cookie() else {
        return Ok(());
    };
    if let Some(token) = Token::parse(value) {
        caller.state().storage().delete_pending_call(&token.hash()).await?;
    }
    caller.set_cookie(SetCookie::remove(CookieName::PendingCall));
    Ok(())
}

/// Removes the cookie only. The stored call expires by itself.
pub fn clear_cookie(caller: &Caller) {
    if caller.pending_call_cookie().is_some() {
        caller.set_cookie(SetCookie::remove(CookieName::PendingCall));
    }
}

/// Removes the waiting call of `function` with this `id` from the store and returns it. Succeeds once for each call.
pub async fn take(caller: &Caller, function: &str, id: &str) -> Result<Option<PendingCall>, InternalError> {
    let is_requested =
        |call: &PendingCall| call.function == function && matches!(call.state, State::Waiting { .. }) && call.id == id;
    let Some(call) = find(caller).await?.filter(is_requested) else {
        return Ok(None);
    };
    let Some(token) = caller.pending_call_cookie().and_then(Token::parse) else {
        return Ok(None);
    };
    // Only one of two concurrent requests deletes the row. The cookie stays: by now it may belong to the reply.
    let is_deleted = caller.state().storage().delete_pending_call(&token.hash()).await?;
    Ok(is_deleted.then_some(call))
}

/// Deletes the pending call of `function` after it was called in another way. An error is only logged, because a
/// leftover is harmless.
pub async fn delete_after_call(caller: &Caller, function: &str) {
    let deleted = async {
        match find(caller).await? {
            Some(call) if call.function == function => delete(caller).await,
            _ => Ok(()),
        }
    };
    if let Err(error) = deleted.await {
        error.log();
    }
}

/// Assigns the pending call of this browser to `user_id`, who is logging in. Deletes a call of another user.
pub async fn hand_over(caller: &Caller, user_id: &str) -> Result<(), InternalError> {
    let Some(token) = caller.pending_call_cookie().and_then(Token::parse) else {
        return Ok(());
    };
    let (storage, now) = (caller.state().storage(), Timestamp::now());
    let text = storage.find_pending_call(&token.hash(), Some(user_id), now).await?;
    let is_for_user = text.is_some_and(|text| StoredCall::parse(&text, Some(user_id)).is_some());
    let owner = owner_key(user_id);
    let is_handed_over = is_for_user
        && storage
            .hand_over_pending_call(&token.hash(), user_id, &owner, now)
            .await?;
    if !is_handed_over {
        delete(caller).await?;
    }
    Ok(())
}

fn owner_key(user_id: &str) -> TokenHash {
    TokenHash::of(format!("user {user_id}").as_bytes())
}
