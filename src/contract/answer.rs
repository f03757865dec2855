//! The plain reply of the contract: `{"ok":true,"msg":…}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reply that says in one line what happened. (The `ok` before it is written for every reply, by the server.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// What happened, for people and programs.
    pub msg: String,
}

impl Answer {
    /// A reply that says `msg`.
    pub fn new(msg: impl Into<String>) -> Self {
        Self { msg: msg.into() }
    }
}
