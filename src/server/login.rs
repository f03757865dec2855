//! Logging in and out: the use-cases behind every door.

use super::{
    caller::Caller,
    clock::Timestamp,
    cookies::{CookieName, SetCookie},
    fault::Fault,
    guard::kinds::LoggedIn,
    kept_calls, remember,
    secret::TokenHash,
    sessions::{self, Login},
};
use crate::contract::{Refusal, login::LoginArguments};

/// Logs in with a password and gives the user's name.
///
/// # Errors
/// [`Refusal::InvalidCredentials`] for a wrong password, an unknown and a disabled user alike, after the same work;
/// [`Refusal::Busy`] where too many log in at once.
pub async fn log_in(caller: &Caller, arguments: LoginArguments) -> Result<String, Refusal> {
    let LoginArguments {
        user_id,
        password,
        remember,
    } = arguments;
    let (services, now) = (caller.services(), Timestamp::now());
    if password.is_too_long() {
        return Err(Refusal::InvalidCredentials);
    }
    let user = services.storage().find_user(&user_id).await?;
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let verdict = services.passwords().verify(password, stored).await?;
    let Some(user) = user.filter(|user| verdict.is_right && user.active) else {
        return Err(Refusal::InvalidCredentials);
    };
    if let Some(rehashed) = verdict.rehashed {
        services
            .storage()
            .replace_hash(&user.user_id, &user.password_hash, &rehashed)
            .await?;
    }
    begin(caller, &user.user_id, remember, now).await?;
    Ok(user.user_id)
}

async fn begin(
    caller: &Caller,
    user_id: &str,
    remember: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    caller.stop_restoring();
    remember::forget(caller).await?;
    kept_calls::forget_others(caller, user_id).await?;
    let series = match remember {
        true => Some(
            remember::remember(caller, user_id, now)
                .await?
                .as_bytes()
                .to_vec(),
        ),
        false => None,
    };
    let login = Login {
        user_id: user_id.to_owned(),
        at: now.0,
        fresh: true,
        series,
    };
    sessions::begin(caller.session(), &login).await
}

/// Ends the session of `caller`, forgets the browser, and gives the user's name.
///
/// # Errors
/// A fault; then the session may still be live.
pub async fn log_out(caller: LoggedIn) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    caller.stop_restoring();
    let login = sessions::login_of(caller.session()).await?;
    sessions::end(caller.session()).await?;
    caller.set_cookie(SetCookie::remove(CookieName::Session));
    if let Some(series) = login.and_then(|login| login.series) {
        caller
            .services()
            .storage()
            .delete_series(&TokenHash::stored(&series))
            .await?;
    }
    remember::forget(caller).await?;
    kept_calls::forget(caller).await?;
    Ok(user_id)
}
