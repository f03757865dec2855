//! Settings: what an operator can choose, from the command line, from `CALLGATE_…` variables, from a TOML file, in this
//! order, over defaults that are safe.
//!
//! Each field says what it means, in which unit, and names its variable; `callgate settings` prints just that. Unknown
//! keys and contradictions refuse to start. Settings are passed on, never read from anywhere later.

mod print;
mod sources;

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use confique::Config;
use serde::Deserialize;

use crate::contract::login::NewPassword;

pub use self::{print::print, sources::Overrides};

/// The longest time that is taken, in seconds: far from where adding it to a moment overflows.
const TEN_YEARS: u64 = 10 * 365 * 24 * 60 * 60;

/// All settings.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Settings {
    /// Run as a demo: users user01, user02 and user03 exist and have public passwords. Works on loopback only.
    #[config(env = "CALLGATE_DEMO", default = false)]
    pub demo: bool,

    /// The folder of the database. It is made for its owner only.
    #[config(env = "CALLGATE_DATA", default = "data")]
    pub data: PathBuf,

    /// What is logged: error, warn, info, debug or trace; or a filter such as "info,callgate=debug".
    #[config(env = "CALLGATE_LOG", default = "info")]
    pub log: String,

    /// The HTTPS listener.
    #[config(nested)]
    pub https: Https,

    /// The plain HTTP listener.
    #[config(nested)]
    pub http: Http,

    /// The site as its visitors know it.
    #[config(nested)]
    pub site: Site,

    /// How long people stay logged in.
    #[config(nested)]
    pub sessions: Sessions,

    /// What hashing a password costs.
    #[config(nested)]
    pub passwords: Passwords,

    /// How much is taken at once.
    #[config(nested)]
    pub limits: Limits,
}

/// The HTTPS listener.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Https {
    /// The address to listen on.
    #[config(env = "CALLGATE_HTTPS_ADDRESS", default = "127.0.0.1:8443")]
    pub address: SocketAddr,

    /// The certificate chain to show, a PEM file. Needs https.key. Without both, the development certificate is used.
    #[config(env = "CALLGATE_HTTPS_CERTIFICATE")]
    pub certificate: Option<PathBuf>,

    /// The private key of the certificate, a PEM file.
    #[config(env = "CALLGATE_HTTPS_KEY")]
    pub key: Option<PathBuf>,

    /// The folder of the development certificate that `callgate cert` makes. Without it: certs in the working directory
    /// if there is such a folder, otherwise certs in the data folder.
    #[config(env = "CALLGATE_HTTPS_CERTS")]
    pub certs: Option<PathBuf>,

    /// How long a TLS handshake may take, in seconds.
    #[config(env = "CALLGATE_HTTPS_HANDSHAKE_SECONDS", default = 5)]
    pub handshake_seconds: u64,

    /// How long the head of a request may take, in seconds.
    #[config(env = "CALLGATE_HTTPS_HEADER_SECONDS", default = 10)]
    pub header_seconds: u64,

    /// How long the body of a request may take, in seconds.
    #[config(env = "CALLGATE_HTTPS_BODY_SECONDS", default = 30)]
    pub body_seconds: u64,

    /// How long a connection may stay silent, in seconds.
    #[config(env = "CALLGATE_HTTPS_IDLE_SECONDS", default = 60)]
    pub idle_seconds: u64,

    /// How long calls under way may take when the server stops, in seconds.
    #[config(env = "CALLGATE_HTTPS_DRAIN_SECONDS", default = 25)]
    pub drain_seconds: u64,
}

/// The plain HTTP listener, which only leads to HTTPS.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Http {
    /// The address to listen on, or "off".
    #[config(env = "CALLGATE_HTTP_ADDRESS", default = "127.0.0.1:8080")]
    pub address: Listen,
}

/// The site as its visitors know it.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Site {
    /// The public address, such as `https://calls.example`. Without it: localhost with the port, or the listening
    /// address where that is not loopback.
    #[config(env = "CALLGATE_SITE_ORIGIN")]
    pub origin: Option<String>,

    /// The folder of the browser part. Without it: the folder site beside the program's own folder.
    #[config(env = "CALLGATE_SITE_FILES")]
    pub files: Option<PathBuf>,
}

/// How long people stay logged in.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Sessions {
    /// After how many seconds without a call a session is over.
    #[config(env = "CALLGATE_SESSIONS_IDLE_SECONDS", default = 1800)]
    pub idle_seconds: u64,

    /// After how many seconds a session is over, used or not.
    #[config(env = "CALLGATE_SESSIONS_ABSOLUTE_SECONDS", default = 43200)]
    pub absolute_seconds: u64,

    /// For how many seconds a remembered browser is logged in again.
    #[config(env = "CALLGATE_SESSIONS_REMEMBER_SECONDS", default = 2_592_000)]
    pub remember_seconds: u64,

    /// For how many seconds after the password was given a login counts as fresh.
    #[config(env = "CALLGATE_SESSIONS_FRESH_SECONDS", default = 600)]
    pub fresh_seconds: u64,

    /// How often what is over is removed from the database, in seconds.
    #[config(env = "CALLGATE_SESSIONS_SWEEP_SECONDS", default = 60)]
    pub sweep_seconds: u64,
}

/// What passwords must be, and what hashing one costs (argon2id). Raising a cost takes effect for each user at the next
/// login.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Passwords {
    /// The fewest characters of a new password. 15 where it is all that a login asks for; 8 may do where something in
    /// front of Callgate asks for a second factor (NIST SP 800-63B).
    #[config(env = "CALLGATE_PASSWORDS_MIN_CHARS", default = 15)]
    pub min_chars: usize,

    /// Memory, in KiB. OWASP asks for at least 19456 with two passes.
    #[config(env = "CALLGATE_PASSWORDS_MEMORY_KIB", default = 19456)]
    pub memory_kib: u32,

    /// Passes over the memory.
    #[config(env = "CALLGATE_PASSWORDS_ITERATIONS", default = 2)]
    pub iterations: u32,

    /// Lanes.
    #[config(env = "CALLGATE_PASSWORDS_PARALLELISM", default = 1)]
    pub parallelism: u32,

    /// How many passwords are hashed at once; the others wait. About one per core.
    #[config(env = "CALLGATE_PASSWORDS_PERMITS", default = 2)]
    pub permits: usize,

    /// How long a login waits for its turn, in milliseconds, before it is told to come back.
    #[config(env = "CALLGATE_PASSWORDS_MAX_WAIT_MS", default = 2000)]
    pub max_wait_ms: u64,
}

/// How much is taken at once.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Limits {
    /// The largest body of a call, in bytes.
    #[config(env = "CALLGATE_LIMITS_BODY_BYTES", default = 65536)]
    pub body_bytes: u64,
}

/// Where to listen, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Nowhere.
    Off,
    /// There.
    On(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            text => text
                .parse()
                .map(Self::On)
                .map_err(|_| format!("\"{text}\" is neither an address such as 127.0.0.1:8080 nor \"off\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Sessions {
    /// The idle limit.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// The absolute limit.
    pub fn absolute(&self) -> Duration {
        Duration::from_secs(self.absolute_seconds)
    }

    /// How long a login is fresh.
    pub fn fresh(&self) -> Duration {
        Duration::from_secs(self.fresh_seconds)
    }

    /// How long a browser is remembered.
    pub fn remember(&self) -> Duration {
        Duration::from_secs(self.remember_seconds)
    }
}

impl Settings {
    /// Refuses what contradicts itself.
    ///
    /// # Errors
    /// Names the keys and says what to do.
    fn check(&self) -> Result<(), String> {
        let https = &self.https;
        if self.demo && !https.address.ip().is_loopback() {
            return Err(format!(
                "demo: the demo users have public passwords, so a demo listens on loopback only; https.address is {}",
                https.address
            ));
        }
        if https.certificate.is_some() != https.key.is_some() {
            return Err("https.certificate and https.key go together: set both, or neither".to_owned());
        }
        if self.site.origin.as_deref().is_some_and(|origin| !is_origin(origin)) {
            return Err("site.origin: write it as https://name or https://name:port, without a path".to_owned());
        }
        let numbers = [
            ("https.handshake_seconds", https.handshake_seconds),
            ("https.header_seconds", https.header_seconds),
            ("https.body_seconds", https.body_seconds),
            ("https.idle_seconds", https.idle_seconds),
            ("https.drain_seconds", https.drain_seconds),
            ("sessions.idle_seconds", self.sessions.idle_seconds),
            ("sessions.absolute_seconds", self.sessions.absolute_seconds),
            ("sessions.remember_seconds", self.sessions.remember_seconds),
            ("sessions.fresh_seconds", self.sessions.fresh_seconds),
            ("sessions.sweep_seconds", self.sessions.sweep_seconds),
            ("passwords.permits", self.passwords.permits as u64),
            ("limits.body_bytes", self.limits.body_bytes),
        ];
        if let Some((key, _)) = numbers.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key} must be at least 1"));
        }
        if let Some((key, _)) = numbers
            .iter()
            .find(|(key, value)| key.ends_with("_seconds") && *value > TEN_YEARS)
        {
            return Err(format!("{key} must be at most {TEN_YEARS}, which is ten years"));
        }
        let min_chars = NewPassword::FEWEST_CHARS..=64;
        if !min_chars.contains(&self.passwords.min_chars) {
            return Err(format!(
                "passwords.min_chars must be from {} to {}: fewer are guessed, and more are not asked of people",
                min_chars.start(),
                min_chars.end()
            ));
        }
        if https.address.ip().is_unspecified() && self.site.origin.is_none() {
            return Err(format!(
                "site.origin: https.address {} is no address that a visitor could use; say what the site is called",
                https.address
            ));
        }
        if self.sessions.idle_seconds > self.sessions.absolute_seconds {
            return Err(
                "sessions.idle_seconds is longer than sessions.absolute_seconds: it would never take effect".to_owned(),
            );
        }
        Ok(())
    }

    /// The public address of the site, without a slash at the end.
    pub fn origin(&self) -> String {
        let address = self.https.address;
        match &self.site.origin {
            Some(origin) => origin.clone(),
            None if address.ip().is_loopback() => format!("https://localhost:{}", address.port()),
            None => format!("https://{address}"),
        }
    }

    /// The folder of the development certificate.
    pub fn certs(&self) -> PathBuf {
        let here = PathBuf::from("certs");
        match &self.https.certs {
            Some(folder) => folder.clone(),
            None if here.is_dir() => here,
            None => self.data.join("certs"),
        }
    }
}

fn is_origin(text: &str) -> bool {
    text.strip_prefix("https://").is_some_and(|host| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    })
}
