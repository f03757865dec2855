//! The rows that a login stores.

use crate::server::model::{clock::Timestamp, event::Event, token::TokenHash};

pub struct NewSession<'a> {
    pub token: &'a TokenHash,
    /// Identifies the session when its token changes.
    pub login_id: &'a str,
    pub user_id: &'a str,
    /// The remembered browser that the session belongs to.
    pub series: Option<&'a TokenHash>,
    /// JSON.
    pub data: &'a str,
    pub logged_in_at: Timestamp,
    /// When it ends at the latest, if that is earlier than the absolute time limit.
    pub ends_at: Option<Timestamp>,
    /// The id of the account at a provider that the login was made with. If it was unlinked meanwhile, the login fails.
    pub identity: Option<&'a str>,
    /// The hash of the session at that provider.
    pub sid: Option<&'a TokenHash>,
    /// The client IP.
    pub address: &'a str,
    /// The user's `changed_at` when the login started. If it differs by now, the login fails.
    pub user_changed_at: i64,
    /// The browser of `series`, if this login remembers it.
    pub browser: Option<&'a NewBrowser>,
    pub replaced: &'a Replaced,
    /// The audit event to store if the login ends older sessions beyond the limit.
    pub surplus: &'a Event,
}

/// The previous login of the same browser. The new login deletes it, so it does not count against the limit.
#[derive(Debug, Default)]
pub struct Replaced {
    pub session: Option<TokenHash>,
    pub series: Option<TokenHash>,
}

#[derive(Debug)]
pub struct NewBrowser {
    pub series: TokenHash,
    /// The first token of the series.
    pub token: TokenHash,
    pub expires_at: Timestamp,
    /// Browser and operating system, as text to display.
    pub device: String,
}
