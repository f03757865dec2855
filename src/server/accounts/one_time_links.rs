//! One-time links, for choosing a password, for linking an account elsewhere, or for becoming the first administrator.
//!
//! The code of a link is in its fragment, after the `#`. Browsers do not send fragments, so the code is in no request
//! line, no log and no `Referer` header. Only its hash is stored.
//!
//! A link works once, until it expires or a newer one replaces it. It works only if its creator may manage its user at
//! the moment of use. So it stops working if the creator loses permissions, or the user gains permissions that the
//! creator lacks.

use std::time::Duration;

use super::actor::Actor;
use crate::{
    contract::{Message, Refusal, audit::Action, link::LinkCode, login::NewPassword, user::LinkReply},
    message,
    server::{
        auth::{caller::Caller, guard::granted::Permissions, security_log},
        config::Settings,
        model::{
            clock::Timestamp,
            event::Event,
            token::{Token, TokenHash},
            user_name,
        },
        nodes::GONE_AFTER,
        state::AppState,
        storage::{
            Storage,
            links::{FirstLink, NewLink, OtherNodes, StoredLink},
            roles::Grant,
        },
        telemetry::error::InternalError,
        throttle::Attempt,
    },
};

// The lifetimes of links.
pub const INVITATION: Duration = Duration::from_hours(24);
pub const NEW_PASSWORD: Duration = Duration::from_hours(1);
const FIRST_ADMIN: Duration = Duration::from_hours(1);

/// How long no other node replaces the link for the first administrator. Of nodes that start together, one prints it.
const FIRST_ADMIN_UNIQUE: Duration = Duration::from_mins(1);

/// How the first administrator can be created at the start of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum FirstAdmin {
    /// With this link.
    Link(String),
    /// With the link that another node has just printed.
    LinkOfOther,
    /// There are users.
    NotNeeded,
}

pub struct Link<'a> {
    user_id: &'a str,
    made_by: Option<&'a str>,
    code: Token,
    hash: TokenHash,
    expires_at: Timestamp,
}

impl<'a> Link<'a> {
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

    pub fn to_store(&self) -> NewLink<'_> {
        NewLink {
            code: &self.hash,
            user_id: self.user_id,
            made_by: self.made_by,
            expires_at: self.expires_at,
        }
    }

    /// The link for the person who is to use it. Nothing else reveals the code.
    pub fn reply(&self, settings: &Settings) -> LinkReply {
        let (origin, user_id, code) = (settings.origin(), self.user_id, self.code.reveal());
        LinkReply {
            user_id: user_id.to_owned(),
            link: format!("{origin}/welcome?user={user_id}#{code}"),
            until: self.expires_at.to_rfc3339(),
        }
    }
}

/// Creates the link for the first administrator, which replaces an earlier one, unless another node has just created one.
pub async fn for_first_admin(state: &AppState) -> Result<FirstAdmin, InternalError> {
    let (code, now) = (Token::random()?, Timestamp::now());
    let others = OtherNodes {
        own_id: &state.node().id,
        seen_since: now.minus(GONE_AFTER),
        link_since: now.minus(FIRST_ADMIN_UNIQUE),
    };
    let stored = state
        .storage()
        .put_first_link(&code.hash(), now, now.plus(FIRST_ADMIN), &others)
        .await?;
    Ok(match stored {
        FirstLink::Stored => FirstAdmin::Link(format!("{}/setup#{}", state.settings().origin(), code.reveal())),
        FirstLink::StoredByOther => FirstAdmin::LinkOfOther,
        FirstLink::NotNeeded => FirstAdmin::NotNeeded,
    })
}

/// Sets the password of the user of a link, uses the link up, and returns the name of the user.
///
/// # Errors
/// [`Refusal::NotFound`] for a link that does not work, whatever the reason; [`Refusal::InvalidArguments`] for a
/// password that the policy rejects, after which the link still works; [`Refusal::TooManyAttempts`]; [`Refusal::Busy`].
pub async fn choose_password(caller: &Caller, code: &LinkCode, new: NewPassword) -> Result<String, Refusal> {
    let Found { hash, link, attempt } = find(caller, code, |link| link.user_id.is_some()).await?;
    let user_id = link.user_id.unwrap_or_default();
    let password_hash = hash_new(caller, new, &user_id).await;
    attempt.withdraw().await;
    let password_hash = password_hash?;
    let event = Event::by(&user_id, Action::LinkUsed).to(&user_id);
    let may_manage = |creator: &[Grant], user: &[Grant]| {
        let user = Permissions::by_grants(user);
        Permissions::by_grants(creator).may_manage(&user)
    };
    let storage = caller.state().storage();
    let is_used = storage
        .use_link(&hash, &user_id, &password_hash, Timestamp::now(), &event, may_manage)
        .await?;
    if !is_used {
        return Err(no_link());
    }
    security_log::changed(&event);
    security_log::password_changed(&user_id);
    Ok(user_id)
}

/// Checks the code of a link that lets somebody choose a password, without using the link up. Returns the hash of the code
/// and the name of the user.
///
/// # Errors
/// [`Refusal::NotFound`] for a link that does not work, whatever the reason; [`Refusal::TooManyAttempts`];
/// [`Refusal::Busy`].
pub(super) async fn check_code(caller: &Caller, code: &LinkCode) -> Result<(TokenHash, String), Refusal> {
    let Found { hash, link, attempt } = find(caller, code, |link| link.user_id.is_some()).await?;
    attempt.withdraw().await;
    Ok((hash, link.user_id.unwrap_or_default()))
}

/// Adds the first administrator and uses the link up.
///
/// # Errors
/// As [`choose_password`]; also [`Refusal::InvalidArguments`] for an invalid user name.
pub async fn create_first_admin(
    caller: &Caller,
    code: &LinkCode,
    user_id: &str,
    new: NewPassword,
) -> Result<(), Refusal> {
    let Found { hash, attempt, .. } = find(caller, code, |link| link.user_id.is_none()).await?;
    let password_hash = if user_name::is_allowed(user_id) {
        hash_new(caller, new, user_id).await
    } else {
        Err(Refusal::of_argument("user_id", user_name::RULE))
    };
    attempt.withdraw().await;
    let password_hash = password_hash?;
    let used = Event::by("", Action::LinkUsed).to(user_id).about("first administrator");
    let added = Event::by("", Action::UserAdded).to(user_id).about("admin");
    let storage = caller.state().storage();
    let is_used = storage
        .use_first_link(&hash, user_id, &password_hash, Timestamp::now(), [&used, &added])
        .await?;
    if !is_used {
        return Err(no_link());
    }
    security_log::changed(&used);
    security_log::changed(&added);
    Ok(())
}

/// Why the first administrator cannot be created, if that is the case.
pub async fn first_admin_closed_reason(storage: &Storage) -> Result<Option<Message>, InternalError> {
    let has_users = storage.has_users().await?;
    Ok(has_users.then_some(message!(
        "There are users already. Log in, or ask an administrator to invite you."
    )))
}

/// A valid link, and the attempt to use it, which counts against the rate limit.
struct Found<'a> {
    hash: TokenHash,
    link: StoredLink,
    attempt: Attempt<'a>,
}

/// Finds the link with that code, if it serves the purpose. A code that does not work counts as a failed attempt of the
/// client address.
async fn find<'a>(
    caller: &'a Caller,
    code: &LinkCode,
    serves_purpose: fn(&StoredLink) -> bool,
) -> Result<Found<'a>, Refusal> {
    let account = format!("link {}", TokenHash::of(code.reveal().as_bytes()).handle());
    let state = caller.state();
    let attempt = state.throttle().attempt(&account, caller.arrival().address).await?;
    if let Some(hash) = Token::parse(code.reveal()).map(|code| code.hash()) {
        let link = match state.storage().find_link(&hash, Timestamp::now()).await {
            Ok(link) => link,
            // The code was not checked, so the attempt does not count.
            Err(error) => {
                attempt.withdraw().await;
                return Err(error.into());
            }
        };
        if let Some(link) = link.filter(serves_purpose) {
            return Ok(Found { hash, link, attempt });
        }
    }
    if let Some(wait) = attempt.failed() {
        security_log::throttled(caller, None, wait);
    }
    Err(no_link())
}

fn no_link() -> Refusal {
    Refusal::NotFound(message!("link"))
}

/// Hashes a newly chosen password. Fails with [`Refusal::InvalidArguments`] if the policy rejects it.
pub(super) async fn hash_new(caller: &Caller, new: NewPassword, user_id: &str) -> Result<String, Refusal> {
    let hashed = caller.state().passwords().hash_new(new, user_id).await?;
    hashed.map_err(|problem| Refusal::of_argument("new_password", problem))
}
