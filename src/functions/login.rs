//! Logging in and out, and who is logged in.

use crate::{
    contract::{Answer, Refusal, login::LoginArguments, user::WhoAmI},
    function,
};

function! { "login":
    /// Logs a user in.
    ///
    /// The reply sets the session cookie, and, where the caller asks to be remembered, a second cookie that logs in
    /// again for 30 days. A program that does not say is remembered.
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
        let storage = caller.caller().services().storage();
        let held = crate::server::roles::Held::by_user(storage, caller.user_id()).await?;
        Ok(WhoAmI { user: caller.user().clone(), permissions: held.names() })
    }
}
