//! The plain reply: `{"ok":true,"msg":…}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reply with a one-line message. (The server adds `ok` to every reply.)
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// What happened, for people and programs.
    pub msg: String,
}

impl Answer {
    /// Creates a reply with this message.
    pub fn new(msg: impl Into<String>) -> Self {
        Self { msg: msg.into() }
    }
}
