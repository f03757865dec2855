//! What a provider says about the person who logged in, once it is verified.

use serde_json::{Map, Value};

use crate::server::model::clock::Timestamp;

/// An account at a provider, as its verified claims describe it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Identifies the account, together with the issuer. 1 to 255 bytes without control characters.
    pub subject: String,
    /// All claims of the ID token, and those of the UserInfo response that it lacks.
    pub claims: Map<String, Value>,
    /// When the person authenticated there, if the provider says so.
    pub auth_time: Option<Timestamp>,
    /// The session at the provider (`sid`), for back-channel logout.
    pub sid: Option<String>,
}

impl Account {
    /// The claim at a JSON pointer (RFC 6901) such as `/email`.
    pub fn claim(&self, pointer: &str) -> Option<&Value> {
        let mut tokens = pointer.strip_prefix('/')?.splitn(2, '/');
        let name = tokens.next()?.replace("~1", "/").replace("~0", "~");
        let value = self.claims.get(&name)?;
        match tokens.next() {
            Some(rest) => value.pointer(&format!("/{rest}")),
            None => Some(value),
        }
    }

    /// The claim as text, if it is text.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.claim(pointer)?.as_str()
    }
}

/// A verified logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4).
#[derive(Debug, Clone)]
pub struct LogoutToken {
    pub subject: Option<String>,
    pub sid: Option<String>,
    /// Unique per token, so that it is accepted once.
    pub jti: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}
