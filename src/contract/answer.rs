//! The plain reply of the contract: `{"ok":true,"msg":…}`.

use serde::{Deserialize, Serialize};

/// A reply that says in one line what happened. Its `ok` is always true: a "no" is a [`Refusal`](super::Refusal).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    ok: bool,
    /// What happened, for people and programs.
    pub msg: String,
}

impl Answer {
    /// A reply that says `msg`.
    pub fn new(msg: impl Into<String>) -> Self {
        Self {
            ok: true,
            msg: msg.into(),
        }
    }
}
