//! What a user is told of the own sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One place where a user is logged in, or can be again without a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// What to call it when it is to be ended. It is good for nothing else.
    pub id: String,
    /// Browser and system in words, such as "Firefox on Linux".
    pub device: String,
    /// The network address that the login came from.
    pub address: String,
    /// When that login was made (RFC 3339): with the password, or by a remembered browser that came again without a session.
    #[schemars(extend("format" = "date-time"))]
    pub logged_in_at: String,
    /// When it was last used, to the minute (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub last_used_at: String,
    /// Whether this browser is remembered: logged in again without a password.
    pub remembered: bool,
    /// Whether this is the one that asks.
    pub current: bool,
}

impl SessionView {
    /// Device and address, by which its person recognises it.
    pub fn in_words(&self) -> String {
        match self.address.as_str() {
            "" => self.device.clone(),
            address => format!("{}, {address}", self.device),
        }
    }
}

/// The reply of `my_sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// The sessions, the last used first: the latest hundred.
    pub sessions: Vec<SessionView>,
    /// How many there are.
    pub total: usize,
}

impl SessionList {
    /// How many are listed at the most.
    pub const MOST: usize = 100;

    /// The list of these, which are all there are, the last used first. The one that asks is always listed.
    pub fn of(mut sessions: Vec<SessionView>) -> Self {
        let total = sessions.len();
        let current = sessions.iter().position(|session| session.current);
        if let Some(current) = current.filter(|current| *current >= Self::MOST) {
            sessions.swap(current, Self::MOST - 1);
        }
        sessions.truncate(Self::MOST);
        Self { sessions, total }
    }
}
