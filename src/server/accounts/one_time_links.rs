//! One-time links: with one, a person chooses a password, or becomes the first administrator.
//!
//! The code stands behind the `#` of the link, which browsers keep to themselves: it is in no request line, no log and no
//! `Referer`. Stored is only its hash. It works once, until it expires, and until another one is made. It opens no more than
//! the user who made it may manage at the moment it is used: who made it and lost that since, or made it for somebody who
//! has become more since, has a link that does not work.

use std::time::Duration;

use super::actor::Actor;
use crate::{
    contract::{Refusal, audit::Action, link::LinkCode, login::NewPassword, user::LinkReply},
    server::{
        auth::{caller::Caller, guard::granted::Permissions, security_log},
        config::Settings,
        model::{
            clock::Timestamp,
            event::Event,
            token::{Token, TokenHash},
            user_name,
        },
        storage::{
            Storage,
            links::{NewLink, StoredLink},
        },
        telemetry::error::InternalError,
        throttle::Attempt,
    },
};

/// How long an invitation works.
pub const INVITATION: Duration = Duration::from_hours(24);
/// How long a link works that lets somebody choose another password.
pub const NEW_PASSWORD: Duration = Duration::from_hours(1);
/// How long the link works that makes the first administrator.
const FIRST_ADMIN: Duration = Duration::from_hours(1);

/// A link for a user, just made.
pub struct Link<'a> {
    user_id: &'a str,
    made_by: Option<&'a str>,
    code: Token,
    hash: TokenHash,
    expires_at: Timestamp,
}

impl<'a> Link<'a> {
    /// One that works for so long.
    ///
    /// # Errors
    /// A fault of the random numbers.
    pub fn new(actor: &Actor<'a>, user_id: &'a str, lifetime: Duration) -> Result<Self, InternalError> {
        let code = Token::random()?;
        Ok(Self {
            user_id,
            made_by: actor.user_id(),
            hash: code.hash(),
            code,
            expires_at: Timestamp::now().plus(lifetime),
        })
    }

    /// What is stored of it.
    pub fn to_store(&self) -> NewLink<'_> {
        NewLink {
            code: &self.hash,
            user_id: self.user_id,
            made_by: self.made_by,
            expires_at: self.expires_at,
        }
    }

    /// What the person is given. The one place where the code is revealed.
    pub fn reply(&self, settings: &Settings) -> LinkReply {
        LinkReply {
            user_id: self.user_id.to_owned(),
            link: format!(
                "{}/welcome?user={}#{}",
                settings.origin(),
                self.user_id,
                self.code.reveal()
            ),
            until: self.expires_at.to_rfc3339(),
        }
    }
}

/// Makes the link for the first administrator, in place of an earlier one. `None` where there is a user.
///
/// # Errors
/// A fault of the database or of the random numbers.
pub async fn for_first_admin(storage: &Storage, settings: &Settings) -> Result<Option<String>, InternalError> {
    let (code, now) = (Token::random()?, Timestamp::now());
    let is_stored = storage.put_first_link(&code.hash(), now, now.plus(FIRST_ADMIN)).await?;
    Ok(is_stored.then(|| format!("{}/setup#{}", settings.origin(), code.reveal())))
}

/// Gives the user of a link the password that the person chose, uses the link up, and gives the user's name.
///
/// # Errors
/// [`Refusal::NotFound`] for a link that does not work, whatever the reason; [`Refusal::InvalidArguments`] for a password
/// that is not good enough, after which the link still works; [`Refusal::TooManyAttempts`]; [`Refusal::Busy`].
pub async fn choose_password(caller: &Caller, code: &LinkCode, new: NewPassword) -> Result<String, Refusal> {
    let Found { hash, link, attempt } = find(caller, code, Purpose::Password).await?;
    let user_id = link.user_id.unwrap_or_default();
    let password_hash = hash_new(caller, new, &user_id).await;
    attempt.withdraw().await;
    let password_hash = password_hash?;
    let event = Event::by(&user_id, Action::LinkUsed).to(&user_id);
    let is_used = caller
        .state()
        .storage()
        .use_link(
            &hash,
            &user_id,
            &password_hash,
            Timestamp::now(),
            &event,
            |maker, user| Permissions::by_grants(maker).may_manage(&Permissions::by_grants(user)),
        )
        .await?;
    if !is_used {
        return Err(no_link());
    }
    security_log::changed(&event);
    security_log::password_changed(&user_id);
    Ok(user_id)
}

/// Adds the first administrator, and uses the link up.
///
/// # Errors
/// As [`choose_password`]; [`Refusal::InvalidArguments`] for a name that nobody may have, too.
pub async fn create_first_admin(
    caller: &Caller,
    code: &LinkCode,
    user_id: &str,
    new: NewPassword,
) -> Result<(), Refusal> {
    let Found { hash, attempt, .. } = find(caller, code, Purpose::FirstAdmin).await?;
    let password_hash = if user_name::is_allowed(user_id) {
        hash_new(caller, new, user_id).await
    } else {
        Err(Refusal::of_argument("user_id", user_name::RULE))
    };
    attempt.withdraw().await;
    let password_hash = password_hash?;
    let used = Event::by("", Action::LinkUsed).to(user_id).about("first administrator");
    let added = Event::by("", Action::UserAdded).to(user_id).about("admin");
    let is_used = caller
        .state()
        .storage()
        .use_first_link(&hash, user_id, &password_hash, Timestamp::now(), [&used, &added])
        .await?;
    if !is_used {
        return Err(no_link());
    }
    security_log::changed(&used);
    security_log::changed(&added);
    Ok(())
}

/// Why nobody can be the first administrator, if that is so.
pub async fn why_no_first_admin(storage: &Storage) -> Result<Option<&'static str>, InternalError> {
    Ok(storage
        .has_users()
        .await?
        .then_some("There are users already. Log in, or ask an administrator to invite you."))
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Password,
    FirstAdmin,
}

/// A link that works, and the attempt to use it.
struct Found<'a> {
    hash: TokenHash,
    link: StoredLink,
    attempt: Attempt<'a>,
}

/// Looks for the link with that code. Each look counts against its address until the link is known to work.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::TooManyAttempts`]; [`Refusal::Busy`]; a fault of the database.
async fn find<'a>(caller: &'a Caller, code: &LinkCode, purpose: Purpose) -> Result<Found<'a>, Refusal> {
    let account = format!("link {}", TokenHash::of(code.reveal().as_bytes()).handle());
    let state = caller.state();
    let attempt = state.throttle().attempt(&account, caller.arrival().address).await?;
    if let Some(hash) = Token::parse(code.reveal()).map(|code| code.hash()) {
        let link = match state.storage().find_link(&hash, Timestamp::now()).await {
            Ok(link) => link,
            // Nothing was tried: it is nobody's failure but ours.
            Err(fault) => {
                attempt.withdraw().await;
                return Err(fault.into());
            }
        };
        let is_wanted = |link: &StoredLink| link.user_id.is_some() == (purpose == Purpose::Password);
        if let Some(link) = link.filter(is_wanted) {
            return Ok(Found { hash, link, attempt });
        }
    }
    if let Some(wait) = attempt.failed() {
        security_log::throttled(caller, None, wait);
    }
    Err(no_link())
}

fn no_link() -> Refusal {
    Refusal::NotFound("link".to_owned())
}

/// Hashes a password that somebody chose.
///
/// # Errors
/// [`Refusal::InvalidArguments`] with the reason why it is not good enough; [`Refusal::Busy`].
pub(super) async fn hash_new(caller: &Caller, new: NewPassword, user_id: &str) -> Result<String, Refusal> {
    let hashed = caller.state().passwords().hash_new(new, user_id).await?;
    hashed.map_err(|problem| Refusal::of_argument("new_password", problem))
}
