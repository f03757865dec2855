//! Logging in, confirming a login, and logging out.

use tokio::time::Instant;

use super::{active_sessions::CurrentSession, session_renewal::Renewal};
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
            remember::{self, RememberCookie},
            security_log::{self, End, Failure, LoginPurpose, Way},
        },
        config,
        model::{clock::Timestamp, login::Login, token::TokenHash, user_name},
        passwords,
        registry::pending_calls,
        sessions,
        storage::{new_session::Replaced, users::StoredUser},
        telemetry::error::InternalError,
    },
};

/// Logs in with a password and returns the name of the user.
///
/// # Errors
/// - [`Refusal::InvalidCredentials`] for a wrong password, an unknown user and a disabled user, after the same amount
///   of work for each.
/// - [`Refusal::TooManyAttempts`] after too many failed attempts, even if the password is right.
/// - [`Refusal::Busy`] while too many passwords are being hashed.
pub async fn log_in(caller: &Caller, arguments: LoginArguments) -> Result<String, Refusal> {
    let now = Timestamp::now();
    let user = verify(caller, LoginPurpose::Login, &arguments.user_id, arguments.password).await?;
    let proof = Proof {
        user: &user,
        remember: arguments.remember,
        authenticated_at: Some(now),
        account: None,
    };
    // The user was changed or disabled while the password was being verified.
    if !begin(caller, &proof, now).await? {
        security_log::login_failed(caller, LoginPurpose::Login, Some(&user.user_id), Failure::Overtaken);
        return Err(Refusal::InvalidCredentials);
    }
    security_log::logged_in(caller, &user.user_id, Way::Password);
    Ok(user.user_id)
}

/// Confirms the login of `caller` with the password and returns the name of the user (OWASP ASVS 7.2.4, 7.5.1).
///
/// The session gets a new token. Its absolute time limit still counts from the login, and the browser stays remembered.
///
/// # Errors
/// As [`log_in`]; also [`Refusal::NotLoggedIn`] if the session ended meanwhile.
pub async fn confirm(caller: LoggedIn, password: Password) -> Result<String, Refusal> {
    let caller = caller.caller();
    let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
    let user = verify(caller, LoginPurpose::Confirmation, &login.user_id, password).await?;
    let confirmed = Login {
        password_at: Some(Timestamp::now().0),
        user_changed_at: user.changed_at,
        ..Login::clone(&login)
    };
    let renewal = Renewal::of(caller, confirmed)?;
    let is_renewed = caller.state().storage().renew_session(&renewal.to_store()).await?;
    renewal.finish(caller, is_renewed)?;
    security_log::login_confirmed(caller, &user.user_id, None);
    Ok(user.user_id)
}

/// Verifies a name and a password, subject to the rate limit. Every login and every confirmation goes through here.
async fn verify(
    caller: &Caller,
    purpose: LoginPurpose,
    user_id: &str,
    password: Password,
) -> Result<StoredUser, Refusal> {
    let state = caller.state();
    let attempt = state.throttle().attempt(user_id, caller.arrival().address).await?;
    match look_up(caller, user_id, password, attempt.deadline).await {
        Ok(Ok(user)) => {
            attempt.succeeded().await?;
            Ok(user)
        }
        Ok(Err((user, failure))) => {
            security_log::login_failed(caller, purpose, user.as_deref(), failure);
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

/// Looks up the user and verifies the password. The inner error is a failed login: the stored name of the user, if there
/// is one, and a reason for the log. It takes the same amount of work whether or not the user exists. The outer error
/// means that the password was not checked.
async fn look_up(
    caller: &Caller,
    user_id: &str,
    password: Password,
    deadline: Instant,
) -> Result<Result<StoredUser, (Option<String>, Failure)>, Refusal> {
    let state = caller.state();
    let storage = state.storage();
    let user = storage.find_user_by_login(&user_name::normalize(user_id)).await?;
    let failed = |user: Option<StoredUser>, failure| Ok(Err((user.map(|user| user.user_id), failure)));
    if passwords::is_too_long(&password) {
        return failed(user, Failure::WrongPassword);
    }
    let stored = user.as_ref().and_then(StoredUser::hash).map(str::to_owned);
    let verdict = state.passwords().verify_by(deadline, password.clone(), stored).await?;
    let may_log_in = |user: &StoredUser| user.active && (!user.demo || state.settings().demo);
    let user = match user {
        None => return failed(None, Failure::UnknownUser),
        Some(user) if !verdict.is_correct => return failed(Some(user), Failure::WrongPassword),
        Some(user) if !may_log_in(&user) => return failed(Some(user), Failure::Disabled),
        Some(user) => user,
    };
    if verdict.is_outdated {
        // If the server is too busy to hash it now, the next login tries again.
        match state.passwords().hash(password).await {
            Ok(rehashed) => {
                storage
                    .replace_hash(&user.user_id, &user.password_hash, &rehashed)
                    .await?;
            }
            Err(Refusal::Busy { .. }) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(Ok(user))
}

/// What a person who logs in has proved, by a password or by a provider.
pub(super) struct Proof<'a> {
    pub user: &'a StoredUser,
    /// Whether to remember the browser.
    pub remember: bool,
    /// When the person authenticated, which decides for how long the login is fresh. `None` if that is not known.
    pub authenticated_at: Option<Timestamp>,
    /// The account at a provider.
    pub account: Option<ProvedAccount<'a>>,
}

/// An account at a provider that a person has logged in with.
pub(super) struct ProvedAccount<'a> {
    /// The id of the linked account.
    pub id: &'a str,
    pub provider: &'a config::Provider,
    /// The hash of the session at the provider.
    pub sid: Option<&'a TokenHash>,
}

/// Begins a session that replaces the session and the remembered login of this browser. Returns `false` if the user was
/// changed or the account was unlinked meanwhile. Everything is stored in one transaction and cookies are set afterwards,
/// so a login that fails logs nobody out.
pub(super) async fn begin(caller: &Caller, proof: &Proof<'_>, now: Timestamp) -> Result<bool, InternalError> {
    caller.disable_remember();
    let state = caller.state();
    let origin = caller.origin();
    let Proof { user, account, .. } = proof;
    let lifetime = state.settings().sessions.remember_seconds.duration();
    let cookie = proof.remember.then(RememberCookie::random).transpose()?;
    let expires_at = now.plus(lifetime);
    let browser = cookie.as_ref().map(|cookie| cookie.to_store(&origin, expires_at));
    let login = Login {
        user_id: user.user_id.clone(),
        at: now.0,
        password_at: proof.authenticated_at.map(|at| at.0),
        series: browser.as_ref().map(|browser| browser.series.as_bytes().to_vec()),
        user_changed_at: user.changed_at,
        origin,
        identity: account.as_ref().map(|account| account.id.to_owned()),
        provider: account.as_ref().map(|account| account.provider.key.clone()),
        ends_at: account
            .as_ref()
            .and_then(|account| remember::session_end(account.provider, now)),
        ..Login::default()
    };
    let sid = account.as_ref().and_then(|account| account.sid);
    let replaced = Replaced {
        session: caller.session().id().as_ref().map(sessions::store::hash),
        series: remember::series_of(caller),
    };
    let begun = sessions::begin(state.sessions(), login, browser.as_ref(), sid, &replaced).await?;
    let Some(session) = begun else {
        return Ok(false);
    };
    // The login is stored, so an error here does not fail it. The pending call stays with the browser.
    if let Err(error) = pending_calls::hand_over(caller, &user.user_id).await {
        error.log();
    }
    remember::remove_cookie(caller);
    caller.replace_session(session);
    if let Some(cookie) = cookie {
        cookie.set(caller, lifetime);
    }
    Ok(true)
}

/// Ends the session of `caller`, forgets the remembered browser with all its sessions, and returns the name of the
/// user. After an internal error the session may still be live.
pub async fn log_out(caller: LoggedIn) -> Result<String, Refusal> {
    let user_id = caller.user_id().to_owned();
    let caller = caller.caller();
    caller.disable_remember();
    let storage = caller.state().storage();
    // Another call of this browser may have renewed the session meanwhile. It is still the session to end.
    let current = CurrentSession::seen_by_guard(caller);
    // The series goes first: if a later step fails, the browser can no longer log in by itself.
    if let Some(series) = &current.series {
        storage.revoke_series(series).await?;
    }
    remember::forget(caller).await?;
    if let Some(session) = &current.session {
        storage.end_session(&user_id, session).await?;
    }
    sessions::end(&caller.session()).await?;
    caller.set_cookie(SetCookie::remove(CookieName::Session));
    pending_calls::delete(caller).await?;
    security_log::sessions_ended(caller, &user_id, End::Logout, 1);
    Ok(user_id)
}
