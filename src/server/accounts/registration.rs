//! Registration: people add a user for themselves. Closed unless the settings open it.
//!
//! The server appends random letters to each name. So the name is always free, and neither the response nor its timing
//! reveals which names exist (OWASP ASVS 6.3.8).

use super::one_time_links::hash_new;
use crate::{
    contract::{Message, Refusal, audit::Action, login::NewPassword},
    message,
    server::{
        auth::{caller::Caller, security_log},
        model::{clock::Timestamp, event::Event, user_name},
        state::AppState,
        storage::{roles::UpdateOutcome, users::NewUser},
        telemetry::{error::InternalError, request_id::RequestId},
    },
};

/// How many random letters a name ends with.
const SUFFIX_CHARS: usize = 5;

/// Adds a user and returns the name: the requested one with a random suffix.
///
/// # Errors
/// - [`Refusal::Forbidden`] while registration is closed or there are no users.
/// - [`Refusal::InvalidArguments`] for an invalid name, or a password that the policy rejects.
/// - [`Refusal::TooManyAttempts`]: each registration and each rejected password counts like a failed login of the
///   client address.
pub async fn register(caller: &Caller, requested_name: &str, new: NewPassword) -> Result<String, Refusal> {
    let state = caller.state();
    if let Some(reason) = closed_reason(state).await? {
        return Err(Refusal::Forbidden(reason));
    }
    if !user_name::is_allowed(requested_name) {
        let problem = message!("must consist of letters (a to z, A to Z), digits or any of . _ @ -");
        return Err(Refusal::of_argument("user_id", problem));
    }
    let account = format!("registration {}", RequestId::generate());
    let attempt = state.throttle().attempt(&account, caller.arrival().address).await?;
    let hash = hash_new(caller, new, requested_name).await;
    // A rejected password counts too, because checking it takes work.
    if !matches!(hash, Ok(_) | Err(Refusal::InvalidArguments(_))) {
        attempt.withdraw().await;
    } else if let Some(wait) = attempt.failed() {
        security_log::throttled(caller, None, wait);
    }
    let password_hash = hash?;
    // A suffix is taken once in a few million registrations. Three in a row do not happen.
    for _ in 0..3 {
        let user_id = format!("{requested_name}-{}", random_suffix());
        let events = [Event::by(&user_id, Action::Registered).to(&user_id)];
        let user = NewUser {
            user_id: &user_id,
            password_hash: &password_hash,
            demo: false,
            roles: &[],
            link: None,
        };
        if state.storage().add_user(&user, Timestamp::now(), &events).await? == UpdateOutcome::Done {
            events.iter().for_each(security_log::changed);
            return Ok(user_id);
        }
    }
    Err(InternalError::new("registering a user", "every suffix tried was taken").into())
}

/// Why nobody can register, if that is the case.
pub async fn closed_reason(state: &AppState) -> Result<Option<Message>, InternalError> {
    if !state.settings().registration.open {
        return Ok(Some(message!(
            "Registration is closed. Ask an administrator to invite you."
        )));
    }
    // The link for the first administrator works only while there are no users.
    let has_users = state.storage().has_users().await?;
    Ok((!has_users).then_some(message!(
        "Registration has not begun: the first administrator must be created first."
    )))
}

/// Random letters and digits that are not easily confused with one another, as in a request id.
pub(super) fn random_suffix() -> String {
    RequestId::generate().as_str().chars().take(SUFFIX_CHARS).collect()
}
