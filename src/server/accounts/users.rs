//! Managing users.
//!
//! Administrators neither see nor choose the passwords of other users: a one-time link lets each person choose their
//! own (OWASP ASVS 6.4.6). Only the operator can set a password, on the command line.
//!
//! Changes fail with [`Refusal::NotFound`] for an unknown user, with [`Refusal::PermissionRequired`] if the user has,
//! or would get, permissions that the actor lacks, and with [`Refusal::Conflict`] if no administrator would be left.

use super::{
    active_sessions::{self, CurrentSession, Entry},
    actor::Actor,
    one_time_links::{INVITATION, Link, NEW_PASSWORD},
    roles,
};
use crate::{
    contract::{
        Refusal,
        audit::Action,
        session::SessionList,
        user::{LinkReply, UserDetail, UserList, UserOrder, UserRow, UserState},
    },
    message,
    server::{
        audit,
        auth::{guard::granted::Permissions, security_log},
        model::{clock::Timestamp, paging::page, user_name},
        state::AppState,
        storage::{
            Storage,
            events::EventFilter,
            roles::UpdateOutcome,
            user_lists::{ListedUser, Order, UserFilter},
            users::NewUser,
        },
        telemetry::error::InternalError,
    },
};

const RECENT_EVENTS: u32 = 20;

/// The order of a list, continued after the previous page: `after` is the `next` of that page.
pub fn order(order: UserOrder, after: Option<&str>) -> Result<Order<'_>, Refusal> {
    match (order, after) {
        (UserOrder::Name, after) => Ok(Order::Name(after)),
        (UserOrder::Newest, None) => Ok(Order::Newest(None)),
        (UserOrder::Newest, Some(after)) => newest_after(after)
            .map(|last| Order::Newest(Some(last)))
            .ok_or_else(|| Refusal::of_argument("after", message!("is not the `next` of a page in this order"))),
    }
}

fn newest_after(next: &str) -> Option<(i64, &str)> {
    let (created_at, user_id) = next.split_once('-')?;
    Some((created_at.parse().ok()?, user_id))
}

pub async fn list(storage: &Storage, filter: &UserFilter<'_>, limit: u32) -> Result<UserList, InternalError> {
    // One row more than the limit shows whether there is another page.
    let found = storage.list_user_page(filter, limit.saturating_add(1)).await?;
    let (found, next) = page(found, limit, |user| match filter.order {
        Order::Name(_) => user.user_id.clone(),
        Order::Newest(_) => format!("{}-{}", user.created_at, user.user_id),
    });
    let mut roles = storage.roles_of_all(&found).await?;
    let mut last_logins = storage.last_logins(&found).await?;
    let users = found
        .into_iter()
        .map(|user| {
            let roles = roles.remove(&user.user_id).unwrap_or_default();
            let last_login = last_logins.remove(&user.user_id);
            row(user, roles, last_login)
        })
        .collect();
    let total = storage.count_users(filter).await?;
    Ok(UserList { users, next, total })
}

fn row(user: ListedUser, roles: Vec<String>, last_login: Option<i64>) -> UserRow {
    UserRow {
        state: user.state(),
        created_at: Timestamp(user.created_at).to_rfc3339(),
        last_login_at: last_login.map(|at| Timestamp(at).to_rfc3339()),
        user_id: user.user_id,
        display_name: user.display_name,
        roles,
    }
}

pub async fn show(state: &AppState, user_id: &str) -> Result<UserDetail, Refusal> {
    let storage = state.storage();
    let user = storage.find_listed(user_id).await?.ok_or_else(no_user)?;
    let sessions = active_sessions::list(state, user_id, &CurrentSession::default()).await?;
    let sessions = SessionList::of(sessions.into_iter().map(|entry| entry.view).collect());
    let filter = EventFilter {
        user: Some(user_id),
        only_present_user: true,
        ..EventFilter::default()
    };
    let events = storage.list_events(&filter, RECENT_EVENTS).await?;
    let link_until = storage.link_until(user_id, Timestamp::now()).await?;
    let last_login = storage.last_logins(std::slice::from_ref(&user)).await?.remove(user_id);
    Ok(UserDetail {
        user: row(user, storage.roles_of(user_id).await?, last_login),
        link_until: link_until.map(Timestamp::to_rfc3339),
        sessions: sessions.sessions,
        total_sessions: sessions.total,
        events: events.into_iter().map(audit::view::event).collect(),
    })
}

fn no_user() -> Refusal {
    Refusal::NotFound(message!("user"))
}

/// Adds a user without a password, who cannot log in until a one-time link is used.
///
/// # Errors
/// [`Refusal::InvalidArguments`] for an invalid name, or an unknown or duplicate role; [`Refusal::Conflict`] if a user
/// has that name, or one that looks like it.
pub async fn create(actor: &Actor<'_>, user_id: &str, roles: &[String]) -> Result<(), Refusal> {
    add(actor, user_id, "", roles, None).await
}

pub async fn create_with_password(
    actor: &Actor<'_>,
    user_id: &str,
    password_hash: &str,
    roles: &[String],
) -> Result<(), Refusal> {
    add(actor, user_id, password_hash, roles, None).await
}

/// Creates a one-time link for choosing a password or linking an account elsewhere, for a new user or for one who cannot log
/// in yet. Fails with [`Refusal::Conflict`] for a user who can log in or is disabled.
pub async fn invite(actor: &Actor<'_>, user_id: &str, roles: &[String]) -> Result<LinkReply, Refusal> {
    let link = Link::new(actor, user_id, INVITATION)?;
    let storage = actor.state.storage();
    let found = storage.find_listed(user_id).await?;
    match found.map(|user| user.state()) {
        None => add(actor, user_id, "", roles, Some(&link)).await?,
        Some(UserState::Invited) => {
            actor.require_all_of_user(user_id).await?;
            let event = actor.event(Action::LinkMade).to(user_id).about("invitation");
            let new_link = link.to_store();
            let outcome = storage.renew_invitation(&new_link, Timestamp::now(), &event).await?;
            roles::finish(outcome, &event)?;
        }
        Some(_) => {
            return Err(Refusal::Conflict(message!(
                "There is already a user {user_id}. To let that person choose another password, call require_new_password, or run user passwd {user_id} --link on the command line.",
                user_id
            )));
        }
    }
    Ok(link.reply(actor.state.settings()))
}

async fn add(
    actor: &Actor<'_>,
    user_id: &str,
    password_hash: &str,
    roles: &[String],
    link: Option<&Link<'_>>,
) -> Result<(), Refusal> {
    if !user_name::is_allowed(user_id) {
        return Err(Refusal::of_argument("user_id", user_name::RULE));
    }
    let storage = actor.state.storage();
    actor.require_all(&Permissions::by_roles(storage, roles).await?)?;
    let mut events = vec![actor.event(Action::UserAdded).to(user_id).about(roles.join(", "))];
    events.extend(link.map(|_| actor.event(Action::LinkMade).to(user_id).about("invitation")));
    let user = NewUser {
        user_id,
        password_hash,
        demo: false,
        roles,
        link: link.map(Link::to_store),
    };
    match storage.add_user(&user, Timestamp::now(), &events).await? {
        UpdateOutcome::Unchanged => {
            require_free_name(storage, user_id).await?;
            // The conflicting user was deleted in between.
            return Err(Refusal::Conflict(message!(
                "A user who was just deleted conflicts with {user_id}. Try again.",
                user_id
            )));
        }
        UpdateOutcome::NoRole => {
            return Err(Refusal::of_argument(
                "roles",
                message!("contains an unknown or duplicate role"),
            ));
        }
        outcome => roles::check_outcome(outcome)?,
    };
    events.iter().for_each(security_log::changed);
    Ok(())
}

/// Fails with [`Refusal::Conflict`] if a user has that name, or one that looks like it.
pub async fn require_free_name(storage: &Storage, user_id: &str) -> Result<(), Refusal> {
    match storage.find_twin(user_id).await? {
        None => Ok(()),
        Some(twin) if twin == user_id => Err(Refusal::Conflict(message!(
            "There is already a user {user_id}.",
            user_id
        ))),
        Some(twin) => Err(Refusal::Conflict(message!(
            "There is already a user {twin}, and {user_id} looks too much like it. Choose another name.",
            twin,
            user_id
        ))),
    }
}

/// Removes the password of a user and, unless `keep_identities` is set, unlinks the accounts elsewhere: somebody else may
/// have linked one. Ends all sessions, and creates a one-time link for choosing a new password. Fails with
/// [`Refusal::Conflict`] for a disabled user.
pub async fn require_new_password(
    actor: &Actor<'_>,
    user_id: &str,
    keep_identities: bool,
) -> Result<LinkReply, Refusal> {
    let storage = actor.state.storage();
    let user = storage.find_user(user_id).await?.ok_or_else(no_user)?;
    actor.require_all_of_user(user_id).await?;
    if !user.active {
        return Err(Refusal::Conflict(message!(
            "{user_id} is disabled. Enable that user first.",
            user_id
        )));
    }
    let link = Link::new(actor, user_id, NEW_PASSWORD)?;
    let event = actor.event(Action::LinkMade).to(user_id).about("new password");
    let new_link = link.to_store();
    let outcome = storage
        .require_new_password(&new_link, keep_identities, Timestamp::now(), &event)
        .await?;
    roles::finish(outcome, &event)?;
    Ok(link.reply(actor.state.settings()))
}

/// Enables or disables a user. The very next call of a disabled user is refused.
pub async fn set_active(actor: &Actor<'_>, user_id: &str, active: bool) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let action = if active {
        Action::UserEnabled
    } else {
        Action::UserDisabled
    };
    let event = actor.event(action).to(user_id);
    let storage = actor.state.storage();
    let outcome = storage.set_active(user_id, active, Timestamp::now(), &event).await?;
    roles::finish(outcome, &event).map(drop)
}

/// Deletes a user and everything that belongs to the user, except entries in the audit log.
pub async fn delete(actor: &Actor<'_>, user_id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let event = actor.event(Action::UserDeleted).to(user_id);
    roles::finish(actor.state.storage().delete_user(user_id, &event).await?, &event).map(drop)
}

/// Ends all sessions of a user and forgets all remembered browsers.
pub async fn revoke_sessions(actor: &Actor<'_>, user_id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let event = actor.event(Action::SessionsRevoked).to(user_id).about("all");
    if !actor.state.storage().end_all_sessions(user_id, &event).await? {
        return Err(no_user());
    }
    security_log::changed(&event);
    Ok(())
}

/// Ends all sessions of all users and forgets all remembered browsers. Only the command line calls this.
pub async fn revoke_all_sessions(actor: &Actor<'_>) -> Result<(), InternalError> {
    let event = actor.event(Action::SessionsRevoked).about("of all users");
    actor.state.storage().end_sessions_of_all_users(&event).await?;
    security_log::changed(&event);
    Ok(())
}

/// Ends a session of a user and forgets its browser if it was remembered.
pub async fn revoke_session(actor: &Actor<'_>, user_id: &str, id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let no_session = || Refusal::NotFound(message!("session"));
    let entries = active_sessions::list(actor.state, user_id, &CurrentSession::default()).await?;
    let Some(Entry { view, session, series }) = entries.into_iter().find(|entry| entry.view.id == id) else {
        return Err(no_session());
    };
    let event = actor.event(Action::SessionsRevoked).to(user_id).about(view.device);
    let storage = actor.state.storage();
    if !storage
        .revoke_login(user_id, session.as_ref(), series.as_ref(), &event)
        .await?
    {
        return Err(no_session());
    }
    security_log::changed(&event);
    Ok(())
}

/// Sets the password of a user, which ends all sessions. Only the command line calls this.
pub async fn change_password(actor: &Actor<'_>, user_id: &str, password_hash: &str) -> Result<(), Refusal> {
    let event = actor.event(Action::PasswordChanged).to(user_id);
    let storage = actor.state.storage();
    let is_changed = storage
        .change_password(user_id, password_hash, Timestamp::now(), &event)
        .await?;
    is_changed.then_some(()).ok_or_else(no_user)
}
