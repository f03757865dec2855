//! Keeping a call for the browser that made it.
//!
//! A form that is sent without script is answered with a redirect; what was typed and what came of it wait here until
//! the next page shows them, for ten minutes. A call that wants a login first waits here, too, until its person has logged
//! in and says that it shall run: then it is taken, once.
//!
//! It is found by a cookie with a random token, so only this browser sees it; one made by a logged-in user, or that a user
//! has logged in for, only while that user is logged in. Nothing here runs by itself, and no secret is kept.

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
        storage::pending_calls::{LIFETIME, Owner},
        telemetry::error::InternalError,
        throttle,
    },
};

/// The longest reply that is kept, in bytes.
pub const MAX_REPLY: usize = 64 * 1024;

/// The longest arguments that are kept, in bytes as JSON or as typed.
pub const MAX_ARGUMENTS: usize = 64 * 1024;

/// What is stored of a call.
#[derive(Serialize, Deserialize)]
struct StoredCall {
    /// Whom it is for, where nobody was logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_to: Option<String>,
    call: PendingCall,
}

impl StoredCall {
    /// The call in that text, if `user_id` may have it. One that an older version kept in another shape is let go.
    fn read(text: &str, user_id: Option<&str>) -> Option<PendingCall> {
        let Self { shown_to, call } = serde_json::from_str(text).ok()?;
        (shown_to.is_none() || shown_to.as_deref() == user_id).then_some(call)
    }
}

/// Keeps `call` for the browser of `caller`, in place of an earlier one. It is for the user who is logged in; where nobody
/// is, it is for `shown_to`, who was when the form was made, or else for whoever logs in with this browser.
///
/// # Errors
/// [`Refusal::Busy`] where too many are kept for that user, or this address, or at once; a fault of the database or of the
/// random numbers.
pub async fn store(caller: &Caller, call: &PendingCall, shown_to: Option<&str>) -> Result<(), Refusal> {
    let state = caller.state();
    let user_id = caller.login().await?.map(|login| login.user_id.clone());
    let owner = Owner {
        user_id: user_id.as_deref(),
        counted_as: match &user_id {
            Some(user_id) => owner_key(user_id),
            None => throttle::bucket_of(caller.arrival().address),
        },
    };
    let _permit = state.pending_call_limiter().acquire(&owner).await?;
    delete(caller).await?;
    let token = Token::random()?;
    let kept = StoredCall {
        // With the call and not as its owner: whether there is such a user would show in what is stored.
        shown_to: shown_to.filter(|_| user_id.is_none()).map(str::to_owned),
        call: call.clone(),
    };
    let text = serde_json::to_string(&kept).map_err(|error| InternalError::new("keeping a call", error))?;
    state
        .storage()
        .add_pending_call(&token.hash(), &owner, &text, Timestamp::now())
        .await?;
    caller.set_cookie(SetCookie::lasting(CookieName::PendingCall, token.reveal(), LIFETIME));
    Ok(())
}

/// The call that is kept for the browser of `caller`, if there is one that its user may see.
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
        .and_then(|text| StoredCall::read(&text, user_id.as_deref()))
        .map(|call| PendingCall {
            id: token.hash().handle(),
            ..call
        }))
}

/// Lets go of what is kept for the browser of `caller`.
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

/// Lets the browser of `caller` no longer show what is kept for it. That goes with time.
pub fn clear_cookie(caller: &Caller) {
    if caller.pending_call_cookie().is_some() {
        caller.set_cookie(SetCookie::remove(CookieName::PendingCall));
    }
}

/// Takes the call of `function` that waits for the browser and the user of `caller`, if it is the one with that `id` that its
/// page has shown: it can be taken once.
pub async fn take(caller: &Caller, function: &str, id: &str) -> Result<Option<PendingCall>, InternalError> {
    let is_wanted =
        |call: &PendingCall| call.function == function && matches!(call.state, State::Waiting { .. }) && call.id == id;
    let Some(call) = find(caller).await?.filter(is_wanted) else {
        return Ok(None);
    };
    let Some(token) = caller.pending_call_cookie().and_then(Token::parse) else {
        return Ok(None);
    };
    // Of two presses at once, one takes it. The cookie is left alone: by now it may be that of the reply.
    let is_taken = caller.state().storage().delete_pending_call(&token.hash()).await?;
    Ok(is_taken.then_some(call))
}

/// Lets go of the call of `function` that is kept for the browser of `caller`, now that its page has called it otherwise.
/// Where that fails, it stays: that does no harm, and the call that was made is told as it came.
pub async fn delete_after_call(caller: &Caller, function: &str) {
    let deleted = async {
        match find(caller).await? {
            Some(call) if call.function == function => delete(caller).await,
            _ => Ok(()),
        }
    };
    if let Err(fault) = deleted.await {
        fault.log();
    }
}

/// Hands what is kept for this browser over to `user_id`, who logs in with it. What belongs to another user is let go.
pub async fn hand_over(caller: &Caller, user_id: &str) -> Result<(), InternalError> {
    let Some(token) = caller.pending_call_cookie().and_then(Token::parse) else {
        return Ok(());
    };
    let (storage, now) = (caller.state().storage(), Timestamp::now());
    let text = storage.find_pending_call(&token.hash(), Some(user_id), now).await?;
    let is_for_user = text.is_some_and(|text| StoredCall::read(&text, Some(user_id)).is_some());
    if !is_for_user
        || !storage
            .hand_over_pending_call(&token.hash(), user_id, &owner_key(user_id), now)
            .await?
    {
        delete(caller).await?;
    }
    Ok(())
}

fn owner_key(user_id: &str) -> TokenHash {
    TokenHash::of(format!("user {user_id}").as_bytes())
}
