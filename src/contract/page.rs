//! What the server hands a page besides the functions that it calls: facts of this one request.

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::kept_call::KeptCall;

/// Facts of the request that a page is rendered for. Empty in a browser that goes from page to page by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFacts {
    /// The call whose reply this page shows.
    pub kept_call: Option<Packed<KeptCall>>,
    /// The login attempt that was just refused.
    pub refused_login: Option<RefusedLogin>,
    /// What holds for every page.
    pub site: SiteFacts,
}

/// Something as JSON in a string: what every page carries, and only one of them needs to know how to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Packed<T> {
    json: String,
    #[serde(skip)]
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Packed<T> {
    /// Packs it. `None` where it cannot be JSON.
    pub fn new(of: &T) -> Option<Self> {
        let json = serde_json::to_string(of).ok()?;
        Some(Self { json, of: PhantomData })
    }

    /// Unpacks it. `None` where the server is of another version than the page.
    pub fn open(&self) -> Option<T> {
        serde_json::from_str(&self.json).ok()
    }
}

/// Facts of the site that pages show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteFacts {
    /// The fewest characters of a new password.
    pub password_chars: usize,
    /// The public address of this site, without a slash at the end.
    pub origin: String,
    /// The certificate that programs must trust, where it is a development certificate.
    pub ca_file: Option<String>,
    /// Whether anybody may register.
    #[serde(default)]
    pub registration_open: bool,
    /// Name and password of the demo users, where this is a demo.
    pub demo_users: Vec<(String, String)>,
}

/// A login attempt that was refused: what to show beside the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedLogin {
    /// The name that was typed.
    pub user_id: String,
    /// Whether the box was ticked.
    pub remember: bool,
    /// The sentence to show.
    pub error: String,
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
