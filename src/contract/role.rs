//! Roles, permissions and access, as clients see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::language::Message;

/// The permission to see users. Guards declare the permissions; pages use these names to decide what to offer.
pub const SEE_USERS: &str = "users.read";
/// The permission to manage users.
pub const MANAGE_USERS: &str = "users.manage";
/// The permission to manage roles.
pub const MANAGE_ROLES: &str = "roles.manage";
/// The permission to read the audit log and the call log.
pub const READ_AUDIT: &str = "audit.read";

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionView {
    /// The name, as guards use it.
    pub name: String,
    /// What it allows.
    pub words: Message,
    /// Whether a guard declares it. A permission that no guard declares allows nothing.
    pub known: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleView {
    /// The name.
    pub role: String,
    /// What it is for.
    pub description: String,
    /// The permissions that it grants.
    pub permissions: Vec<PermissionView>,
    /// The version of the description and the permissions. `put_role` takes it, and refuses the call if the role has
    /// changed since.
    pub version: String,
    /// The number of users who have it.
    pub users: u64,
    /// Whether it is built in. Built-in roles cannot be changed or deleted.
    pub built_in: bool,
}

/// The reply of `list_roles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleList {
    /// The roles, by name.
    pub roles: Vec<RoleView>,
    /// All permissions that guards declare.
    pub permissions: Vec<PermissionView>,
}

/// A row of the access table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessRow {
    /// The name of the function.
    pub function: String,
    /// Its guard, as written in the declaration.
    pub guard: String,
    /// Its guard in words.
    pub words: Message,
    /// For each kind of caller: "yes", or the code of the refusal.
    pub answers: Vec<String>,
}

/// The reply of `access_table`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessByRole {
    /// The kinds of caller: someone not logged in, a user without a role, and each role. Users have just logged in.
    pub callers: Vec<String>,
    /// The functions, by name.
    pub functions: Vec<AccessRow>,
}

/// The reply of `explain_access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The name of the user.
    pub user_id: String,
    /// The name of the function.
    pub function: String,
    /// Whether the user may call it with a fresh login.
    pub allowed: bool,
    /// Why, or why not, in sentences.
    pub reasons: Vec<Message>,
}
