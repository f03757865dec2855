//! What somebody may do: permissions, and roles that guards name.

use std::collections::BTreeSet;

use super::permissions::{self, ManageUsers, Named as _};
use crate::server::{
    storage::{
        Storage,
        roles::{ADMIN, Grant},
    },
    telemetry::error::InternalError,
};

/// All that somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    is_admin: bool,
    names: BTreeSet<String>,
    /// The roles among them that guards name: they open something by themselves.
    roles: BTreeSet<String>,
}

impl Permissions {
    /// What a user may do, by all roles together at one moment.
    pub async fn by_user(storage: &Storage, user_id: &str) -> Result<Self, InternalError> {
        Ok(Self::by_grants(&storage.grants_of(user_id).await?))
    }

    /// What these roles may do together.
    pub async fn by_roles(storage: &Storage, roles: &[String]) -> Result<Self, InternalError> {
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

    /// These permissions, without a role.
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

    /// The permissions among them that a guard knows, by name.
    pub fn names(&self) -> Vec<String> {
        permissions::all()
            .map(|declared| declared.name.to_owned())
            .filter(|name| self.is_admin || self.names.contains(name))
            .collect()
    }

    /// Whether somebody who holds this manages users, and a user who holds `other` among them.
    pub fn may_manage(&self, other: &Self) -> bool {
        let manages = self.is_admin || self.names.contains(ManageUsers::NAME);
        manages && self.missing_for(other).is_none()
    }

    /// The first thing of `other` that is missing here: a permission, a role that guards name, or the one that holds all.
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

    fn held(is_admin: bool, permissions: &[&str]) -> Permissions {
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
        let held = async |roles: &[&str]| {
            let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
            Permissions::by_roles(&storage, &roles).await.unwrap()
        };
        let (editor, other) = (held(&[name_of(&Editor)]).await, held(&["named-by-no-guard"]).await);
        assert_eq!(other.missing_for(&editor).as_deref(), Some("role:editor"));
        assert_eq!(editor.missing_for(&other), None);
        assert_eq!(editor.missing_for(&editor), None);
        assert_eq!(held(&["admin"]).await.missing_for(&editor), None);
    }

    #[test]
    fn what_is_missing_is_named_and_an_administrator_lacks_nothing() {
        let (admin, reader, writer) = (
            held(true, &[]),
            held(false, &["a.read"]),
            held(false, &["a.read", "a.write"]),
        );
        assert_eq!(admin.missing_for(&admin), None);
        assert_eq!(admin.missing_for(&writer), None);
        assert_eq!(writer.missing_for(&reader), None);
        assert_eq!(reader.missing_for(&writer).as_deref(), Some("a.write"));
        assert_eq!(writer.missing_for(&admin).as_deref(), Some("role:admin"));
        // Not even what no guard knows today: one of tomorrow may.
        assert_eq!(
            reader.missing_for(&held(false, &["b.unknown"])).as_deref(),
            Some("b.unknown")
        );
    }

    #[test]
    fn a_stored_permission_that_no_guard_knows_is_not_held() {
        assert_eq!(held(false, &["b.unknown", "users.read"]).names(), ["users.read"]);
    }
}
