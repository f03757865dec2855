//! Registration: somebody adds a user for oneself. Closed unless the settings open it.
//!
//! The server ends each name with random letters. So a name that is chosen here is never taken, and nobody learns which
//! names exist, neither from the answer nor from the time that it takes (OWASP ASVS 6.3.8).

use super::one_time_links::hash_new;
use crate::{
    contract::{Refusal, audit::Action, login::NewPassword},
    server::{
        auth::{caller::Caller, security_log},
        model::{clock::Timestamp, event::Event, user_name},
        state::AppState,
        storage::{roles::UpdateOutcome, users::NewUser},
        telemetry::{error::InternalError, request_id::RequestId},
    },
};

/// How many letters the ending has.
const ENDING: usize = 5;

/// Adds a user, and gives the name that the server has made of the one that was asked for.
///
/// # Errors
/// [`Refusal::Forbidden`] while registration is closed, or there is no user yet; [`Refusal::InvalidArguments`];
/// [`Refusal::TooManyAttempts`]: each registration, and each password that is refused, counts like a failed login against
/// its address.
pub async fn register(caller: &Caller, wanted: &str, new: NewPassword) -> Result<String, Refusal> {
    let state = caller.state();
    if let Some(why) = why_closed(state).await? {
        return Err(Refusal::Forbidden(why.to_owned()));
    }
    if !user_name::is_allowed(wanted) {
        let problem = "must consist of letters (a to z, A to Z), digits or any of . _ @ -";
        return Err(Refusal::of_argument("user_id", problem));
    }
    let account = format!("registration {}", RequestId::random());
    let attempt = state.throttle().attempt(&account, caller.arrival().address).await?;
    let hash = hash_new(caller, new, wanted).await;
    // A password that is refused has been judged, which is work, too.
    if !matches!(hash, Ok(_) | Err(Refusal::InvalidArguments(_))) {
        attempt.withdraw().await;
    } else if let Some(wait) = attempt.failed() {
        security_log::throttled(caller, None, wait);
    }
    let password_hash = hash?;
    // That an ending is taken happens once in a few million times; that three in a row are, never.
    for _ in 0..3 {
        let user_id = format!("{wanted}-{}", ending());
        let event = Event::by(&user_id, Action::Registered).to(&user_id);
        let user = NewUser {
            user_id: &user_id,
            password_hash: &password_hash,
            demo: false,
            roles: &[],
            link: None,
        };
        let events = [event];
        if state.storage().add_user(&user, Timestamp::now(), &events).await? == UpdateOutcome::Done {
            events.iter().for_each(security_log::changed);
            return Ok(user_id);
        }
    }
    Err(InternalError::new("registering a user", "no ending of the name was free").into())
}

/// Why nobody can register, if that is so.
pub async fn why_closed(state: &AppState) -> Result<Option<&'static str>, InternalError> {
    if !state.settings().registration.open {
        return Ok(Some("Registration is closed. Ask an administrator to invite you."));
    }
    // The link that the first administrator is made with is good for as long as there is no user.
    let has_users = state.storage().has_users().await?;
    Ok((!has_users).then_some("Registration has not begun: the first administrator is still to be made."))
}

/// Random letters that are not mistaken for one another.
fn ending() -> String {
    RequestId::random().as_str().chars().take(ENDING).collect()
}
