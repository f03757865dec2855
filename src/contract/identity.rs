//! Accounts at providers that are linked to users, as clients see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An account at a provider with which a user can log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityView {
    /// The id for unlinking the account. It is not a secret and gives no access.
    pub id: String,
    /// The key of the provider in the settings. `null` if the provider is no longer configured: then nobody can log in
    /// with the account.
    pub provider: Option<String>,
    /// The name of the provider, or its issuer if it is no longer configured.
    pub provider_name: String,
    /// The identifier of the account at the provider.
    pub subject: String,
    /// What the provider calls the account, such as an e-mail address. Only shown, never compared.
    pub label: String,
    /// The time when the account was linked (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub linked_at: String,
    /// Who linked it: a user, or `(operator)` for the command line and the settings.
    pub linked_by: String,
    /// The time of the last login with the account (RFC 3339), if there was one.
    pub last_used_at: Option<String>,
    /// Whether the user can unlink it. The only way to log in cannot be unlinked.
    pub can_unlink: bool,
}

/// The reply of `my_identities` and `list_identities`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityList {
    /// The linked accounts, first linked first.
    pub identities: Vec<IdentityView>,
    /// Whether the user also has a password.
    pub has_password: bool,
}
