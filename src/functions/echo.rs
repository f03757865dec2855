//! The two functions of the contract that echo what they are called with: one open, one guarded.

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

/// Echoes a JSON object to whoever is logged in, and says who that is.
///
/// Without a login, the call is refused before its body is read.
#[function]
pub async fn auth_func(caller: LoggedIn, #[body] object: JsonObject) -> Result<Answer, Refusal> {
    Ok(Answer::new(format!("auth_func({object}),user_id={}", caller.user_id())))
}
