//! The two echo functions that existing clients rely on: one open, one guarded.

use crate::{
    contract::{Answer, JsonObject, Refusal},
    function,
};

/// Echoes a JSON object to anyone.
///
/// No login is needed. Try it to see what a call looks like.
#[function]
pub async fn notauth_func(_caller: Anyone, #[body] object: JsonObject) -> Result<Answer, Refusal> {
    Ok(Answer::new(format!("notauth_func({object})")))
}

/// Echoes a JSON object to logged-in users, with their name.
///
/// Without a login, the call is refused before its body is read.
#[function]
pub async fn auth_func(caller: LoggedIn, #[body] object: JsonObject) -> Result<Answer, Refusal> {
    Ok(Answer::new(format!("auth_func({object}),user_id={}", caller.user_id())))
}
