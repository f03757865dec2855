//! The permissions of a user or a role, and the roles that guards name.

use std::collections::BTreeSet;

use super::permissions::{self, ManageUsers, Named as _};
use crate::server::{
    storage::{
        Storage,
        roles::{ADMIN, Grant},
    },
    telemetry::error::InternalError,
};

/// A set of permissions, with the roles that guards name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    is_admin: bool,
    names: BTreeSet<String>,
    /// The roles that guards name. They allow calls by themselves, in addition to the permissions stored with them.
    roles: BTreeSet<String>,
}

impl Permissions {
    /// The permissions that a user has by all roles, read in one consistent query.
    pub async fn by_user(storage: &Storage, user_id: &str) -> Result<Self, InternalError> {
        Ok(Self::by_grants(&storage.grants_of(user_id).await?))
    }

    /// The permissions of these roles together.
    pub async fn by_roles(storage: &Storage, roles: &[String]) -> Result<Self, InternalError> {
        let mut permissions = Self::default();
        for role in roles {
            permissions.add(role, storage.permissions_of(role).await?);
        }
        Ok(permissions)
    }

    /// The permissions that stored grants give.
    pub fn by_grants(grants: &[Grant]) -> Self {
        let mut permissions = Self::default();
        for grant in grants {
            permissions.add(&grant.role, grant.permission.clone());
        }
        permissions
    }

    /// These permissions without a role.
    pub fn of_permissions<'a>(names: impl IntoIterator<Item = &'a String>) -> Self {
        Self {
            names: names.into_iter().cloned().collect(),
            ..Self::default()
        }
    }

    fn add(&mut self, role: &str, permissions: impl IntoIterator<Item = String>) {
        self.is_admin |= role == ADMIN;
        self.names.extend(permissions);
        if permissions::is_named_role(role) {
            self.roles.insert(role.to_owned());
        }
    }

    /// The names of the permissions that are declared in code. An administrator has all of them.
    pub fn names(&self) -> Vec<String> {
        permissions::all()
            .map(|declared| declared.name.to_owned())
            .filter(|name| self.is_admin || self.names.contains(name))
            .collect()
    }

    /// Whether a user with these permissions may manage a user with the permissions `other`.
    pub fn may_manage(&self, other: &Self) -> bool {
        let manages = self.is_admin || self.names.contains(ManageUsers::NAME);
        manages && self.missing_for(other).is_none()
    }

    /// The first entry of `other` that is missing here: a permission, or `role:` and the name of a role.
    pub fn missing_for(&self, other: &Self) -> Option<String> {
        if self.is_admin {
            return None;
        }
        if other.is_admin {
            return Some(format!("role:{ADMIN}"));
        }
        let permission = other.names.difference(&self.names).next().cloned();
        let role = || other.roles.difference(&self.roles).next();
        permission.or_else(|| role().map(|role| format!("role:{role}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::guard::permissions::Named;

    fn permissions(is_admin: bool, permissions: &[&str]) -> Permissions {
        Permissions {
            is_admin,
            names: permissions.iter().map(|&name| name.to_owned()).collect(),
            ..Permissions::default()
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
        let of_roles = async |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
            Permissions::by_roles(&storage, &roles).await.unwrap()
        };
        let (editor, other) = (
            of_roles(&[name_of(&Editor)]).await,
            of_roles(&["named-by-no-guard"]).await,
        );
        assert_eq!(other.missing_for(&editor).as_deref(), Some("role:editor"));
        assert_eq!(editor.missing_for(&other), None);
        assert_eq!(editor.missing_for(&editor), None);
        assert_eq!(of_roles(&["admin"]).await.missing_for(&editor), None);
    }

    #[test]
    fn what_is_missing_is_named_and_an_administrator_lacks_nothing() {
        let (admin, reader, writer) = (
            permissions(true, &[]),
            permissions(false, &["a.read"]),
            permissions(false, &["a.read", "a.write"]),
        );
        assert_eq!(admin.missing_for(&admin), None);
        assert_eq!(admin.missing_for(&writer), None);
        assert_eq!(writer.missing_for(&reader), None);
        assert_eq!(reader.missing_for(&writer).as_deref(), Some("a.write"));
        assert_eq!(writer.missing_for(&admin).as_deref(), Some("role:admin"));
        // Undeclared permissions count as well, because a later version may declare them.
        let unknown = permissions(false, &["b.unknown"]);
        assert_eq!(reader.missing_for(&unknown).as_deref(), Some("b.unknown"));
    }

    #[test]
    fn an_undeclared_permission_is_not_listed() {
        assert_eq!(permissions(false, &["b.unknown", "users.read"]).names(), ["users.read"]);
    }
}
