//! Roles: what they may do, and who has them. The use-cases behind the functions and the command line.

use super::actor::Actor;
use crate::{
    contract::{
        Refusal,
        audit::Action,
        role::{PermissionView, RoleList, RoleView},
    },
    server::{
        auth::{
            guard::{
                granted::Permissions,
                permissions::{self, Declared},
            },
            security_log,
        },
        storage::{
            Storage,
            roles::{ADMIN, Precondition, PutOutcome, StoredRole, UpdateOutcome, version},
        },
        telemetry::error::InternalError,
    },
};

/// What the name of a role must be, in words that go after "role".
const RULE: &str = "must consist of lowercase letters, digits, dots and hyphens, and start with a letter";

/// All roles, and all permissions that there are.
pub async fn list(storage: &Storage) -> Result<RoleList, InternalError> {
    let mut roles = Vec::new();
    for role in storage.list_roles().await? {
        let stored = storage.permissions_of(&role.role).await?;
        roles.push(view(role, &stored));
    }
    Ok(RoleList {
        roles,
        permissions: permissions::all().map(declared).collect(),
    })
}

fn view(role: StoredRole, stored: &[String]) -> RoleView {
    let built_in = role.role == ADMIN;
    RoleView {
        version: version(&role.description, stored),
        permissions: if built_in {
            permissions::all().map(declared).collect()
        } else {
            stored.iter().map(|name| permission(name)).collect()
        },
        users: u64::try_from(role.users).unwrap_or_default(),
        role: role.role,
        description: role.description,
        built_in,
    }
}

fn permission(name: &str) -> PermissionView {
    permissions::find(name).map_or_else(
        || PermissionView {
            name: name.to_owned(),
            words: "no guard asks for it, so it has no effect".to_owned(),
            known: false,
        },
        declared,
    )
}

fn declared(permission: Declared) -> PermissionView {
    PermissionView {
        name: permission.name.to_owned(),
        words: permission.words.to_owned(),
        known: true,
    }
}

/// Gives a user a role. `false` if the user has it already.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] for a role that may do more than `actor`.
pub async fn give(actor: &Actor<'_>, user_id: &str, role: &str) -> Result<bool, Refusal> {
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleGiven).to(user_id).about(role);
    let change = actor.state().storage().give_role(user_id, role, &event).await?;
    let is_done = done(change)?;
    if is_done {
        security_log::changed(&event);
    }
    Ok(is_done)
}

/// Takes a role from a user: the very next call is refused. `false` if the user does not have it.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] for a role that may do more than `actor`; [`Refusal::Conflict`]
/// where no administrator would be left.
pub async fn take(actor: &Actor<'_>, user_id: &str, role: &str) -> Result<bool, Refusal> {
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleTaken).to(user_id).about(role);
    let change = actor.state().storage().take_role(user_id, role, &event).await?;
    let is_done = done(change)?;
    if is_done {
        security_log::changed(&event);
    }
    Ok(is_done)
}

/// Creates or changes a role.
///
/// # Errors
/// [`Refusal::InvalidArguments`]; [`Refusal::PermissionRequired`] where the role may do more than `actor`, before or
/// after; [`Refusal::Conflict`] for the one that is built in, and where `before` is not how it is.
pub async fn put(
    actor: &Actor<'_>,
    role: &str,
    description: &str,
    permissions: &[String],
    before: Precondition<'_>,
) -> Result<(), Refusal> {
    if !is_allowed(role) {
        return Err(Refusal::of_argument("role", RULE));
    }
    refuse_built_in(role)?;
    let storage = actor.state().storage();
    let held = storage.permissions_of(role).await?;
    if let Some(unknown) = permissions
        .iter()
        .position(|name| permissions::find(name).is_none() && !held.contains(name))
    {
        let problem = "is not a permission that any guard asks for";
        return Err(Refusal::of_argument(&format!("permissions[{unknown}]"), problem));
    }
    actor.require_all(&Permissions::of_permissions(held.iter().chain(permissions)))?;
    let event = actor
        .event(Action::RoleChanged)
        .about(format!("{role}: {}", permissions.join(", ")));
    match storage
        .put_role(role, description, permissions, before, &held, &event)
        .await?
    {
        PutOutcome::Done => {
            security_log::changed(&event);
            Ok(())
        }
        PutOutcome::AlreadyExists => Err(Refusal::Conflict(format!("There is already a role {role}."))),
        PutOutcome::Modified => Err(Refusal::Conflict(format!(
            "The role {role} has changed since you opened it. Open it again and repeat your change."
        ))),
    }
}

/// Deletes a role, and takes it from all users who have it.
///
/// # Errors
/// [`Refusal::NotFound`]; [`Refusal::PermissionRequired`] for a role that may do more than `actor`;
/// [`Refusal::Conflict`] for the one that is built in.
pub async fn delete(actor: &Actor<'_>, role: &str) -> Result<(), Refusal> {
    refuse_built_in(role)?;
    require_role(actor, role).await?;
    let event = actor.event(Action::RoleDeleted).about(role);
    done(actor.state().storage().delete_role(role, &event).await?)?;
    security_log::changed(&event);
    Ok(())
}

async fn require_role(actor: &Actor<'_>, role: &str) -> Result<(), Refusal> {
    let held = Permissions::by_roles(actor.state().storage(), &[role.to_owned()]).await?;
    actor.require_all(&held)
}

fn refuse_built_in(role: &str) -> Result<(), Refusal> {
    if role == ADMIN {
        Err(Refusal::Conflict(format!(
            "The role {ADMIN} is built in. It has every permission and cannot be changed or deleted."
        )))
    } else {
        Ok(())
    }
}

fn is_allowed(role: &str) -> bool {
    role.starts_with(|first: char| first.is_ascii_lowercase())
        && role
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
}

/// What became of a change, for who asked for it: whether something has changed.
///
/// # Errors
/// Why it was not made.
pub(super) fn done(change: UpdateOutcome) -> Result<bool, Refusal> {
    match change {
        UpdateOutcome::Done => Ok(true),
        UpdateOutcome::Nothing => Ok(false),
        UpdateOutcome::NoUser => Err(Refusal::NotFound("user".to_owned())),
        UpdateOutcome::NoRole => Err(Refusal::NotFound("role".to_owned())),
        UpdateOutcome::LastAdmin => Err(Refusal::Conflict(
            "This is the last administrator who can log in. Make someone else an administrator first.".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_permission_that_no_guard_knows_is_shown() {
        assert!(!permission("b.unknown").known && permission("users.read").known);
    }

    #[test]
    fn names_of_roles_are_plain() {
        assert!(is_allowed("night-shift.2"));
        for bad in ["", "Admin", "2nd", "a b", "a,b", "é", "-a"] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
