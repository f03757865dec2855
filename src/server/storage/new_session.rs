//! What a login stores.

use crate::server::model::{clock::Timestamp, event::Event, token::TokenHash};

/// A session to store.
pub struct NewSession<'a> {
    /// The hash of its token.
    pub token: &'a TokenHash,
    /// What it is called.
    pub login_id: &'a str,
    /// Who is logged in.
    pub user_id: &'a str,
    /// The remembered browser that it belongs to.
    pub series: Option<&'a TokenHash>,
    /// Its data, as JSON.
    pub data: &'a str,
    /// When its user logged in.
    pub logged_in_at: Timestamp,
    /// The network address that the user logged in from.
    pub address: &'a str,
    /// When the user had last been changed, as the login found it.
    pub user_changed_at: i64,
    /// The browser of `series`, where it is remembered from now on.
    pub browser: Option<&'a NewBrowser>,
    /// What the login takes the place of.
    pub replaced: &'a Replaced,
    /// What the audit trail says where others make room for it.
    pub surplus: &'a Event,
}

/// What a browser had before a login: it is over with it, and needs no room.
#[derive(Debug, Default)]
pub struct Replaced {
    /// The hash of the token of its session.
    pub session: Option<TokenHash>,
    /// The hash of the series that it was remembered by.
    pub series: Option<TokenHash>,
}

/// A browser to remember, with the session that its login begins.
#[derive(Debug)]
pub struct NewBrowser {
    /// The hash of the series.
    pub series: TokenHash,
    /// The hash of its first token.
    pub token: TokenHash,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Browser and system, in words.
    pub device: String,
}
