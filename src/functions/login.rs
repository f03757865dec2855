//! Login, logout and the current user.

use crate::{
    contract::{Answer, Refusal, login::LoginArguments, user::WhoAmI},
    function,
};

/// Logs a user in.
///
/// The response sets the session cookie. If `remember` is true, which is the default for JSON calls, it also sets a
/// second cookie that logs the user in again after the session has ended.
#[function]
#[refuses(InvalidCredentials, TooManyAttempts { retry_after: 300 })]
pub async fn login(caller: Anyone, #[body] login: LoginArguments) -> Result<Answer, Refusal> {
    let user = crate::server::accounts::login::log_in(caller.caller(), login).await?;
    Ok(Answer::new(format!("user <{user}> logined")))
}

/// Ends the session of the caller, and forgets the browser if it was remembered.
#[function]
pub async fn logout(caller: LoggedIn) -> Result<Answer, Refusal> {
    let user = crate::server::accounts::login::log_out(caller).await?;
    Ok(Answer::new(format!("user <{user}> logout")))
}

/// Shows who is logged in, and with which permissions.
#[function]
pub async fn current_user(caller: LoggedIn) -> Result<WhoAmI, Refusal> {
    let storage = caller.state().storage();
    let permissions = crate::server::auth::guard::granted::Permissions::by_user(storage, caller.user_id()).await?;
    Ok(WhoAmI {
        user: caller.user().clone(),
        permissions: permissions.names(),
    })
}
