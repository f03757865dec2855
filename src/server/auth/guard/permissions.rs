//! Permissions and roles that guards name.
//!
//! Both are declared in code, with [`permission!`](crate::permission) and [`role!`](crate::role), as types that stand in a
//! guard: `Permission<SeeUsers>`, `Role<Admin>`. Which role holds which permission, and who has which role, is stored. A
//! stored permission that no code declares opens nothing, because no guard asks for it.

use std::{collections::BTreeMap, sync::LazyLock};

/// Something with a stable name and a description for people.
pub trait Named: Send + Sync + 'static {
    /// The stable name. It is stored.
    const NAME: &'static str;
    /// What it means, in words that go on after "may", or after "the role".
    const WORDS: &'static str;
}

/// A permission that is declared somewhere in the program.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// Its name.
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

/// The declared permission of that name.
pub fn find(name: &str) -> Option<Declared> {
    ALL.get(name).copied()
}

/// Declares a permission: a type for [`Permission`](crate::server::auth::guard::kinds::Permission), with its stable name. The doc
/// comment says what it allows; the words go on after "may".
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
            const WORDS: &'static str = concat!($($words),+).trim_ascii();
        }

        $crate::macro_support::inventory::submit! {
            $crate::server::auth::guard::permissions::Declared {
                name: $name,
                words: concat!($($words),+).trim_ascii(),
            }
        }
    };
}

/// Declares a role that a guard names: a type for [`Role`](crate::server::auth::guard::kinds::Role), with its stable name.
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
            const WORDS: &'static str = concat!($($words),+).trim_ascii();
        }

        $crate::macro_support::inventory::submit! {
            $crate::server::auth::guard::permissions::NamedRole($name)
        }
    };
}

/// The name of a role that guards may name. It opens something by itself, whatever permissions are stored with it.
#[derive(Debug)]
pub struct NamedRole(pub &'static str);

inventory::collect!(NamedRole);

/// Whether guards may name that role.
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
    /// read the audit trail and the call log
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
