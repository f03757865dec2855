//! What may be told of a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{audit::EventView, session::SessionView};

/// Whether a user may have that name: 1 to 64 letters (a to z, A to Z), digits or any of `. _ @ -`. It cannot break a log line, an
/// address or a page.
pub fn is_user_id(name: &str) -> bool {
    const MAX_CHARS: usize = 64;
    (1..=MAX_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte))
}

/// A user as others may see one. It has no secret field at all, so none can leak from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserView {
    /// The name that the user logs in with.
    pub user_id: String,
}

/// The reply of `current_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// Who is logged in.
    pub user: UserView,
    /// The permissions that the user has, by name.
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
    /// Has no password yet, or none any more: a one-time link lets the person choose one.
    Invited,
    /// Is kept out.
    Disabled,
}

impl UserState {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRow {
    /// The name.
    pub user_id: String,
    /// Whether the user may log in.
    pub state: UserState,
    /// The roles, by name.
    pub roles: Vec<String>,
    /// When the user was added (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub created_at: String,
}

/// The order of a list of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum UserOrder {
    /// By name.
    #[default]
    Name,
    /// The newest first.
    Newest,
}

/// The reply of `list_users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserList {
    /// The users of this page.
    pub users: Vec<UserRow>,
    /// What to pass as `after` for the next page, if there is one.
    pub next: Option<String>,
}

/// The reply of `show_user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserDetail {
    /// Name, state and roles.
    pub user: UserRow,
    /// Until when a one-time link of the user works (RFC 3339), if there is one.
    pub link_until: Option<String>,
    /// Where the user is logged in, the last used first: the latest hundred.
    pub sessions: Vec<SessionView>,
    /// In how many places the user is logged in.
    pub total_sessions: usize,
    /// What happened to or by the user of late, the latest first.
    pub events: Vec<EventView>,
}

/// A one-time link, in the reply of the function that made it. It is shown this once and never again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkReply {
    /// Whose password it lets the person choose.
    pub user_id: String,
    /// The address to hand to that person. The code in it is a secret: whoever has it chooses the password.
    #[schemars(extend("format" = "password", "readOnly" = true))]
    pub link: String,
    /// Until when it works (RFC 3339). After use it does not work either.
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
    /// What was done.
    pub msg: String,
    /// The name that the new user logs in with.
    pub user_id: String,
}
