//! Request data that the server passes to a page, in addition to the replies of the functions that the page calls.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    function::Responses,
    language::Message,
    pending_call::PendingCall,
    provider::{LogoutLink, ProviderView},
};
use crate::message;

/// The page on which people change their password.
pub const CHANGE_PASSWORD: &str = "/account/password";

/// Facts about the request that a page is rendered for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageFacts {
    /// The pending call that the page shows.
    pub pending_call: Option<PendingCall>,
    /// The login attempt that was just refused.
    pub refused_login: Option<RefusedLogin>,
    /// The logout at the provider that the user who just logged out came by.
    pub logout_link: Option<LogoutLink>,
    /// The request id, which a refused page shows for the operator.
    pub reference: Option<String>,
    /// The time of the request. Relative times count from it.
    pub now: Timestamp,
    /// On the page of a function: what a call of it can return.
    pub responses: Option<Responses>,
    /// On the home page, if the user is logged in: the functions whose guards refuse the user, apart from those that ask to
    /// confirm the login first.
    pub refused: Option<Vec<String>>,
    /// Facts that are the same for every page.
    pub site: SiteFacts,
}

/// The URLs of the WebAssembly program that a page with islands loads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFiles {
    /// The script that starts the program.
    pub js: String,
    /// The WebAssembly module.
    pub wasm: String,
    /// The script that loads split files. `None` if there are none.
    pub split_js: Option<String>,
    /// The split files of each lazy island: a name that starts with that of the island, and the modules.
    pub split: Vec<(String, Vec<String>)>,
}

/// Facts about the site that pages show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFacts {
    /// The minimum length of a new password, in characters.
    pub password_chars: usize,
    /// The public origin of the site, without a trailing slash.
    pub origin: String,
    /// The CA file that programs must trust, if the server uses a development certificate.
    pub ca_file: Option<String>,
    /// Whether registration is open.
    pub registration_open: bool,
    /// Names and passwords of the demo users, in demo mode.
    pub demo_users: Vec<(String, String)>,
    /// The providers that people can log in with, in the order of the settings.
    pub providers: Vec<ProviderView>,
}

/// The message for a wrong password when the user is already logged in.
pub const WRONG_PASSWORD: Message = message!("Wrong password. Try again.");

/// The message for a wrong user or password on the login page. Programs get that of the refusal, which names their arguments.
pub const WRONG_LOGIN: Message = message!("Wrong user or password. Try again.");

/// A refused login attempt, which the login form shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLogin {
    /// The name that was typed.
    pub user_id: String,
    /// Whether "remember me" was ticked.
    pub remember: bool,
    /// The message to show.
    pub error: String,
    /// Whether the credentials were wrong. They may be right if, for example, there were too many attempts.
    pub is_wrong: bool,
}

impl RefusedLogin {
    /// A login that was refused. `wrong` is the message for wrong credentials.
    pub fn new(refusal: &Refusal, wrong: &Message) -> Self {
        let is_wrong = *refusal == Refusal::InvalidCredentials;
        Self {
            error: if is_wrong {
                wrong.to_string()
            } else {
                refusal.message().to_string()
            },
            is_wrong,
            ..Self::default()
        }
    }
}

/// The HTTP status of the page that is being rendered. Pages set it; the server reads it after rendering.
#[derive(Debug, Clone)]
pub struct PageStatus(Arc<AtomicU16>);

impl PageStatus {
    /// Starts with `status`.
    pub fn new(status: u16) -> Self {
        Self(Arc::new(AtomicU16::new(status)))
    }

    /// Changes the status.
    pub fn set(&self, status: u16) {
        self.0.store(status, Ordering::Relaxed);
    }

    /// Returns the status.
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }
}
