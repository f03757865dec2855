//! Permissions and roles that guards name.
//!
//! [`permission!`](crate::permission) and [`role!`](crate::role) declare them as types for guards:
//! `Permission<SeeUsers>`, `Role<Admin>`. The database stores the permissions of each role and the roles of each user.
//! A stored permission that no code declares has no effect, because no guard requires it.

use std::{collections::BTreeMap, sync::LazyLock};

/// A permission or a role.
pub trait Named: Send + Sync + 'static {
    /// The name. It is stored in the database, so it must not change.
    const NAME: &'static str;
}

/// A permission that is declared in code.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// The name.
    pub name: &'static str,
    /// What it allows.
    pub words: &'static str,
}

inventory::collect!(Declared);

static ALL: LazyLock<BTreeMap<&'static str, Declared>> = LazyLock::new(|| {
    inventory::iter::<Declared>()
        .map(|declared| (declared.name, *declared))
        .collect()
});

/// All declared permissions, by name.
pub fn all() -> impl Iterator<Item = Declared> {
    ALL.values().copied()
}

/// The declared permission with that name.
pub fn find(name: &str) -> Option<Declared> {
    ALL.get(name).copied()
}

/// Declares a permission: a type for [`Permission`](crate::server::auth::guard::kinds::Permission), and its stable
/// name. The doc comment describes what it allows, as a verb phrase that completes "may".
///
/// ```
/// callgate::permission! { "reports.read":
///     /// read all reports
///     pub struct ReadReports;
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! permission {
    ($name:literal: $(#[doc = $words:literal])+ $visible:vis struct $type:ident;) => {
        $(#[doc = $words])+
        #[derive(Debug)]
        $visible struct $type;

        impl $crate::server::auth::guard::permissions::Named for $type {
            const NAME: &'static str = $name;
        }

        $crate::macro_support::inventory::submit! {
            $crate::server::auth::guard::permissions::Declared {
                name: $name,
                words: concat!($($words),+).trim_ascii(),
            }
        }
    };
}

/// Declares a role that guards name: a type for [`Role`](crate::server::auth::guard::kinds::Role), and its stable name.
///
/// ```
/// callgate::role! { "editor":
///     /// writes articles
///     pub struct Editor;
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! role {
    ($name:literal: $(#[doc = $words:literal])+ $visible:vis struct $type:ident;) => {
        $(#[doc = $words])+
        #[derive(Debug)]
        $visible struct $type;

        impl $crate::server::auth::guard::permissions::Named for $type {
            const NAME: &'static str = $name;
        }

        $crate::macro_support::inventory::submit! {
            $crate::server::auth::guard::permissions::NamedRole($name)
        }
    };
}

/// The name of a role that is declared in code. Such a role allows calls by itself, whatever permissions are stored
/// with it.
#[derive(Debug)]
pub struct NamedRole(pub &'static str);

inventory::collect!(NamedRole);

/// Whether code declares that role.
pub fn is_named_role(role: &str) -> bool {
    inventory::iter::<NamedRole>().any(|named| named.0 == role)
}

permission! { "users.read":
    /// see all users, with their roles, sessions and events
    pub struct SeeUsers;
}

permission! { "users.manage":
    /// add, invite, disable and delete users, end their sessions, and give them roles within their own permissions
    pub struct ManageUsers;
}

permission! { "roles.manage":
    /// create, change and delete roles within their own permissions
    pub struct ManageRoles;
}

permission! { "audit.read":
    /// read the audit log and the call log
    pub struct ReadAudit;
}

role! { "admin":
    /// may do everything
    pub struct Admin;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::role::{MANAGE_ROLES, MANAGE_USERS, READ_AUDIT, SEE_USERS};

    #[test]
    fn every_permission_is_declared_once_and_described() {
        assert_eq!(inventory::iter::<Declared>().count(), ALL.len());
        for declared in all() {
            assert!(
                declared.name.contains('.') && !declared.words.is_empty(),
                "{declared:?}"
            );
            assert!(find(declared.name).is_some());
        }
        assert!(find("nothing.known").is_none());
    }

    #[test]
    fn pages_ask_for_permissions_by_the_names_that_guards_declare() {
        let declared = [SeeUsers::NAME, ManageUsers::NAME, ManageRoles::NAME, ReadAudit::NAME];
        assert_eq!([SEE_USERS, MANAGE_USERS, MANAGE_ROLES, READ_AUDIT], declared);
    }
}
