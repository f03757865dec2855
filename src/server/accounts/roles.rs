//! Roles: what they may do, and who has them. The use-cases behind the functions and the command line.

use std::collections::BTreeSet;

use super::actor::Actor;
use crate::{
    contract::{
        Refusal,
        role::{PermissionView, RoleList, RoleView},
    },
    server::{
        audit::Action,
        auth::{
            guard::permissions::{self, Declared, ManageUsers, Named as _},
            security_log,
        },
        storage::{
            Storage,
            roles::{ADMIN, Before, Change, Grant, Put, StoredRole, version},
        },
        telemetry::error::Fault,
    },
};

/// What the name of a role must be, in words that go after "role".
const RULE: &str = "must consist of lowercase letters, digits, dots and hyphens, and start with a letter";

/// All that somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    is_admin: bool,
    permissions: BTreeSet<String>,
    /// The roles among them that guards name: they open something by themselves.
    roles: BTreeSet<String>,
}

impl Held {
    /// What a user may do, by all roles together at one moment.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn by_user(storage: &Storage, user_id: &str) -> Result<Self, Fault> {
        Ok(Self::by_grants(&storage.grants_of(user_id).await?))
    }

    /// What these roles may do together.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn by_roles(storage: &Storage, roles: &[String]) -> Result<Self, Fault> {
        let mut held = Self::default();
        for role in roles {
            held.add(role, storage.permissions_of(role).await?);
        }
        Ok(held)
    }

    /// What somebody may do who is given this.
    pub fn by_grants(grants: &[Grant]) -> Self {
        let mut held = Self::default();
        for grant in grants {
            held.add(&grant.role, grant.permission.clone());
        }
        held
    }

    fn add(&mut self, role: &str, permissions: impl IntoIterator<Item = String>) {
        self.is_admin |= role == ADMIN;
        self.permissions.extend(permissions);
        if permissions::is_named_role(role) {
            self.roles.insert(role.to_owned());
        }
    }

    /// The permissions among them that a guard knows, by name.
    pub fn names(&self) -> Vec<String> {
        permissions::all()
            .map(|declared| declared.name.to_owned())
            .filter(|name| self.is_admin || self.permissions.contains(name))
            .collect()
    }

    /// Whether somebody who holds this manages users, and a user who holds `other` among them.
    pub fn may_manage(&self, other: &Self) -> bool {
        let manages = self.is_admin || self.permissions.contains(ManageUsers::NAME);
        manages && self.lacks(other).is_none()
    }

    /// The first thing of `other` that is missing here: a permission, a role that guards name, or the one that holds all.
    pub fn lacks(&self, other: &Self) -> Option<String> {
        if self.is_admin {
            return None;
        }
        if other.is_admin {
            return Some(format!("role:{ADMIN}"));
        }
        let permission = other.permissions.difference(&self.permissions).next().cloned();
        let role = || other.roles.difference(&self.roles).next();
        permission.or_else(|| role().map(|role| format!("role:{role}")))
    }
}

/// All roles, and all permissions that there are.
///
/// # Errors
/// A fault of the database.
pub async fn list(storage: &Storage) -> Result<RoleList, Fault> {
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
        permissions: match built_in {
            true => permissions::all().map(declared).collect(),
            false => stored.iter().map(|name| permission(name)).collect(),
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
    may_hand(actor, role).await?;
    let event = actor.event(Action::RoleGiven).to(user_id).about(role);
    let change = actor.services().storage().give_role(user_id, role, &event).await?;
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
    may_hand(actor, role).await?;
    let event = actor.event(Action::RoleTaken).to(user_id).about(role);
    let change = actor.services().storage().take_role(user_id, role, &event).await?;
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
    before: Before<'_>,
) -> Result<(), Refusal> {
    if !is_allowed(role) {
        return Err(Refusal::of_argument("role", RULE));
    }
    refuse_built_in(role)?;
    let storage = actor.services().storage();
    let held = storage.permissions_of(role).await?;
    if let Some(unknown) = permissions
        .iter()
        .position(|name| permissions::find(name).is_none() && !held.contains(name))
    {
        let problem = "is not a permission that any guard asks for";
        return Err(Refusal::of_argument(&format!("permissions[{unknown}]"), problem));
    }
    let touched = Held {
        permissions: held.iter().chain(permissions).cloned().collect(),
        ..Held::default()
    };
    actor.must_hold(&touched)?;
    let event = actor
        .event(Action::RoleChanged)
        .about(format!("{role}: {}", permissions.join(", ")));
    match storage
        .put_role(role, description, permissions, before, &held, &event)
        .await?
    {
        Put::Done => {
            security_log::changed(&event);
            Ok(())
        }
        Put::IsThere => Err(Refusal::Conflict(format!("There is already a role {role}."))),
        Put::HasChanged => Err(Refusal::Conflict(format!(
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
    may_hand(actor, role).await?;
    let event = actor.event(Action::RoleDeleted).about(role);
    done(actor.services().storage().delete_role(role, &event).await?)?;
    security_log::changed(&event);
    Ok(())
}

async fn may_hand(actor: &Actor<'_>, role: &str) -> Result<(), Refusal> {
    let held = Held::by_roles(actor.services().storage(), &[role.to_owned()]).await?;
    actor.must_hold(&held)
}

fn refuse_built_in(role: &str) -> Result<(), Refusal> {
    match role == ADMIN {
        true => Err(Refusal::Conflict(format!(
            "The role {ADMIN} is built in. It has every permission and cannot be changed or deleted."
        ))),
        false => Ok(()),
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
pub(super) fn done(change: Change) -> Result<bool, Refusal> {
    match change {
        Change::Done => Ok(true),
        Change::Nothing => Ok(false),
        Change::NoUser => Err(Refusal::NotFound("user".to_owned())),
        Change::NoRole => Err(Refusal::NotFound("role".to_owned())),
        Change::LastAdmin => Err(Refusal::Conflict(
            "This is the last administrator who can log in. Make someone else an administrator first.".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::guard::permissions::Named;

    fn held(is_admin: bool, permissions: &[&str]) -> Held {
        Held {
            is_admin,
            permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
            ..Held::default()
        }
    }

    crate::role! { "editor":
        /// writes articles
        struct Editor;
    }

    fn name_of<R: Named>(_: &R) -> &'static str {
        R::NAME
    }

    #[tokio::test]
    async fn a_role_that_a_guard_names_is_more_than_its_permissions() {
        let storage = Storage::in_memory().await.unwrap();
        let held = async |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
            Held::by_roles(&storage, &roles).await.unwrap()
        };
        let (editor, other) = (held(&[name_of(&Editor)]).await, held(&["named-by-no-guard"]).await);
        assert_eq!(other.lacks(&editor).as_deref(), Some("role:editor"));
        assert_eq!(editor.lacks(&other), None);
        assert_eq!(editor.lacks(&editor), None);
        assert_eq!(held(&["admin"]).await.lacks(&editor), None);
    }

    #[test]
    fn what_is_missing_is_named_and_an_administrator_lacks_nothing() {
        let (admin, reader, writer) = (
            held(true, &[]),
            held(false, &["a.read"]),
            held(false, &["a.read", "a.write"]),
        );
        assert_eq!(admin.lacks(&admin), None);
        assert_eq!(admin.lacks(&writer), None);
        assert_eq!(writer.lacks(&reader), None);
        assert_eq!(reader.lacks(&writer).as_deref(), Some("a.write"));
        assert_eq!(writer.lacks(&admin).as_deref(), Some("role:admin"));
        // Not even what no guard knows today: one of tomorrow may.
        assert_eq!(reader.lacks(&held(false, &["b.unknown"])).as_deref(), Some("b.unknown"));
    }

    #[test]
    fn a_stored_permission_that_no_guard_knows_is_shown_and_not_held() {
        assert!(!permission("b.unknown").known && permission("users.read").known);
        assert!(held(false, &["b.unknown", "users.read"]).names() == ["users.read"]);
    }

    #[test]
    fn names_of_roles_are_plain() {
        assert!(is_allowed("night-shift.2"));
        for bad in ["", "Admin", "2nd", "a b", "a,b", "é", "-a"] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
