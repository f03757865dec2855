//! Users, as clients see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{Language, audit::EventView, session::SessionView};

/// Whether a user may have this name: 1 to 64 letters (a to z, A to Z), digits or any of `. _ @ -`. Such a name needs
/// no escaping in log lines, URLs or HTML.
pub fn is_user_id(name: &str) -> bool {
    const MAX_CHARS: usize = 64;
    (1..=MAX_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
}

/// The public data of a user. It has no secret field, so none can leak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserView {
    /// The login name.
    pub user_id: String,
    /// The name that is shown beside the login name, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// What a user has chosen. `null` stands for what the browser or the site prefers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileView {
    /// The name that is shown beside the login name.
    pub display_name: Option<String>,
    /// The language of pages and refusals.
    pub language: Option<Language>,
    /// The time zone of pages: a name of the IANA database, such as `Asia/Seoul`.
    pub time_zone: Option<String>,
}

/// The reply of `current_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// The logged-in user.
    pub user: UserView,
    /// The names of the user's permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// Whether a user may log in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UserState {
    /// May log in.
    Active,
    /// Has neither a password nor an account at a provider, and needs a one-time link.
    Invited,
    /// Was disabled, and may not log in.
    Disabled,
}

impl UserState {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRow {
    /// The name.
    pub user_id: String,
    /// The name that is shown beside it, if the user has chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether the user may log in.
    pub state: UserState,
    /// The roles, by name.
    pub roles: Vec<String>,
    /// The time when the user was added (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
    /// The time of the last login in the audit log (RFC 3339), if there is one.
    pub last_login_at: Option<String>,
}

/// The order of a list of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UserOrder {
    /// By name.
    #[default]
    Name,
    /// Newest first.
    Newest,
}

/// The reply of `list_users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserList {
    /// The users of this page.
    pub users: Vec<UserRow>,
    /// The `after` value for the next page, if there is one.
    pub next: Option<String>,
    /// The number of users on all pages.
    pub total: u64,
}

/// The reply of `show_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserDetail {
    /// Name, state and roles.
    pub user: UserRow,
    /// The time until which the user's one-time link works (RFC 3339), if there is one.
    pub link_until: Option<String>,
    /// The latest hundred sessions and remembered browsers, last used first.
    pub sessions: Vec<SessionView>,
    /// The number of all sessions.
    pub total_sessions: usize,
    /// Recent events by or about the user, latest first.
    pub events: Vec<EventView>,
}

/// A one-time link, in the reply of the function that created it. It is shown only once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkReply {
    /// The user whose password the link sets.
    pub user_id: String,
    /// The link to send to that person. It is a secret: anyone who has it can set the password.
    #[schemars(extend("format" = "password", "readOnly" = true))]
    pub link: String,
    /// The time until which it works, if unused (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub until: String,
}

impl std::fmt::Debug for LinkReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkReply({}, …)", self.user_id)
    }
}

/// The reply of `register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    /// What was done, for people.
    pub msg: String,
    /// The login name of the new user.
    pub user_id: String,
}
