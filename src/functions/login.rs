//! Logging in and out, and who is logged in.

use crate::{
    contract::{Answer, Refusal, login::LoginArguments, user::WhoAmI},
    function,
};

function! { "login":
    /// Logs a user in.
    ///
    /// The reply sets the session cookie and, if `remember` is true, a second cookie that logs in again later. A
    /// program that does not send `remember` is remembered.
    #[refuses(InvalidCredentials, TooManyAttempts { retry_after: 300 })]
    pub async fn login(caller: Anyone, ..login: LoginArguments) -> Result<Answer, Refusal> {
        let user = crate::server::login::log_in(caller.caller(), login).await?;
        Ok(Answer::new(format!("user <{user}> logined")))
    }
}

function! { "logout":
    /// Ends the session of the caller, and forgets the browser if it was remembered.
    pub async fn logout(caller: LoggedIn) -> Result<Answer, Refusal> {
        let user = crate::server::login::log_out(caller).await?;
        Ok(Answer::new(format!("user <{user}> logout")))
    }
}

function! { "current_user":
    /// Says who is logged in, and with which permissions.
    pub async fn current_user(caller: LoggedIn) -> Result<WhoAmI, Refusal> {
        let storage = caller.services().storage();
        let held = crate::server::roles::Held::by_user(storage, caller.user_id()).await?;
        Ok(WhoAmI { user: caller.user().clone(), permissions: held.names() })
    }
}
