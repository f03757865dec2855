//! How people get an account of their own: with a one-time link, or by registering.

use crate::{
    contract::{Answer, Refusal, Text, link::LinkCode, login::NewPassword, user::Registered},
    function,
};

/// Sets the password of a user, with a one-time link.
///
/// The link works once. All earlier sessions of the user end.
#[function]
#[refuses(NotFound(message!("link")), TooManyAttempts { retry_after: 60 })]
pub async fn choose_password(
    caller: Anyone,
    /// The link that you received, or the part after the `#`.
    code: LinkCode,
    /// A few words that nobody would guess. Any characters will do.
    new_password: NewPassword,
) -> Result<Answer, Refusal> {
    let user = crate::server::accounts::one_time_links::choose_password(caller.caller(), &code, new_password).await?;
    Ok(Answer::new(format!(
        "user <{user}> has a new password, and can log in with it"
    )))
}

/// Adds the first administrator, with the one-time link that the server printed when it started.
#[function]
#[refuses(NotFound(message!("link")), TooManyAttempts { retry_after: 60 })]
pub async fn create_first_admin(
    caller: Anyone,
    /// The link that the server printed, or the part after the `#`.
    code: LinkCode,
    /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
    #[schemars(extend("x-autocomplete" = "username"))]
    user_id: Text<1, 64>,
    /// A few words that nobody would guess. Any characters will do.
    new_password: NewPassword,
) -> Result<Answer, Refusal> {
    crate::server::accounts::one_time_links::create_first_admin(caller.caller(), &code, &user_id, new_password).await?;
    Ok(Answer::new(format!(
        "user <{user_id}> is the first administrator, and can log in"
    )))
}

/// Registers a new user, if the operator allows it.
///
/// The server adds a few random letters to the name. So the name is never taken, and nobody learns which names exist.
#[function]
#[refuses(Forbidden(message!("Registration is closed.")), TooManyAttempts { retry_after: 60 })]
pub async fn register(
    caller: Anyone,
    /// What your name starts with: up to 48 letters (a to z, A to Z), digits or any of . _ @ -
    #[schemars(extend("x-autocomplete" = "off"))]
    user_id: Text<1, 48>,
    /// A few words that nobody would guess. Any characters will do.
    new_password: NewPassword,
) -> Result<Registered, Refusal> {
    let user_id = crate::server::accounts::registration::register(caller.caller(), &user_id, new_password).await?;
    Ok(Registered {
        msg: format!("user <{user_id}> registered, and can log in under that name"),
        user_id,
    })
}
