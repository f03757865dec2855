//! What may be told of what happened.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What was done. The names are stable: they are stored, filtered by, and exported.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// Somebody logged in, or tried to.
    Login,
    /// Somebody confirmed a login with the password, or tried to.
    LoginConfirmed,
    /// Too many logins had failed: the next ones wait.
    Throttled,
    /// Somebody logged out.
    Logout,
    /// Somebody ended own sessions elsewhere.
    SessionsEnded,
    /// Somebody ended another user's sessions.
    SessionsRevoked,
    /// Sessions or remembered browsers of a user made room for a new login.
    SurplusEnded,
    /// A remember token came a second time, and its series was revoked.
    TokenReused,
    /// A user has a new password.
    PasswordChanged,
    /// A user was added.
    UserAdded,
    /// Somebody registered.
    Registered,
    /// A user was kept out.
    UserDisabled,
    /// A user was let in again.
    UserEnabled,
    /// A user was deleted.
    UserDeleted,
    /// A one-time link was made.
    LinkMade,
    /// A one-time link was used.
    LinkUsed,
    /// A user was given a role.
    RoleGiven,
    /// A role was taken from a user.
    RoleTaken,
    /// A role was made or changed.
    RoleChanged,
    /// A role was deleted.
    RoleDeleted,
    /// A guard turned a user away.
    Refused,
}

impl Action {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What was done, in words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Login => "Login",
            Self::LoginConfirmed => "Login confirmed",
            Self::Throttled => "Too many attempts",
            Self::Logout => "Logout",
            Self::SessionsEnded => "Own sessions ended",
            Self::SessionsRevoked => "Sessions ended by someone else",
            Self::SurplusEnded => "Oldest logins ended",
            Self::TokenReused => "Stolen login stopped",
            Self::PasswordChanged => "Password changed",
            Self::UserAdded => "User added",
            Self::Registered => "Registration",
            Self::UserDisabled => "User disabled",
            Self::UserEnabled => "User enabled",
            Self::UserDeleted => "User deleted",
            Self::LinkMade => "One-time link made",
            Self::LinkUsed => "One-time link used",
            Self::RoleGiven => "Role given",
            Self::RoleTaken => "Role taken",
            Self::RoleChanged => "Role changed",
            Self::RoleDeleted => "Role deleted",
            Self::Refused => "Call refused",
        }
    }
}

/// How something came out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Something that happened: a line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its number. Later ones are greater.
    pub id: i64,
    /// When (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// What was done: a stable word such as `login` or `role_given`.
    pub action: String,
    /// How it came out: `ok` or `refused`.
    pub outcome: String,
    /// Who did it. Empty where that is not known, `(operator)` for the command line.
    pub actor: String,
    /// The user whom it was done to. Empty where there is none.
    pub user: String,
    /// What else there is to say: a role, a reason, a function.
    pub about: String,
    /// The network address that it came from.
    pub address: String,
    /// The reference of the request, as in the log.
    pub request_id: String,
}

/// The reply of `list_events` and `my_events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventList {
    /// The events of this page, the latest first.
    pub events: Vec<EventView>,
    /// What to pass as `before` for the next page, if there is one.
    pub next: Option<i64>,
}

/// A line of the call log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallView {
    /// Its number. Later ones are greater.
    pub id: i64,
    /// When (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// The function that was called.
    pub function: String,
    /// Who called. Empty where nobody was logged in.
    pub user: String,
    /// `ok`, the code of the refusal, or `broken_off` where the client went away.
    pub outcome: String,
    /// How many calls this line stands for: one, unless there were very many in a second.
    pub calls: u64,
    /// How long the longest of them took, in microseconds.
    pub took_us: u64,
    /// The network address that it came from.
    pub address: String,
    /// The reference of the request, as in the log.
    pub request_id: String,
}

/// The reply of `list_calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallList {
    /// The calls of this page, the latest first.
    pub calls: Vec<CallView>,
    /// What to pass as `before` for the next page, if there is one.
    pub next: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_names_that_stand_on_the_wire() {
        for action in Action::VARIANTS {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
            assert_eq!(action.name().parse(), Ok(*action));
        }
    }
}
