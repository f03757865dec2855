//! The sections of the settings. `callgate settings` prints the doc comments of the fields for operators.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use confique::{Config, env::parse::list_by_comma as comma_separated};
use serde::{Deserialize, Deserializer};

use super::{
    numbers::{Count, Days, Millis, Seconds, SecondsOrZero},
    proxies::{ForwardedHeader, Network},
    variables::not_empty,
};
use crate::contract::{Language, TimeZone};

/// The HTTPS listener.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Https {
    /// Address and port to listen on.
    #[config(env = "CALLGATE_HTTPS_ADDRESS", deserialize_with = deserialized_address, default = "127.0.0.1:8443")]
    pub address: SocketAddr,

    /// Certificate chain, a PEM file. Requires https.key. Default: the development certificate.
    #[config(env = "CALLGATE_HTTPS_CERTIFICATE", parse_env = not_empty)]
    pub certificate: Option<PathBuf>,

    /// Private key of https.certificate, a PEM file.
    #[config(env = "CALLGATE_HTTPS_KEY", parse_env = not_empty)]
    pub key: Option<PathBuf>,

    /// Folder of the development certificate. Default: certs in the working directory if that folder exists (`callgate
    /// cert` creates it), otherwise certs in the data folder.
    #[config(env = "CALLGATE_HTTPS_CERTS", parse_env = not_empty)]
    pub certs: Option<PathBuf>,

    /// Interval at which the certificate files are checked for changes, in seconds. SIGHUP triggers a check at once.
    #[config(env = "CALLGATE_HTTPS_RELOAD_SECONDS", default = 60)]
    pub reload_seconds: Seconds,

    /// Timeout of the TLS handshake, in seconds.
    #[config(env = "CALLGATE_HTTPS_HANDSHAKE_SECONDS", default = 5)]
    pub handshake_seconds: Seconds,

    /// Timeout for receiving the head of a request, from its first byte, in seconds.
    #[config(env = "CALLGATE_HTTPS_HEADER_SECONDS", default = 10)]
    pub header_seconds: Seconds,

    /// Timeout for receiving the body of a request, and for a client that stops reading a response, in seconds.
    #[config(env = "CALLGATE_HTTPS_BODY_SECONDS", default = 30)]
    pub body_seconds: Seconds,

    /// Idle timeout of a connection, in seconds. It is suspended while a function runs or a page is rendered. The
    /// header Keep-Alive announces it to clients and proxies.
    #[config(env = "CALLGATE_HTTPS_IDLE_SECONDS", default = 75)]
    pub idle_seconds: Seconds,

    /// Time at shutdown during which the server still accepts connections and answers calls while `/readyz` is 503, in
    /// seconds. Set it behind a load balancer, so that the balancer notices before connections are refused: at least the
    /// interval of its health check times the failures that it waits for, plus 1. A second signal ends this time. It has
    /// no effect on sockets that a supervisor keeps open.
    #[config(env = "CALLGATE_HTTPS_LINGER_SECONDS", default = 0)]
    pub linger_seconds: SecondsOrZero,

    /// Time for running calls to finish at shutdown, in seconds.
    #[config(env = "CALLGATE_HTTPS_DRAIN_SECONDS", default = 25)]
    pub drain_seconds: Seconds,

    /// Grace period at shutdown, before `drain_seconds` begins, in milliseconds. Idle keep-alive connections stay open
    /// during it, so that a request that a client is just sending does not fail.
    #[config(env = "CALLGATE_HTTPS_FAREWELL_MS", default = 500)]
    pub farewell_ms: Millis,
}

/// The plain HTTP listener, which redirects to HTTPS and answers health checks.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Http {
    /// Address and port to listen on, or "off".
    #[config(env = "CALLGATE_HTTP_ADDRESS", default = "127.0.0.1:8080")]
    pub address: Listen,
}

/// The site as visitors see it.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Site {
    /// Public address, such as `https://calls.example`. Required if https.address means all interfaces, such as
    /// 0.0.0.0:443. Default: https.address, with localhost for 127.0.0.1.
    #[config(env = "CALLGATE_SITE_ORIGIN", parse_env = not_empty)]
    pub origin: Option<String>,

    /// Language of pages and refusals for clients that ask for none: "en" or "ko". Browsers ask for theirs, and everybody can
    /// choose one on each page.
    #[config(env = "CALLGATE_SITE_LANGUAGE", default = "en")]
    pub language: Language,

    /// Time zone of the times on pages, by its name in the IANA database, such as "Asia/Seoul". The log, the command line and
    /// JSON have UTC. Its rules come from the system's time zone data, or from the program if the system has none.
    #[config(env = "CALLGATE_SITE_TIME_ZONE", default = "UTC")]
    pub time_zone: TimeZone,

    /// Folder with the browser part. Default: the browser part in the program. A development build contains none and
    /// uses the folder site beside its own folder.
    #[config(env = "CALLGATE_SITE_FILES", parse_env = not_empty)]
    pub files: Option<PathBuf>,
}

/// Sessions and remembered browsers.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Sessions {
    /// Lifetime of a session without calls, in seconds.
    #[config(env = "CALLGATE_SESSIONS_IDLE_SECONDS", default = 1800)]
    pub idle_seconds: Seconds,

    /// Maximum lifetime of a session, in seconds.
    #[config(env = "CALLGATE_SESSIONS_ABSOLUTE_SECONDS", default = 43200)]
    pub absolute_seconds: Seconds,

    /// Time during which a browser stays remembered, in seconds.
    #[config(env = "CALLGATE_SESSIONS_REMEMBER_SECONDS", default = 2_592_000)]
    pub remember_seconds: Seconds,

    /// Time during which a login counts as fresh after the password was entered, in seconds.
    #[config(env = "CALLGATE_SESSIONS_FRESH_SECONDS", default = 600)]
    pub fresh_seconds: Seconds,

    /// Maximum number of sessions of a user, and of remembered browsers. A further login ends the session that was used
    /// longest ago. A further remembered browser replaces the one that was used longest ago, with its sessions; one
    /// that never came back after its login goes first. A browser that stays remembered is logged in again. Programs
    /// that share a user and log in for each run should log out afterwards.
    #[config(env = "CALLGATE_SESSIONS_PER_USER", default = 100)]
    pub per_user: Count<u32>,

    /// Number of sessions that are cached in memory, so that their calls need no query. 1,000 sessions take about 0.5
    /// MB.
    #[config(env = "CALLGATE_SESSIONS_IN_MEMORY", default = 10_000)]
    pub in_memory: usize,

    /// Interval at which expired rows are removed from the database, in seconds.
    #[config(env = "CALLGATE_SESSIONS_SWEEP_SECONDS", default = 60)]
    pub sweep_seconds: Seconds,
}

/// Password rules and the cost of hashing (argon2id).
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Passwords {
    /// Minimum length of a new password, in characters: 15 if the password is the only factor; 8 is enough if something
    /// in front of Callgate requires a second factor (NIST SP 800-63B).
    #[config(env = "CALLGATE_PASSWORDS_MIN_CHARS", default = 15)]
    pub min_chars: usize,

    /// Memory of a hash, in KiB. OWASP recommends at least 19456 with two passes.
    #[config(env = "CALLGATE_PASSWORDS_MEMORY_KIB", default = 19456)]
    pub memory_kib: u32,

    /// Passes over the memory (argon2 parameter t).
    #[config(env = "CALLGATE_PASSWORDS_ITERATIONS", default = 2)]
    pub iterations: u32,

    /// Lanes (argon2 parameter p).
    #[config(env = "CALLGATE_PASSWORDS_PARALLELISM", default = 1)]
    pub parallelism: u32,

    /// Number of passwords that are hashed at the same time; others wait. Set it to the number of cores.
    #[config(env = "CALLGATE_PASSWORDS_PERMITS", default = 2)]
    pub permits: Count<usize>,

    /// Time that a login waits for hashing to begin, in milliseconds. After that, it is refused with 503 and
    /// Retry-After. Must be shorter than `limits.call_seconds`.
    #[config(env = "CALLGATE_PASSWORDS_MAX_WAIT_MS", default = 600)]
    pub max_wait_ms: Millis,
}

/// Rate limits for failed logins.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Throttle {
    /// Number of failed logins allowed from one address (IPv6: one /64) within `address_seconds`.
    #[config(env = "CALLGATE_THROTTLE_ADDRESS_FAILURES", default = 10)]
    pub address_failures: Count<usize>,

    /// Time during which a failed login counts against its address, in seconds.
    #[config(env = "CALLGATE_THROTTLE_ADDRESS_SECONDS", default = 60)]
    pub address_seconds: Seconds,

    /// Number of failed logins in a row for one account before the next one has to wait.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_FAILURES", default = 5)]
    pub account_failures: Count<usize>,

    /// First wait, in seconds. Each further failure doubles it.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_DELAY_SECONDS", default = 300)]
    pub account_delay_seconds: Seconds,

    /// Longest wait, in seconds.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_MAX_DELAY_SECONDS", default = 900)]
    pub account_max_delay_seconds: Seconds,

    /// Number of failed logins in a row allowed for one account within 24 hours. NIST SP 800-63B allows at most 100.
    #[config(env = "CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES", default = 100)]
    pub account_day_failures: Count<usize>,

    /// Maximum number of stored failed logins, with two entries each. The oldest are removed first. A million take
    /// about 260 MB.
    #[config(env = "CALLGATE_THROTTLE_STORED_FAILURES", default = 1_000_000)]
    pub stored_failures: Count<i64>,
}

/// Reverse proxies in front of this server.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Proxies {
    /// Trusted proxies, which may forward the client IP: addresses, or networks such as "10.0.0.0/8". In the variable,
    /// separate them with commas. The header is ignored if it comes from any other address.
    #[config(env = "CALLGATE_PROXIES_TRUSTED", parse_env = comma_separated, default = [])]
    pub trusted: Vec<Network>,

    /// Header in which a proxy forwards the client IP. Only "x-forwarded-for" is supported; the proxy must append to
    /// it.
    #[config(env = "CALLGATE_PROXIES_HEADER", default = "x-forwarded-for")]
    pub header: ForwardedHeader,
}

/// Limits on requests, calls and connections.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Limits {
    /// Maximum size of a request body, in bytes.
    #[config(env = "CALLGATE_LIMITS_BODY_BYTES", default = 65536)]
    pub body_bytes: Count<u64>,

    /// Timeout of a call (guard and function, without receiving the body) and of rendering a page, in seconds. After
    /// that, it is cancelled and answered with 503. Must be longer than a login takes: the wait
    /// (`passwords.max_wait_ms`) and the hashing.
    #[config(env = "CALLGATE_LIMITS_CALL_SECONDS", default = 20)]
    pub call_seconds: Seconds,

    /// Maximum number of open connections; further ones wait in the system's queue. Lower if the system's limit on open
    /// files allows fewer.
    #[config(env = "CALLGATE_LIMITS_CONNECTIONS", default = 4096)]
    pub connections: Count<usize>,

    /// Maximum number of open connections from one address (IPv6: one /64); further ones are closed. Trusted proxies
    /// are exempt.
    #[config(env = "CALLGATE_LIMITS_CONNECTIONS_PER_ADDRESS", default = 1024)]
    pub connections_per_address: Count<usize>,

    /// Number of calls by forms that are stored per minute, for one user, or for one address (IPv6: one /64) without a
    /// login. Above it, the reply of a call is rendered directly, and a call that needs a login first is refused with
    /// 503.
    #[config(env = "CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", default = 120)]
    pub kept_calls_per_minute: Count<u32>,
}

/// Self-registration of users.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Registration {
    /// Whether anybody may register, once there is a first user. A registered user has no role. The server appends
    /// random letters to the name.
    #[config(env = "CALLGATE_REGISTRATION_OPEN", default = false)]
    pub open: bool,
}

/// The audit log and the call log.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Audit {
    /// Retention of both logs, in days.
    #[config(env = "CALLGATE_AUDIT_RETENTION_DAYS", default = 365)]
    pub retention_days: Days,

    /// Maximum number of entries in the call log. The oldest are removed first. At most half are from callers without a
    /// login. A million entries take about 300 MB.
    #[config(env = "CALLGATE_AUDIT_MOST_CALLS", default = 1_000_000)]
    pub most_calls: Count<u32>,
}

/// Parses an address to listen on. The error shows the expected form.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an address with a port, such as 127.0.0.1:8443 or 0.0.0.0:8443"))
}

fn deserialized_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    address(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The address of a listener that can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    Off,
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
