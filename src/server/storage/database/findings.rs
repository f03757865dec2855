//! What an examination of the database has found.

use serde::Serialize;

use crate::server::model::clock::Timestamp;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    /// Something to know that is not wrong.
    Note,
    Wrong,
}

/// The result of one check.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    pub outcome: Outcome,
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub fn ok(check: &'static str, text: impl Into<String>) -> Self {
        Self::new(check, Outcome::Ok, text.into(), None)
    }

    pub fn note(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Outcome::Note, text.into(), Some(remedy.into()))
    }

    pub fn wrong(check: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Outcome::Wrong, text.into(), Some(remedy.into()))
    }

    /// A finding from an error that says what to do.
    pub fn error(check: &'static str, error: impl Into<anyhow::Error>) -> Self {
        Self::new(check, Outcome::Wrong, format!("{:#}", error.into()), None)
    }

    /// Reminds of sessions that a backup can bring back. `last_used_at` is in milliseconds since 1970.
    pub fn of_sessions(sessions: i64, last_used_at: Option<i64>) -> Self {
        const CHECK: &str = "sessions";
        let Some(last_used_at) = last_used_at else {
            return Self::ok(CHECK, "there are none");
        };
        Self::note(
            CHECK,
            format!("{sessions}, last used at {}", Timestamp(last_used_at).to_rfc3339()),
            "if the database was restored from a backup, end those that it brought back: `callgate session revoke --all`",
        )
    }

    fn new(check: &'static str, outcome: Outcome, text: String, remedy: Option<String>) -> Self {
        Self {
            check,
            outcome,
            text,
            remedy,
        }
    }
}
