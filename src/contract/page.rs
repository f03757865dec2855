//! What the server hands a page besides the functions that it calls: facts of this one request.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use serde::{Deserialize, Serialize};

use super::pending_call::PendingCall;

/// The page on which people change their password.
pub const CHANGE_PASSWORD: &str = "/account/password";

/// Facts of the request that a page is rendered for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageFacts {
    /// The call whose reply this page shows.
    pub kept_call: Option<PendingCall>,
    /// The login attempt that was just refused.
    pub refused_login: Option<RefusedLogin>,
    /// What holds for every page.
    pub site: SiteFacts,
}

/// The files of the program that a page with islands loads, by their addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFiles {
    /// The script that starts it.
    pub js: String,
    /// The program.
    pub wasm: String,
}

/// Facts of the site that pages show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFacts {
    /// The fewest characters of a new password.
    pub password_chars: usize,
    /// The public address of this site, without a slash at the end.
    pub origin: String,
    /// The certificate that programs must trust, where it is a development certificate.
    pub ca_file: Option<String>,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Name and password of the demo users, where this is a demo.
    pub demo_users: Vec<(String, String)>,
}

/// What is said of a wrong password where the name is known to be right.
pub const NOT_YOUR_PASSWORD: &str = "Wrong password. Try again.";

/// A login attempt that was refused: what to show beside the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLogin {
    /// The name that was typed.
    pub user_id: String,
    /// Whether the box was ticked.
    pub remember: bool,
    /// The sentence to show.
    pub error: String,
    /// Whether what was typed is wrong. Where there were too many attempts, say, it may well be right.
    pub is_wrong: bool,
}

/// The HTTP status of the page that is being rendered. Pages set it; the server reads it when they are done.
#[derive(Debug, Clone)]
pub struct PageStatus(Arc<AtomicU16>);

impl PageStatus {
    /// Starts with `status`.
    pub fn new(status: u16) -> Self {
        Self(Arc::new(AtomicU16::new(status)))
    }

    /// Changes it.
    pub fn set(&self, status: u16) {
        self.0.store(status, Ordering::Relaxed);
    }

    /// What it came to.
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }
}
