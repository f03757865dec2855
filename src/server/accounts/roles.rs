//! Managing roles: their permissions, and the users who have them.
//!
//! Changes fail with [`Refusal::NotFound`] for an unknown user or role, with [`Refusal::PermissionRequired`] if the
//! role has, or would get, permissions that the actor lacks, and with [`Refusal::Conflict`] for changes of the built-in
//! role or if no administrator would be left.

use super::actor::Actor;
use crate::{
    contract::{
        Message, Refusal,
        audit::Action,
        role::{PermissionView, RoleList, RoleView},
    },
    message,
    server::{
        auth::{
            guard::{granted::Permissions, permissions},
            security_log,
        },
        model::event::Event,
        registry::translations,
        storage::{
            Storage,
            roles::{ADMIN, Precondition, PutOutcome, StoredRole, UpdateOutcome, version},
        },
        telemetry::error::InternalError,
    },
    t,
};

/// The rule for names of roles. The text follows the name of the argument.
const NAME_RULE: Message =
    message!("must consist of lowercase letters, digits, dots and hyphens, and start with a letter");

pub async fn list(storage: &Storage) -> Result<RoleList, InternalError> {
    let mut roles = Vec::new();
    for role in storage.list_roles().await? {
        let stored = storage.permissions_of(&role.role).await?;
        roles.push(view(role, &stored));
    }
    Ok(RoleList {
        roles,
        permissions: permissions::all().map(|declared| permission(declared.name)).collect(),
    })
}

fn view(role: StoredRole, stored: &[String]) -> RoleView {
    let built_in = role.role == ADMIN;
    RoleView {
        version: version(&role.description, stored),
        permissions: if built_in {
            permissions::all().map(|declared| permission(declared.name)).collect()
        } else {
            stored.iter().map(|name| permission(name)).collect()
        },
        users: u64::try_from(role.users).unwrap_or_default(),
        role: role.role,
        description: if built_in {
            t!("May do everything").to_owned()
        } else {
            role.description
        },
        built_in,
    }
}

fn permission(name: &str) -> PermissionView {
    let declared = permissions::find(name);
    PermissionView {
        name: name.to_owned(),
        words: match declared {
            Some(declared) => translations::text(declared.words),
            None => message!("has no effect: no guard requires it"),
        },
        known: declared.is_some(),
    }
}

/// Gives a user a role. Returns `false` if the user has it already.
pub async fn give(actor: &Actor<'_>, user_id: &str, role: &str) -> Result<bool, Refusal> {
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleGiven).to(user_id).about(role);
    let outcome = actor.state.storage().give_role(user_id, role, &event).await?;
    finish(outcome, &event)
}

/// Takes a role from a user, effective with the very next call. Returns `false` if the user does not have it.
pub async fn take(actor: &Actor<'_>, user_id: &str, role: &str) -> Result<bool, Refusal> {
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleTaken).to(user_id).about(role);
    let outcome = actor.state.storage().take_role(user_id, role, &event).await?;
    finish(outcome, &event)
}

/// Creates or changes a role.
///
/// # Errors
/// [`Refusal::InvalidArguments`] for an invalid name, or a permission that is neither declared nor in the role already;
/// [`Refusal::Conflict`] if `precondition` does not hold.
pub async fn put(
    actor: &Actor<'_>,
    role: &str,
    description: &str,
    permissions: &[String],
    precondition: Precondition<'_>,
) -> Result<(), Refusal> {
    if !is_allowed(role) {
        return Err(Refusal::of_argument("role", NAME_RULE));
    }
    refuse_built_in(role)?;
    let storage = actor.state.storage();
    let held = storage.permissions_of(role).await?;
    if let Some(unknown) = permissions
        .iter()
        .position(|name| permissions::find(name).is_none() && !held.contains(name))
    {
        let problem = message!("is not a permission that any guard requires");
        return Err(Refusal::of_argument(&format!("permissions[{unknown}]"), problem));
    }
    actor.require_all(&Permissions::of_permissions(held.iter().chain(permissions)))?;
    let event = actor
        .event(Action::RoleChanged)
        .about(format!("{role}: {}", permissions.join(", ")));
    match storage
        .put_role(role, description, permissions, precondition, &held, &event)
        .await?
    {
        PutOutcome::Done => {
            security_log::changed(&event);
            Ok(())
        }
        PutOutcome::AlreadyExists => Err(Refusal::Conflict(message!("There is already a role {role}.", role))),
        PutOutcome::Modified => Err(Refusal::Conflict(message!(
            "The role {role} has changed since you opened it. Open it again and repeat your change.",
            role
        ))),
    }
}

/// Deletes a role and takes it from all users who have it.
pub async fn delete(actor: &Actor<'_>, role: &str) -> Result<(), Refusal> {
    refuse_built_in(role)?;
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleDeleted).about(role);
    finish(actor.state.storage().delete_role(role, &event).await?, &event).map(drop)
}

async fn require_role(actor: &Actor<'_>, role: &str) -> Result<(), Refusal> {
    let held = Permissions::by_roles(actor.state.storage(), &[role.to_owned()]).await?;
    actor.require_all(&held)
}

fn refuse_built_in(role: &str) -> Result<(), Refusal> {
    if role == ADMIN {
        return Err(Refusal::Conflict(message!(
            "The role {role} is built in. It has every permission and cannot be changed or deleted.",
            role
        )));
    }
    Ok(())
}

fn is_allowed(role: &str) -> bool {
    role.starts_with(|first: char| first.is_ascii_lowercase())
        && role
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
}

/// Converts the outcome of an update: whether something has changed, or why it was refused.
pub(super) fn check_outcome(outcome: UpdateOutcome) -> Result<bool, Refusal> {
    match outcome {
        UpdateOutcome::Done => Ok(true),
        UpdateOutcome::Unchanged => Ok(false),
        UpdateOutcome::NoUser => Err(Refusal::NotFound(message!("user"))),
        UpdateOutcome::NoRole => Err(Refusal::NotFound(message!("role"))),
        UpdateOutcome::LastAdmin => Err(Refusal::Conflict(message!(
            "This is the last administrator who can log in. Make someone else an administrator first."
        ))),
        UpdateOutcome::Mapped => Err(Refusal::Conflict(message!(
            "The user has this role because of an account elsewhere. Change that account, or the roles in the settings of its provider."
        ))),
    }
}

/// Logs the change, if there was one, and returns whether there was, or why it was refused.
pub(super) fn finish(outcome: UpdateOutcome, event: &Event) -> Result<bool, Refusal> {
    let has_changed = check_outcome(outcome)?;
    if has_changed {
        security_log::changed(event);
    }
    Ok(has_changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stored_permission_is_shown() {
        assert!(!permission("b.unknown").known && permission("users.read").known);
    }

    #[test]
    fn names_of_roles_are_restricted() {
        assert!(is_allowed("night-shift.2"));
        for bad in ["", "Admin", "2nd", "a b", "a,b", "é", "-a"] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
