//! What may be told of roles, permissions, and who may call what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The permission to see users, which pages ask for before they offer something; the guards declare it.
pub const SEE_USERS: &str = "users.read";
/// The permission to manage users, in the same way.
pub const MANAGE_USERS: &str = "users.manage";
/// The permission to manage roles, in the same way.
pub const MANAGE_ROLES: &str = "roles.manage";
/// The permission to read the audit trail and the call log, in the same way.
pub const READ_AUDIT: &str = "audit.read";

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionView {
    /// The name, as guards ask for it.
    pub name: String,
    /// What it allows.
    pub words: String,
    /// Whether a guard in this program knows it. One that none knows opens nothing.
    pub known: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleView {
    /// The name.
    pub role: String,
    /// What it is for.
    pub description: String,
    /// The permissions that it holds.
    pub permissions: Vec<PermissionView>,
    /// Stands for the description and the permissions as they are: `put_role` takes it and changes nothing that has changed
    /// since.
    pub version: String,
    /// How many users have it.
    pub users: u64,
    /// Whether it is built in: it can neither be changed nor deleted.
    pub built_in: bool,
}

/// The reply of `list_roles`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleList {
    /// The roles, by name.
    pub roles: Vec<RoleView>,
    /// All permissions that guards of this program ask for.
    pub permissions: Vec<PermissionView>,
}

/// A function in the table of functions and roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessRow {
    /// The name of the function.
    pub function: String,
    /// Its guard, as it stands in the declaration.
    pub guard: String,
    /// For each kind of caller: "yes", or the code of the refusal.
    pub answers: Vec<String>,
}

/// The reply of `access_table`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessByRole {
    /// The kinds of caller: nobody, somebody without a role, and each role, just logged in.
    pub callers: Vec<String>,
    /// The functions, by name.
    pub functions: Vec<AccessRow>,
}

/// The reply of `explain_access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The user.
    pub user_id: String,
    /// The function.
    pub function: String,
    /// Whether the user may call it, just logged in.
    pub allowed: bool,
    /// Why, or why not, in sentences.
    pub reasons: Vec<String>,
}
