//! Settings, from the command line, `CALLGATE_…` variables, a TOML file and secure defaults, in this order of
//! precedence.
//!
//! `callgate settings` prints the doc comments of the fields, so they state meaning, unit and, if it is not a constant,
//! the default. Unknown keys and contradictions prevent the start. Settings are loaded once and passed on.

mod database;
mod log;
mod numbers;
pub mod origin;
mod providers;
mod proxies;
mod sections;
mod sources;
mod variables;

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use confique::{Config, toml::FormatOptions};

use self::variables::not_empty;
use crate::contract::login::NewPassword;

pub use self::{
    database::{Database, DatabaseUrl, Migrate},
    log::{Log, LogFormat},
    numbers::Count,
    providers::{
        Algorithm, AllowRule, ClientAuth, Fresh, Provider, ProviderKind, ProviderLogout, Provision, RoleRule, UserInfo,
    },
    proxies::{ForwardedHeader, Network},
    sections::{
        Audit, Http, Https, Limits, Listen, Passwords, Proxies, Registration, Sessions, Site, Throttle, address,
    },
    sources::Overrides,
    variables::log_ignored,
};

/// The settings of Callgate. Each setting is commented out and shows its default. To change one, remove the # and edit
/// the value.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Settings {
    /// Demo mode: adds the users user01, user02 and user03, whose passwords are public. Works on loopback addresses
    /// only.
    #[config(env = "CALLGATE_DEMO", default = false)]
    pub demo: bool,

    /// Folder of the SQLite database and of development certificates, created so that only its owner can read it. As with every path here, a relative path is
    /// relative to the settings file. In a variable or on the command line, it is relative to the working directory.
    #[config(env = "CALLGATE_DATA", parse_env = not_empty, default = "data")]
    pub data: PathBuf,

    /// The database.
    #[config(nested)]
    pub database: Database,

    /// The HTTPS listener.
    #[config(nested)]
    pub https: Https,

    /// The plain HTTP listener.
    #[config(nested)]
    pub http: Http,

    /// The site as visitors see it.
    #[config(nested)]
    pub site: Site,

    /// Sessions and remembered browsers.
    #[config(nested)]
    pub sessions: Sessions,

    /// Password rules and the cost of hashing (argon2id). A higher cost takes effect at each user's next login.
    #[config(nested)]
    pub passwords: Passwords,

    /// Rate limits for failed logins. Above a limit, every login is refused with 429, even with the right password.
    #[config(nested)]
    pub throttle: Throttle,

    /// Self-registration of users.
    #[config(nested)]
    pub registration: Registration,

    /// The audit log and the call log.
    #[config(nested)]
    pub audit: Audit,

    /// Reverse proxies in front of this server.
    #[config(nested)]
    pub proxies: Proxies,

    /// Limits on requests, calls and connections.
    #[config(nested)]
    pub limits: Limits,

    /// Providers of accounts that people log in with. Write them as `[[providers]]` sections; see the end of this file.
    #[config(default = [])]
    pub providers: Vec<Provider>,

    /// The log, which goes to standard error.
    #[config(nested)]
    pub log: Log,
}

/// All settings with meaning, default and variable, as a TOML file in which each setting is commented out.
pub fn template() -> String {
    // An empty list here would contradict the sections at the end.
    let settings = confique::toml::template::<Settings>(FormatOptions::default()).replace("#providers = []\n", "");
    settings + providers::TEMPLATE
}

impl Settings {
    /// Normalizes the origin and rejects contradictory settings. The error names the keys and the remedy.
    fn validated(mut self) -> anyhow::Result<Self> {
        if let Some(origin) = &mut self.site.origin {
            *origin = origin::normalize(origin)
                .context("site.origin must have the form https://name or https://name:port, without a path")?;
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> anyhow::Result<()> {
        let https = &self.https;
        ensure!(
            !self.demo || https.address.ip().is_loopback(),
            "demo: the demo users have public passwords, so a demo listens on loopback only; https.address is {}",
            https.address
        );
        ensure!(
            https.address.port() != 0,
            "https.address: port 0 is not allowed; choose a port"
        );
        ensure!(
            https.certificate.is_some() == https.key.is_some(),
            "https.certificate and https.key must be set together: set both, or neither"
        );
        ensure!(
            self.limits.connections.get() >= 2,
            "limits.connections must be at least 2: each of the two listeners needs one"
        );
        ensure!(
            self.passwords.max_wait_ms.duration() < self.limits.call_seconds.duration(),
            "passwords.max_wait_ms must be shorter than limits.call_seconds: a login would time out while it waits"
        );
        ensure!(
            self.throttle.account_delay_seconds <= self.throttle.account_max_delay_seconds,
            "throttle.account_delay_seconds must not be longer than throttle.account_max_delay_seconds, the longest wait"
        );
        let min_chars = NewPassword::MIN_CHARS..=64;
        ensure!(
            min_chars.contains(&self.passwords.min_chars),
            "passwords.min_chars must be from {} to {}: less is easy to guess, more is impractical",
            min_chars.start(),
            min_chars.end()
        );
        ensure!(
            !https.address.ip().is_unspecified() || self.site.origin.is_some(),
            "site.origin is required: https.address {} is not an address that visitors can use",
            https.address
        );
        ensure!(
            self.sessions.idle_seconds <= self.sessions.absolute_seconds,
            "sessions.idle_seconds must not be longer than sessions.absolute_seconds: it would have no effect"
        );
        self.database.check()?;
        ensure!(
            !self.database.is_shared() || self.site.origin.is_some() || https.address.ip().is_loopback(),
            "site.origin is required with database.url: all nodes are one site"
        );
        providers::check(&self.providers).map_err(anyhow::Error::msg)?;
        ensure!(
            self.providers.is_empty() || self.site.origin.is_some() || https.address.ip().is_loopback(),
            "site.origin is required with providers: they send people back to that address"
        );
        Ok(())
    }

    /// The public origin of the site, normalized.
    pub fn origin(&self) -> String {
        self.site.origin.clone().unwrap_or_else(|| self.listen_origin())
    }

    /// The origin of the HTTPS listener. It differs from [`Self::origin`] if `site.origin` is set.
    pub fn listen_origin(&self) -> String {
        origin::of_address(self.https.address)
    }

    /// The folder of the development certificate.
    pub fn certs(&self) -> PathBuf {
        let local = PathBuf::from("certs");
        match &self.https.certs {
            Some(folder) => folder.clone(),
            None if local.is_dir() => local,
            None => self.data.join("certs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use confique::meta::{FieldKind, Meta};

    use super::*;

    #[test]
    fn the_template_is_valid_toml_with_and_without_comment_signs() {
        type Layer = <Settings as Config>::Layer;
        let printed = template();
        toml::from_str::<Layer>(&printed).unwrap();
        let defaults: Vec<_> = printed
            .lines()
            .map(|line| match line.strip_prefix('#') {
                // A setting without a default has no value.
                Some(setting) if !setting.starts_with(' ') && !setting.ends_with('=') => setting,
                _ => line,
            })
            .collect();
        assert!(defaults.contains(&"idle_seconds = 1800"), "{printed}");
        toml::from_str::<Layer>(&defaults.join("\n")).unwrap();
    }

    #[test]
    fn every_setting_has_a_doc_comment_and_a_variable_named_after_its_key() {
        fn check(prefix: &str, meta: &'static Meta) {
            for field in meta.fields {
                let name = format!("{prefix}_{}", field.name.to_uppercase());
                assert!(!field.doc.is_empty(), "{name}");
                match field.kind {
                    // Sections of a list have no variables.
                    FieldKind::Leaf { env, .. } if field.name == "providers" => assert_eq!(env, None),
                    FieldKind::Leaf { env, .. } => assert_eq!(env, Some(name.as_str())),
                    FieldKind::Nested { meta } => check(&name, meta),
                }
            }
        }
        check("CALLGATE", &Settings::META);
    }
}
