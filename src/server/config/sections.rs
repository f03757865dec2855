//! The sections of the settings, each setting with its meaning, unit, variable and default.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use confique::{Config, env::parse::list_by_comma as comma_separated};
use serde::{Deserialize, Deserializer};

use super::{
    numbers::{Count, Days, Millis, Seconds},
    proxies::{ForwardedHeader, Network},
    variables::not_empty,
};

/// The HTTPS listener.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Https {
    /// The address to listen on.
    #[config(env = "CALLGATE_HTTPS_ADDRESS", deserialize_with = deserialized_address, default = "127.0.0.1:8443")]
    pub address: SocketAddr,

    /// The certificate chain to show, a PEM file. Needs https.key. Without both, the development certificate is used.
    #[config(env = "CALLGATE_HTTPS_CERTIFICATE", parse_env = not_empty)]
    pub certificate: Option<PathBuf>,

    /// The private key of the certificate, a PEM file.
    #[config(env = "CALLGATE_HTTPS_KEY", parse_env = not_empty)]
    pub key: Option<PathBuf>,

    /// The folder of the development certificate. Without it: certs in the working directory, where `callgate cert` makes
    /// one, if there is such a folder; otherwise certs in the data folder.
    #[config(env = "CALLGATE_HTTPS_CERTS", parse_env = not_empty)]
    pub certs: Option<PathBuf>,

    /// How often the certificate is looked at, in seconds: a renewed one is used from then on. SIGHUP has it looked at
    /// once.
    #[config(env = "CALLGATE_HTTPS_RELOAD_SECONDS", default = 60)]
    pub reload_seconds: Seconds,

    /// How long a TLS handshake may take, in seconds.
    #[config(env = "CALLGATE_HTTPS_HANDSHAKE_SECONDS", default = 5)]
    pub handshake_seconds: Seconds,

    /// How long the head of a request may take, from its first byte, in seconds.
    #[config(env = "CALLGATE_HTTPS_HEADER_SECONDS", default = 10)]
    pub header_seconds: Seconds,

    /// How long the body of a request may take, and how long a client may take nothing of an answer, in seconds.
    #[config(env = "CALLGATE_HTTPS_BODY_SECONDS", default = 30)]
    pub body_seconds: Seconds,

    /// How long a connection may be idle, in seconds, unless a function runs or a page is rendered for it. Programs and proxies that
    /// keep connections learn it from the header `Keep-Alive`.
    #[config(env = "CALLGATE_HTTPS_IDLE_SECONDS", default = 75)]
    pub idle_seconds: Seconds,

    /// How long calls under way may take when the server stops, in seconds.
    #[config(env = "CALLGATE_HTTPS_DRAIN_SECONDS", default = 25)]
    pub drain_seconds: Seconds,

    /// For how many milliseconds before that a kept connection may still bring a last request: a client that is just sending
    /// one finds no closed connection.
    #[config(env = "CALLGATE_HTTPS_FAREWELL_MS", default = 500)]
    pub farewell_ms: Millis,
}

/// The plain HTTP listener, which leads to HTTPS and tells of health.
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
    /// address where that is not 127.0.0.1.
    #[config(env = "CALLGATE_SITE_ORIGIN", parse_env = not_empty)]
    pub origin: Option<String>,

    /// A folder with another browser part than the one in the program. A program that has none, as a development build, looks
    /// for the folder site beside its own folder.
    #[config(env = "CALLGATE_SITE_FILES", parse_env = not_empty)]
    pub files: Option<PathBuf>,
}

/// How long people stay logged in.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Sessions {
    /// After how many seconds without a call a session is over.
    #[config(env = "CALLGATE_SESSIONS_IDLE_SECONDS", default = 1800)]
    pub idle_seconds: Seconds,

    /// After how many seconds a session is over, used or not.
    #[config(env = "CALLGATE_SESSIONS_ABSOLUTE_SECONDS", default = 43200)]
    pub absolute_seconds: Seconds,

    /// For how many seconds a remembered browser is logged in again.
    #[config(env = "CALLGATE_SESSIONS_REMEMBER_SECONDS", default = 2_592_000)]
    pub remember_seconds: Seconds,

    /// For how many seconds after the password was given a login counts as fresh.
    #[config(env = "CALLGATE_SESSIONS_FRESH_SECONDS", default = 600)]
    pub fresh_seconds: Seconds,

    /// How many sessions a user may have, and how many remembered browsers. One more session ends the one that was used longest
    /// ago; one more browser has the one forgotten that was, with its sessions, and first of all one that was not used again
    /// after its login. A browser that stays remembered is logged in again. Programs that share a user and log in at each run
    /// should log out at its end.
    #[config(env = "CALLGATE_SESSIONS_PER_USER", default = 100)]
    pub per_user: Count<u32>,

    /// How many sessions that are in use are kept in memory, so that their calls need not ask the database. A thousand take
    /// about half a megabyte.
    #[config(env = "CALLGATE_SESSIONS_IN_MEMORY", default = 10_000)]
    pub in_memory: usize,

    /// How often what is over is removed from the database, in seconds.
    #[config(env = "CALLGATE_SESSIONS_SWEEP_SECONDS", default = 60)]
    pub sweep_seconds: Seconds,
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
    pub permits: Count<usize>,

    /// How long a login waits for its turn, in milliseconds, before it is told to come back.
    #[config(env = "CALLGATE_PASSWORDS_MAX_WAIT_MS", default = 600)]
    pub max_wait_ms: Millis,
}

/// How many logins may fail. What is too many is refused with 429, at all doors, even with the right password.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Throttle {
    /// How many logins may fail from one address (IPv6: one /64) within so many seconds as
    /// `throttle.address_seconds` says.
    #[config(env = "CALLGATE_THROTTLE_ADDRESS_FAILURES", default = 10)]
    pub address_failures: Count<usize>,

    /// For how many seconds a failed login counts against its address.
    #[config(env = "CALLGATE_THROTTLE_ADDRESS_SECONDS", default = 60)]
    pub address_seconds: Seconds,

    /// How many logins to one account may fail in a row before the next one has to wait.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_FAILURES", default = 5)]
    pub account_failures: Count<usize>,

    /// How long it then has to wait, in seconds. Each further failure doubles it.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_DELAY_SECONDS", default = 300)]
    pub account_delay_seconds: Seconds,

    /// The longest wait, in seconds.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_MAX_DELAY_SECONDS", default = 900)]
    pub account_max_delay_seconds: Seconds,

    /// How many logins to one account may fail in a row within 24 hours. NIST SP 800-63B asks for 100 at the most.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES", default = 100)]
    pub account_day_failures: Count<usize>,

    /// How many failed logins are stored at the most, two entries for each; the oldest go first. A million take about
    /// 260 MB.
    #[config(env = "CALLGATE_THROTTLE_STORED_FAILURES", default = 1_000_000)]
    pub stored_failures: Count<i64>,
}

/// The proxies in front of this server.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Proxies {
    /// Which proxies are believed when they say where a request came from: addresses or networks such as "10.0.0.0/8"; in
    /// the variable with commas in between. From anybody else such headers are ignored.
    #[config(env = "CALLGATE_PROXIES_TRUSTED", parse_env = comma_separated, default = [])]
    pub trusted: Vec<Network>,

    /// The header in which they say so: "x-forwarded-for", to which the proxy has to add. No other header is supported.
    #[config(env = "CALLGATE_PROXIES_HEADER", default = "x-forwarded-for")]
    pub header: ForwardedHeader,
}

/// How much is taken at once.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Limits {
    /// The largest body of a call, in bytes.
    #[config(env = "CALLGATE_LIMITS_BODY_BYTES", default = 65536)]
    pub body_bytes: Count<u64>,

    /// How long a call may take, guard and function together but without the arrival of its body, and a page, in seconds. Then
    /// it is given up, and the answer is 503. Longer than a login may take, waiting (`passwords.max_wait_ms`) and hashing, or
    /// right passwords are of no use.
    #[config(env = "CALLGATE_LIMITS_CALL_SECONDS", default = 20)]
    pub call_seconds: Seconds,

    /// How many connections may be open at once; further ones wait in the system's queue. Fewer where the system's limit
    /// on open files leaves room for fewer.
    #[config(env = "CALLGATE_LIMITS_CONNECTIONS", default = 4096)]
    pub connections: Count<usize>,

    /// How many of them one address may have open (a /64 of IPv6); further ones are closed. Those of trusted proxies are not
    /// counted.
    #[config(env = "CALLGATE_LIMITS_CONNECTIONS_PER_ADDRESS", default = 1024)]
    pub connections_per_address: Count<usize>,

    /// How many calls by forms are kept within a minute for one user, or for one address (a /64 of IPv6) where nobody is
    /// logged in. Of a further one that has run the reply is shown at once; one that wants a login first is refused with 503.
    #[config(env = "CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", default = 120)]
    pub kept_calls_per_minute: Count<u32>,
}

/// Whether people may add users for themselves.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Registration {
    /// Whether anybody may register, once there is a first user. Who registers has no role, and a name that the server has ended
    /// with random letters.
    #[config(env = "CALLGATE_REGISTRATION_OPEN", default = false)]
    pub open: bool,
}

/// The audit trail and the call log.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Audit {
    /// For how many days both are kept; at least one.
    #[config(env = "CALLGATE_AUDIT_RETENTION_DAYS", default = 365)]
    pub retention_days: Days,
    /// How many lines of the call log are kept at most, the latest; no more than half of them of callers who are not logged
    /// in. A million take about 300 MB.
    #[config(env = "CALLGATE_AUDIT_MOST_CALLS", default = 1_000_000)]
    pub most_calls: Count<u32>,
}

/// An address to listen on.
///
/// # Errors
/// Says how one is written.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an address with a port, such as 127.0.0.1:8443 or 0.0.0.0:8443"))
}

fn deserialized_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    address(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
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
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Audit {
    /// How long both are kept.
    pub fn retention(&self) -> Duration {
        self.retention_days.duration()
    }
}

impl Limits {
    /// How long a function may run.
    pub fn call(&self) -> Duration {
        self.call_seconds.duration()
    }
}

impl Sessions {
    /// The idle limit.
    pub fn idle(&self) -> Duration {
        self.idle_seconds.duration()
    }

    /// The absolute limit.
    pub fn absolute(&self) -> Duration {
        self.absolute_seconds.duration()
    }

    /// How long a login is fresh.
    pub fn fresh(&self) -> Duration {
        self.fresh_seconds.duration()
    }

    /// How long a browser is remembered.
    pub fn remember(&self) -> Duration {
        self.remember_seconds.duration()
    }
}
