//! The two functions of the contract that echo what they are called with: one open, one guarded.

use crate::{
    contract::{Answer, JsonObject, Refusal},
    function,
};

function! { "notauth_func":
    /// Echoes a JSON object to anyone.
    ///
    /// No login is needed. Try it to see what a call looks like.
    pub async fn notauth_func(_caller: Anyone, ..object: JsonObject) -> Result<Answer, Refusal> {
        Ok(Answer::new(format!("notauth_func({object})")))
    }
}

function! { "auth_func":
    /// Echoes a JSON object to whoever is logged in, and says who that is.
    ///
    /// Without a login, the call is refused before its body is read.
    pub async fn auth_func(caller: LoggedIn, ..object: JsonObject) -> Result<Answer, Refusal> {
        Ok(Answer::new(format!("auth_func({object}),user_id={}", caller.user_id())))
    }
}
