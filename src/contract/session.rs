//! Sessions, as users see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::t;

/// A session or a remembered browser of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// The id for ending the session. It is not a secret and gives no access.
    pub id: String,
    /// Browser and operating system, such as "Firefox on Linux".
    pub device: String,
    /// The client IP of the login.
    pub address: String,
    /// The time of the login (RFC 3339), with a password, with a provider, or by a remembered browser.
    #[schemars(extend("format" = "date-time"))]
    pub logged_in_at: String,
    /// The time of the last use, to the minute (RFC 3339).
    #[schemars(extend("format" = "date-time"))]
    pub last_used_at: String,
    /// Whether the browser is remembered, and will be logged in again without a password.
    pub remembered: bool,
    /// The key of the provider of the login, if it was not a login with a password.
    #[serde(default)]
    pub provider: Option<String>,
    /// Whether this is the session of the request.
    pub current: bool,
}

impl SessionView {
    /// Device and address, by which people recognize the session.
    pub fn in_words(&self) -> String {
        let device = device_in_words(&self.device);
        match self.address.as_str() {
            "" => device,
            address => format!("{device}, {address}"),
        }
    }
}

/// A device, which is stored as `server::auth::device` describes it, in the current language.
fn device_in_words(device: &str) -> String {
    match device.split_once(" on ") {
        Some(("A program", system)) => t!("A program on {system}", system),
        Some((program, system)) => t!("{program} on {system}", program, system),
        None if device == "An unknown program" => t!("An unknown program").to_owned(),
        None => device.to_owned(),
    }
}

/// The reply of `my_sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// The latest hundred sessions, last used first.
    pub sessions: Vec<SessionView>,
    /// The number of all sessions.
    pub total: usize,
}

impl SessionList {
    /// The maximum number of sessions in the list.
    pub const MOST: usize = 100;

    /// Creates the list from all sessions, last used first. The current session is always listed.
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
