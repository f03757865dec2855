//! Logins, as sessions store them, and the keys of sessions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{clock::Timestamp, profile::Profile, token::TokenHash};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The id of the session, which stays the same when the token changes: the handle of the first token. The store
    /// sets it.
    #[serde(default)]
    pub id: String,
    pub user_id: String,
    /// The time of the login, in milliseconds since 1970. The absolute time limit of the session counts from here.
    pub at: i64,
    /// When the user last authenticated in this session, in milliseconds since 1970: entered the password, or logged in at
    /// a provider that says when. `None` if that is unknown, and for a remembered browser.
    #[serde(default)]
    pub password_at: Option<i64>,
    /// The hash of the series of the remembered browser that the session belongs to.
    pub series: Option<Vec<u8>>,
    /// The `changed_at` of the user at the time of the login. It detects later changes of the user.
    pub user_changed_at: i64,
    #[serde(default)]
    pub origin: Origin,
    /// The id of the account at a provider, if the login was made with one.
    #[serde(default)]
    pub identity: Option<String>,
    /// The key of that provider.
    #[serde(default)]
    pub provider: Option<String>,
    /// When the session ends at the latest, in milliseconds since 1970, if that provider shortens the absolute time limit.
    #[serde(default)]
    pub ends_at: Option<i64>,
    /// Not part of the session: it is read with it.
    #[serde(skip)]
    pub profile: Profile,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Browser and operating system, as a short text.
    pub device: String,
    /// The client IP. Empty if unknown.
    pub address: String,
}

impl Login {
    /// Whether the user authenticated within the last `window`. A time in the future does not count: the clock was set
    /// back, so the age is unknown.
    pub fn is_fresh(&self, window: Duration, now: Timestamp) -> bool {
        let authenticated = self.password_at.map(Timestamp);
        authenticated.is_some_and(|at| at <= now && now < at.plus(window))
    }

    pub fn at(&self) -> Timestamp {
        Timestamp(self.at)
    }

    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ends_at.map(Timestamp)
    }
}

/// The keys of a session in the database.
#[derive(Debug, Clone)]
pub struct SessionKey {
    pub token: TokenHash,
    /// Stays the same when the token changes.
    pub id: String,
}

impl SessionKey {
    /// The keys of the session with that token and login. A login stored by an older version has no id. Then the handle
    /// of the token is the id, and renewal keeps it.
    pub fn of(token: TokenHash, login: &Login) -> Self {
        let id = if login.id.is_empty() {
            token.handle()
        } else {
            login.id.clone()
        };
        Self { token, id }
    }

    /// Whether both are the same session, even if the token has changed.
    pub fn is_same(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// An identifier that is safe to show to the user. It reveals no stored key.
    pub fn handle(&self) -> String {
        TokenHash::of(self.id.as_bytes()).handle()
    }
}
