//! Users, as those see and change them who manage them. The use-cases behind the functions and the command line.
//!
//! No administrator sees or chooses another's password: a one-time link lets the person choose it (OWASP ASVS 6.4.6). Only
//! the operator does, on the command line.

use super::{
    active_sessions::{self, Entry, Present},
    actor::Actor,
    one_time_links::{INVITATION, Link, NEW_PASSWORD},
    roles,
};
use crate::{
    contract::{
        Refusal,
        audit::Action,
        session::SessionList,
        user::{LinkReply, UserDetail, UserList, UserOrder, UserRow},
    },
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

/// How many events [`show`] tells of.
const RECENT_EVENTS: u32 = 20;

/// The order of a list, from where the last page ended: `after` is the `next` that came with it.
///
/// # Errors
/// [`Refusal::InvalidArguments`] where that was not a page of this order.
pub fn order(order: UserOrder, after: Option<&str>) -> Result<Order<'_>, Refusal> {
    match (order, after) {
        (UserOrder::Name, after) => Ok(Order::Name(after)),
        (UserOrder::Newest, None) => Ok(Order::Newest(None)),
        (UserOrder::Newest, Some(after)) => newest_after(after)
            .map(|last| Order::Newest(Some(last)))
            .ok_or_else(|| Refusal::of_argument("after", "is not the `next` of a page in this order")),
    }
}

fn newest_after(next: &str) -> Option<(i64, &str)> {
    let (created_at, user_id) = next.split_once('-')?;
    Some((created_at.parse().ok()?, user_id))
}

/// A page of the list of users.
pub async fn list(storage: &Storage, filter: &UserFilter<'_>, most: u32) -> Result<UserList, InternalError> {
    // One more than is shown tells whether there is another page.
    let found = storage.page_of_users(filter, most.saturating_add(1)).await?;
    let (found, next) = page(found, most, |user| match filter.order {
        Order::Name(_) => user.user_id.clone(),
        Order::Newest(_) => format!("{}-{}", user.created_at, user.user_id),
    });
    let mut roles = storage.roles_of_all(&found).await?;
    let users = found
        .into_iter()
        .map(|user| {
            let roles = roles.remove(&user.user_id).unwrap_or_default();
            row(user, roles)
        })
        .collect();
    Ok(UserList { users, next })
}

fn row(user: ListedUser, roles: Vec<String>) -> UserRow {
    UserRow {
        state: user.state(),
        created_at: Timestamp(user.created_at).to_rfc3339(),
        user_id: user.user_id,
        roles,
    }
}

/// All that may be told of a user.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn show(state: &AppState, user_id: &str) -> Result<UserDetail, Refusal> {
    let storage = state.storage();
    let user = storage.find_listed(user_id).await?.ok_or_else(no_user)?;
    let sessions = active_sessions::list(state, user_id, &Present::default()).await?;
    let sessions = SessionList::of(sessions.into_iter().map(|entry| entry.view).collect());
    let filter = EventFilter {
        user: Some(user_id),
        only_present_user: true,
        ..EventFilter::default()
    };
    let events = storage.list_events(&filter, RECENT_EVENTS).await?;
    let link_until = storage.link_until(user_id, Timestamp::now()).await?;
    Ok(UserDetail {
        user: row(user, storage.roles_of(user_id).await?),
        link_until: link_until.map(Timestamp::to_rfc3339),
        sessions: sessions.sessions,
        total_sessions: sessions.total,
        events: events.into_iter().map(audit::view::event).collect(),
    })
}

fn no_user() -> Refusal {
    Refusal::NotFound("user".to_owned())
}

/// Adds a user, who cannot log in before a link has let that person choose a password.
///
/// # Errors
/// [`Refusal::InvalidArguments`]; [`Refusal::Conflict`] where there is one of that name, or of one that looks like it;
/// [`Refusal::PermissionRequired`] for roles that may do more than `actor`.
pub async fn create(actor: &Actor<'_>, user_id: &str, roles: &[String]) -> Result<(), Refusal> {
    add(actor, user_id, "", roles, None).await
}

/// Adds a user with a password.
///
/// # Errors
/// As [`create`].
pub async fn create_with_password(
    actor: &Actor<'_>,
    user_id: &str,
    password_hash: &str,
    roles: &[String],
) -> Result<(), Refusal> {
    add(actor, user_id, password_hash, roles, None).await
}

/// Adds a user, unless there is one who has no password yet, and makes the link with which that person chooses one.
///
/// # Errors
/// As [`create`]; [`Refusal::Conflict`] for a user who has a password.
pub async fn invite(actor: &Actor<'_>, user_id: &str, roles: &[String]) -> Result<LinkReply, Refusal> {
    let link = Link::new(actor, user_id, INVITATION)?;
    let found = actor.state().storage().find_user(user_id).await?;
    match found {
        None => add(actor, user_id, "", roles, Some(&link)).await?,
        Some(user) if user.hash().is_none() && user.active => {
            actor.require_all_of_user(user_id).await?;
            let event = actor.event(Action::LinkMade).to(user_id).about("invitation");
            let storage = actor.state().storage();
            roles::done(
                storage
                    .renew_invitation(&link.to_store(), Timestamp::now(), &event)
                    .await?,
            )?;
            security_log::changed(&event);
        }
        Some(_) => {
            return Err(Refusal::Conflict(format!(
                "There is already a user {user_id}. To let that person choose another password, \
                 call require_new_password; on the command line: user passwd {user_id} --link."
            )));
        }
    }
    Ok(link.reply(actor.state().settings()))
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
    let storage = actor.state().storage();
    actor.require_all(&Permissions::by_roles(storage, roles).await?)?;
    let added = actor.event(Action::UserAdded).to(user_id).about(roles.join(", "));
    let mut told = vec![added];
    told.extend(link.map(|_| actor.event(Action::LinkMade).to(user_id).about("invitation")));
    let user = NewUser {
        user_id,
        password_hash,
        demo: false,
        roles,
        link: link.map(Link::to_store),
    };
    match storage.add_user(&user, Timestamp::now(), &told).await? {
        UpdateOutcome::Nothing => {
            must_be_free(storage, user_id).await?;
            // Until just now.
            return Err(Refusal::Conflict(format!("There was a user {user_id}. Try again.")));
        }
        UpdateOutcome::NoRole => {
            return Err(Refusal::of_argument(
                "roles",
                "must name roles that exist, each only once",
            ));
        }
        change => roles::done(change)?,
    };
    told.iter().for_each(security_log::changed);
    Ok(())
}

/// Looks whether a name can be given.
///
/// # Errors
/// [`Refusal::Conflict`] where there is a user of that name, or of one that looks like it.
pub async fn must_be_free(storage: &Storage, user_id: &str) -> Result<(), Refusal> {
    match storage.find_twin(user_id).await? {
        None => Ok(()),
        Some(twin) if twin == user_id => Err(Refusal::Conflict(format!("There is already a user {user_id}."))),
        Some(twin) => Err(Refusal::Conflict(format!(
            "There is already a user {twin}, and {user_id} looks too much like it. Choose another name."
        ))),
    }
}

/// Takes a user's password away, ends all that it opened, and makes the link with which that person chooses another one.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] for who is kept out, and where no administrator would be left;
/// [`Refusal::PermissionRequired`] for a user who may do more than `actor`.
pub async fn require_new_password(actor: &Actor<'_>, user_id: &str) -> Result<LinkReply, Refusal> {
    let storage = actor.state().storage();
    let user = storage.find_user(user_id).await?.ok_or_else(no_user)?;
    actor.require_all_of_user(user_id).await?;
    if !user.active {
        return Err(Refusal::Conflict(format!(
            "{user_id} is disabled. Enable that user first."
        )));
    }
    let link = Link::new(actor, user_id, NEW_PASSWORD)?;
    let event = actor.event(Action::LinkMade).to(user_id).about("new password");
    let change = storage
        .require_new_password(&link.to_store(), Timestamp::now(), &event)
        .await?;
    roles::done(change)?;
    security_log::changed(&event);
    Ok(link.reply(actor.state().settings()))
}

/// Lets a user in, or keeps one out: the very next call is refused.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::Conflict`] where no administrator would be left; [`Refusal::PermissionRequired`] for a
/// user who may do more than `actor`.
pub async fn set_active(actor: &Actor<'_>, user_id: &str, active: bool) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let action = if active {
        Action::UserEnabled
    } else {
        Action::UserDisabled
    };
    let event = actor.event(action).to(user_id);
    let storage = actor.state().storage();
    roles::done(storage.set_active(user_id, active, Timestamp::now(), &event).await?)?;
    security_log::changed(&event);
    Ok(())
}

/// Deletes a user and all that belongs to one, but for what the audit trail tells.
///
/// # Errors
/// As [`set_active`].
pub async fn delete(actor: &Actor<'_>, user_id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let event = actor.event(Action::UserDeleted).to(user_id);
    roles::done(actor.state().storage().delete_user(user_id, &event).await?)?;
    security_log::changed(&event);
    Ok(())
}

/// Ends all sessions of a user, and forgets all remembered browsers.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] for a user who may do more than `actor`.
pub async fn revoke_sessions(actor: &Actor<'_>, user_id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let event = actor.event(Action::SessionsRevoked).to(user_id).about("all");
    if !actor.state().storage().end_all_sessions(user_id, &event).await? {
        return Err(no_user());
    }
    security_log::changed(&event);
    Ok(())
}

/// Ends one session of a user, and forgets its browser if it was remembered.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] for a user who may do more than `actor`.
pub async fn revoke_session(actor: &Actor<'_>, user_id: &str, id: &str) -> Result<(), Refusal> {
    actor.require_all_of_user(user_id).await?;
    let no_session = || Refusal::NotFound("session".to_owned());
    let entries = active_sessions::list(actor.state(), user_id, &Present::default()).await?;
    let entry: Entry = entries
        .into_iter()
        .find(|entry| entry.view.id == id)
        .ok_or_else(no_session)?;
    let event = actor
        .event(Action::SessionsRevoked)
        .to(user_id)
        .about(&*entry.view.device);
    let storage = actor.state().storage();
    if !storage
        .revoke_login(user_id, entry.session.as_ref(), entry.series.as_ref(), &event)
        .await?
    {
        return Err(no_session());
    }
    security_log::changed(&event);
    Ok(())
}

/// Gives a user another password, which ends all sessions. For the operator at the command line only.
///
/// # Errors
/// [`Refusal::NotFound`].
pub async fn change_password(actor: &Actor<'_>, user_id: &str, password_hash: &str) -> Result<(), Refusal> {
    let event = actor.event(Action::PasswordChanged).to(user_id);
    let storage = actor.state().storage();
    let is_changed = storage
        .change_password(user_id, password_hash, Timestamp::now(), &event)
        .await?;
    is_changed.then_some(()).ok_or_else(no_user)
}
