//! The audit log and the call log, as clients see them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::language::Message;
use crate::message;

/// The kind of an event. The names are stable: they are stored, exported and used in filters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    /// A login or an attempt.
    Login,
    /// A confirmation of a login, or an attempt.
    LoginConfirmed,
    /// Logins are blocked for a while after too many failures.
    Throttled,
    /// A logout.
    Logout,
    /// A user ended their own other sessions.
    SessionsEnded,
    /// Sessions of a user were ended by someone else.
    SessionsRevoked,
    /// The oldest logins of a user were ended, because there were too many.
    SurplusEnded,
    /// A remember-me token was used a second time, and its series was revoked.
    TokenReused,
    /// A user has a new password.
    PasswordChanged,
    /// A user was added.
    UserAdded,
    /// A user registered.
    Registered,
    /// A user was disabled.
    UserDisabled,
    /// A user was enabled again.
    UserEnabled,
    /// A user was deleted.
    UserDeleted,
    /// A one-time link was created.
    LinkMade,
    /// A one-time link was used.
    LinkUsed,
    /// A role was given to a user.
    RoleGiven,
    /// A role was taken from a user.
    RoleTaken,
    /// A role was created or changed.
    RoleChanged,
    /// A role was deleted.
    RoleDeleted,
    /// An account at a provider was linked to a user, or an attempt.
    IdentityLinked,
    /// An account at a provider was unlinked from a user.
    IdentityUnlinked,
    /// The claims of a provider have changed the roles of a user.
    RolesMapped,
    /// A guard refused a user's call.
    Refused,
}

impl Action {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The label for people.
    pub fn words(self) -> Message {
        match self {
            Self::Login => message!("Login"),
            Self::LoginConfirmed => message!("Login confirmed"),
            Self::Throttled => message!("Too many attempts"),
            Self::Logout => message!("Logout"),
            Self::SessionsEnded => message!("Own sessions ended"),
            Self::SessionsRevoked => message!("Sessions ended by someone else"),
            Self::SurplusEnded => message!("Oldest logins ended"),
            Self::TokenReused => message!("Stolen login stopped"),
            Self::PasswordChanged => message!("Password changed"),
            Self::UserAdded => message!("User added"),
            Self::Registered => message!("Registration"),
            Self::UserDisabled => message!("User disabled"),
            Self::UserEnabled => message!("User enabled"),
            Self::UserDeleted => message!("User deleted"),
            Self::LinkMade => message!("One-time link created"),
            Self::LinkUsed => message!("One-time link used"),
            Self::RoleGiven => message!("Role given"),
            Self::RoleTaken => message!("Role taken"),
            Self::RoleChanged => message!("Role changed"),
            Self::RoleDeleted => message!("Role deleted"),
            Self::IdentityLinked => message!("Account elsewhere linked"),
            Self::IdentityUnlinked => message!("Account elsewhere unlinked"),
            Self::RolesMapped => message!("Roles changed by provider"),
            Self::Refused => message!("Call refused"),
        }
    }
}

/// The outcome of an action.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The action was done.
    Ok,
    /// The action was refused.
    Refused,
}

impl Outcome {
    /// The name on the wire and in the database.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An event in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// The number of the event. Later events have greater numbers.
    pub id: i64,
    /// The time (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// What was done: a stable name such as `login` or `role_given`.
    pub action: String,
    /// The outcome: `ok` or `refused`.
    pub outcome: String,
    /// The user who did it. Empty if unknown, `(operator)` for the command line.
    pub actor: String,
    /// The user whom it was done to. Empty if there is none.
    pub user: String,
    /// Details, such as a role, a reason or a function.
    pub about: String,
    /// The client IP.
    pub address: String,
    /// The request id, as in the log.
    pub request_id: String,
}

/// The reply of `list_events` and `my_events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventList {
    /// The events of this page, latest first.
    pub events: Vec<EventView>,
    /// The `before` value for the next page, if there is one.
    pub next: Option<i64>,
}

/// An entry of the call log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallView {
    /// The number of the entry. Later entries have greater numbers.
    pub id: i64,
    /// The time (RFC 3339, UTC).
    #[schemars(extend("format" = "date-time"))]
    pub at: String,
    /// The name of the function.
    pub function: String,
    /// The user who called. Empty if nobody was logged in.
    pub user: String,
    /// `ok`, the code of the refusal, or `broken_off` if the call was cancelled, for example by a disconnect.
    pub outcome: String,
    /// The number of calls in this entry. Similar calls are combined while there are very many.
    pub calls: u64,
    /// The duration of the longest of them, in microseconds.
    pub took_us: u64,
    /// The client IP.
    pub address: String,
    /// The request id, as in the log.
    pub request_id: String,
}

/// The reply of `list_calls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallList {
    /// The entries of this page, latest first.
    pub calls: Vec<CallView>,
    /// The `before` value for the next page, if there is one.
    pub next: Option<i64>,
}

/// What is counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Period {
    /// The calls of an hour, for the last 24 hours.
    #[default]
    Hour,
    /// The calls of a day, for the last 30 days.
    Day,
}

/// How a call ended. Outcomes in the call log are finer: `ok`, the codes of refusals, and `broken_off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum OutcomeKind {
    /// The call was answered.
    #[strum(serialize = "ok")]
    Good,
    /// The call was refused because of the caller or the arguments.
    Refused,
    /// The server could not answer, or the client did not wait for the answer.
    Failed,
}

impl OutcomeKind {
    /// The outcomes of failed calls. All others, except `ok`, are codes of refusals because of the caller.
    pub const FAILED: [&str; 4] = ["broken_off", "busy", "call_too_slow", "internal"];

    /// The kind of an outcome in the call log.
    pub fn of(outcome: &str) -> Self {
        match outcome {
            "ok" => Self::Good,
            outcome if Self::FAILED.contains(&outcome) => Self::Failed,
            _ => Self::Refused,
        }
    }

    /// The name in filters: `ok`, `refused` or `failed`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The number of calls or logins in an hour or a day, by outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// The day.
    pub day: Date,
    /// The hour of that day, from 0 to 23, if hours are counted.
    pub hour: Option<i8>,
    /// The number that was answered.
    pub good: u64,
    /// The number that was refused because of the caller or the arguments.
    pub refused: u64,
    /// The number that failed because of the server, or that was broken off.
    pub failed: u64,
}

/// The number of calls of a function, by outcome, and how long they took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionStats {
    /// The name of the function.
    pub function: String,
    /// The number of calls that were answered.
    pub good: u64,
    /// The number of calls that were refused because of the caller or the arguments.
    pub refused: u64,
    /// The number of calls that failed because of the server, or that were broken off.
    pub failed: u64,
    /// The median duration of the answered calls, in microseconds.
    pub median_us: Option<u64>,
}

/// The reply of `call_stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallCounts {
    /// All hours or days, earliest first.
    pub buckets: Vec<Bucket>,
    /// The functions that were called, by name.
    pub functions: Vec<FunctionStats>,
}

/// The reply of `login_stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginCounts {
    /// All days, earliest first.
    pub buckets: Vec<Bucket>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Refusal;

    #[test]
    fn actions_have_the_names_that_stand_on_the_wire() {
        for action in Action::VARIANTS {
            assert_eq!(serde_json::to_value(action).unwrap(), action.name());
            assert_eq!(action.name().parse(), Ok(*action));
        }
    }

    #[test]
    fn failures_of_the_server_are_failed_calls() {
        for failure in [
            Refusal::Internal { reference: "r".into() },
            Refusal::Busy { retry_after: 1 },
            Refusal::CallTooSlow,
        ] {
            assert!(failure.is_failure());
            assert_eq!(OutcomeKind::of(failure.code()), OutcomeKind::Failed);
        }
        for refusal in [Refusal::NotLoggedIn, Refusal::InvalidArguments(Vec::new())] {
            assert_eq!(OutcomeKind::of(refusal.code()), OutcomeKind::Refused);
        }
        assert_eq!(OutcomeKind::of("ok"), OutcomeKind::Good);
    }
}
