//! Logging in and out: the use-cases behind every door.

use tokio::time::Instant;

use super::{active_sessions::Present, session_renewal::Renewal};
use crate::{
    contract::{
        Refusal,
        login::{LoginArguments, Password},
    },
    server::{
        auth::{
            caller::Caller,
            cookies::{CookieName, SetCookie},
            guard::{AuthenticatedGuard as _, kinds::LoggedIn},
            remember::{self, Remembered},
            security_log::{self, End, Failure, Trying, Way},
        },
        model::{clock::Timestamp, login::Login, user_name},
        passwords,
        registry::pending_calls,
        sessions,
        storage::{new_session::Replaced, users::StoredUser},
        telemetry::error::InternalError,
    },
};

/// Logs in with a password and gives the user's name.
///
/// # Errors
/// [`Refusal::InvalidCredentials`] for a wrong password, an unknown and a disabled user alike, after the same work;
/// [`Refusal::TooManyAttempts`] for a right one, too; [`Refusal::Busy`] where too many log in at once.
pub async fn log_in(caller: &Caller, arguments: LoginArguments) -> Result<String, Refusal> {
    let LoginArguments {
        user_id,
        password,
        remember,
    } = arguments;
    let now = Timestamp::now();
    let user = verify(caller, Trying::Login, &user_id, password).await?;
    // The password was changed, or the user disabled, while it was being verified.
    if !begin(caller, &user, remember, now).await? {
        security_log::login_failed(caller, Trying::Login, Some(&user.user_id), Failure::Overtaken);
        return Err(Refusal::InvalidCredentials);
    }
    security_log::logged_in(caller, &user.user_id, Way::Password);
    Ok(user.user_id)
}

/// Confirms the login of `caller` with the password, under a new token, and gives the user's name (OWASP ASVS 7.2.4,
/// 7.5.1). What it began with stays: the moment that its absolute limit counts from, and the remembered browser.
///
/// # Errors
/// [`Refusal::InvalidCredentials`] for a wrong password; [`Refusal::TooManyAttempts`]; [`Refusal::Busy`].
pub async fn confirm(caller: LoggedIn, password: Password) -> Result<String, Refusal> {
    let caller = caller.caller();
    let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
    let user = verify(caller, Trying::Confirmation, &login.user_id, password).await?;
    let confirmed = Login {
        password_at: Some(Timestamp::now().0),
        user_changed_at: user.changed_at,
        ..Login::clone(&login)
    };
    let renewal = Renewal::of(caller, confirmed)?;
    let is_renewed = caller.state().storage().renew_session(&renewal.to_store()).await?;
    renewal.done(caller, is_renewed)?;
    security_log::login_confirmed(caller, &user.user_id);
    Ok(user.user_id)
}

/// The user with that name and password, who may log in, unless there were too many attempts: the one way for every door
/// that takes a password.
async fn verify(caller: &Caller, trying: Trying, user_id: &str, password: Password) -> Result<StoredUser, Refusal> {
    let state = caller.state();
    let attempt = state.throttle().attempt(user_id, caller.arrival().address).await?;
    match look_up(caller, user_id, password, attempt.deadline()).await {
        Ok(Ok(user)) => {
            attempt.succeeded().await?;
            Ok(user)
        }
        Ok(Err((user, failure))) => {
            security_log::login_failed(caller, trying, user.as_deref(), failure);
            if let Some(wait) = attempt.failed() {
                security_log::throttled(caller, user.as_deref(), wait);
            }
            Err(Refusal::InvalidCredentials)
        }
        Err(refusal) => {
            attempt.withdraw().await;
            Err(refusal)
        }
    }
}

/// The user with that name and password, who may log in; or whom the name belongs to, if anybody, and why that one may not.
/// Equal work for whoever may not.
async fn look_up(
    caller: &Caller,
    user_id: &str,
    password: Password,
    deadline: Instant,
) -> Result<Result<StoredUser, (Option<String>, Failure)>, Refusal> {
    let state = caller.state();
    let user = state
        .storage()
        .find_user_by_login(&user_name::as_meant(user_id))
        .await?;
    let failed = |user: Option<StoredUser>, failure| Ok(Err((user.map(|user| user.user_id), failure)));
    if passwords::is_too_long(&password) {
        return failed(user, Failure::WrongPassword);
    }
    let stored = user.as_ref().and_then(StoredUser::hash).map(str::to_owned);
    let verdict = state.passwords().verify_by(deadline, password.clone(), stored).await?;
    let may_enter = |user: &StoredUser| user.active && (!user.demo || state.settings().demo);
    let user = match user {
        None => return failed(None, Failure::UnknownUser),
        Some(user) if !verdict.is_right => return failed(Some(user), Failure::WrongPassword),
        Some(user) if !may_enter(&user) => return failed(Some(user), Failure::Disabled),
        Some(user) => user,
    };
    if verdict.is_outdated {
        // Where too much is being hashed, at the next login.
        match state.passwords().hash(password).await {
            Ok(rehashed) => {
                state
                    .storage()
                    .replace_hash(&user.user_id, &user.password_hash, &rehashed)
                    .await?;
            }
            Err(Refusal::Busy { .. }) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(Ok(user))
}

/// Begins a session in place of whatever this browser had, unless the login was overtaken. All of it is stored in one step, so
/// a login that fails logs nobody out. Cookies are set only after that.
async fn begin(caller: &Caller, user: &StoredUser, remember: bool, now: Timestamp) -> Result<bool, InternalError> {
    caller.disable_remember();
    let state = caller.state();
    let origin = caller.origin();
    let remembered = if remember {
        Some(Remembered::new(state.settings().sessions.remember())?)
    } else {
        None
    };
    let browser = remembered.as_ref().map(|remembered| remembered.to_store(&origin, now));
    let login = Login {
        id: String::new(),
        user_id: user.user_id.clone(),
        at: now.0,
        password_at: Some(now.0),
        series: browser.as_ref().map(|browser| browser.series.as_bytes().to_vec()),
        user_changed_at: user.changed_at,
        origin,
    };
    let replaced = Replaced {
        session: caller.session().id().as_ref().map(sessions::store::hash),
        series: remember::series_of(caller),
    };
    let begun = sessions::begin(state.sessions(), login, browser.as_ref(), &replaced).await?;
    let Some(session) = begun else {
        return Ok(false);
    };
    // The login has come about. What is kept goes on waiting for whoever logs in with this browser.
    if let Err(fault) = pending_calls::hand_over(caller, &user.user_id).await {
        fault.log();
    }
    remember::take_cookie(caller);
    caller.replace_session(session);
    if let Some(remembered) = remembered {
        remembered.tell(caller);
    }
    Ok(true)
}

/// Ends the session of `caller`, forgets the browser with all sessions that came of it, and gives the user's name.
///
/// # Errors
/// A fault; then the session may still be live.
pub async fn log_out(caller: LoggedIn) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    caller.disable_remember();
    let storage = caller.state().storage();
    // Renewed meanwhile by another call of this browser, it is still the session that was to end.
    let present = Present::as_found(caller);
    // The series first: should the rest not come about, nothing is left that could log in again.
    if let Some(series) = &present.series {
        storage.revoke_series(series).await?;
    }
    remember::forget(caller).await?;
    if let Some(session) = &present.session {
        storage.end_session(&user_id, session).await?;
    }
    sessions::end(&caller.session()).await?;
    caller.set_cookie(SetCookie::remove(CookieName::Session));
    pending_calls::delete(caller).await?;
    security_log::sessions_ended(caller, &user_id, End::Logout, 1);
    Ok(user_id)
}
