//! Who is logged in: what a session holds, and what finds it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{clock::Timestamp, token::TokenHash};

/// A login, as the session keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// What its session is called, whatever token it goes on under: the handle of the first one. The store gives it.
    #[serde(default)]
    pub id: String,
    /// Who logged in.
    pub user_id: String,
    /// When, in milliseconds since 1970. The absolute limit counts from here.
    pub at: i64,
    /// When the password was last given for this session, in milliseconds since 1970. Never, where a remembered browser
    /// was logged in again.
    #[serde(default)]
    pub password_at: Option<i64>,
    /// The hash of the series of the remembered browser that it belongs to.
    pub series: Option<Vec<u8>>,
    /// When the user had last been changed, as the login found it.
    pub user_changed_at: i64,
    /// What the login came from.
    #[serde(default)]
    pub origin: Origin,
}

/// What a login came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Browser and system, in words.
    pub device: String,
    /// The network address.
    pub address: String,
}

impl Login {
    /// Whether the password was given within the last `window`. A moment in the future is not within it: the clock was
    /// set back, and it is not known how long ago that was.
    pub fn is_fresh(&self, window: Duration, now: Timestamp) -> bool {
        let given = self.password_at.map(Timestamp);
        given.is_some_and(|given| given <= now && now < given.plus(window))
    }

    /// The moment of the login.
    pub fn at(&self) -> Timestamp {
        Timestamp(self.at)
    }
}

/// What finds a session.
#[derive(Debug, Clone)]
pub struct SessionKey {
    /// The hash of the token that it was found by.
    pub token: TokenHash,
    /// What it is called, whatever token it goes on under.
    pub id: String,
}

impl SessionKey {
    /// What finds the session with that token and login. One from before sessions were called anything is called after its
    /// token, and so it is when it is renewed.
    pub fn of(token: TokenHash, login: &Login) -> Self {
        let id = if login.id.is_empty() {
            token.handle()
        } else {
            login.id.clone()
        };
        Self { token, id }
    }

    /// Whether both are the same session.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// A name for its user to see. It leads back to nothing that is stored.
    pub fn handle(&self) -> String {
        TokenHash::of(self.id.as_bytes()).handle()
    }
}
