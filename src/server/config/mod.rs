//! Settings: what an operator can choose, from the command line, from `CALLGATE_…` variables, from a TOML file, in this
//! order, over defaults that are safe.
//!
//! Each field says what it means, in which unit, and names its variable; `callgate settings` prints just that. Unknown
//! keys and contradictions refuse to start. Settings are passed on, never read from anywhere later.

mod log;
mod numbers;
pub mod origin;
mod proxies;
mod sections;
mod sources;
mod variables;

use std::path::PathBuf;

use confique::{Config, toml::FormatOptions};

use self::variables::not_empty;
use crate::contract::login::NewPassword;

pub use self::{
    log::{Log, LogFormat},
    numbers::Count,
    proxies::{ForwardedHeader, Network},
    sections::{
        Audit, Http, Https, Limits, Listen, Passwords, Proxies, Registration, Sessions, Site, Throttle, address,
    },
    sources::Overrides,
    variables::log_ignored,
};

/// The settings of Callgate. Each is commented out and shows its default: to change one, remove its # and write a value.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Settings {
    /// Run as a demo: users user01, user02 and user03 exist and have public passwords. Works on loopback only.
    #[config(env = "CALLGATE_DEMO", default = false)]
    pub demo: bool,

    /// The folder of the database. It is made for its owner only. Like every path in a settings file, a relative one counts
    /// from that file; in a variable or on the command line, from the working directory.
    #[config(env = "CALLGATE_DATA", parse_env = not_empty, default = "data")]
    pub data: PathBuf,

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

    /// How many logins may fail.
    #[config(nested)]
    pub throttle: Throttle,

    /// Whether people may add users for themselves.
    #[config(nested)]
    pub registration: Registration,

    /// The audit trail and the call log.
    #[config(nested)]
    pub audit: Audit,

    /// The proxies in front of this server.
    #[config(nested)]
    pub proxies: Proxies,

    /// How much is taken at once.
    #[config(nested)]
    pub limits: Limits,

    /// What is logged, to standard error.
    #[config(nested)]
    pub log: Log,
}

/// All settings with meaning, default and variable, as a TOML file in which each one is commented out.
pub fn print() -> String {
    confique::toml::template::<Settings>(FormatOptions::default())
}

impl Settings {
    /// The same with the origin in the spelling of browsers.
    ///
    /// # Errors
    /// What contradicts itself: names the keys and says what to do.
    fn checked(mut self) -> Result<Self, String> {
        if let Some(origin) = &mut self.site.origin {
            *origin = origin::spelled(origin)
                .ok_or("site.origin: write it as https://name or https://name:port, without a path")?;
        }
        self.check()?;
        Ok(self)
    }

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
        if https.address.port() == 0 {
            return Err("https.address: choose a port: with 0 nobody would know which".to_owned());
        }
        if https.certificate.is_some() != https.key.is_some() {
            return Err("https.certificate and https.key go together: set both, or neither".to_owned());
        }
        if self.limits.connections.get() < 2 {
            return Err("limits.connections must be at least 2: each of the two listeners needs one".to_owned());
        }
        if self.passwords.max_wait_ms.duration() >= self.limits.call() {
            return Err(
                "passwords.max_wait_ms is not shorter than limits.call_seconds: a login would be given up while it waits"
                    .to_owned(),
            );
        }
        if self.throttle.account_delay_seconds > self.throttle.account_max_delay_seconds {
            return Err(
                "throttle.account_delay_seconds is longer than throttle.account_max_delay_seconds: the first wait would \
                 already be longer than the longest"
                    .to_owned(),
            );
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

    /// The public address of the site, as browsers spell it.
    pub fn origin(&self) -> String {
        self.site.origin.clone().unwrap_or_else(|| self.listening())
    }

    /// The same of the HTTPS listener, wherever visitors may come in.
    pub fn listening(&self) -> String {
        origin::at(self.https.address)
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

#[cfg(test)]
mod tests {
    use confique::meta::{FieldKind, Meta};

    use super::*;

    #[test]
    fn the_printed_settings_are_a_file_with_and_without_the_number_signs() {
        type Layer = <Settings as Config>::Layer;
        let printed = print();
        toml::from_str::<Layer>(&printed).unwrap();
        let defaults: Vec<_> = printed
            .lines()
            .map(|line| match line.strip_prefix('#') {
                // What has no default ends there.
                Some(setting) if !setting.starts_with(' ') && !setting.ends_with('=') => setting,
                _ => line,
            })
            .collect();
        assert!(defaults.contains(&"idle_seconds = 1800"), "{printed}");
        toml::from_str::<Layer>(&defaults.join("\n")).unwrap();
    }

    #[test]
    fn every_setting_has_a_meaning_and_a_variable_named_after_its_key() {
        fn check(prefix: &str, meta: &'static Meta) {
            for field in meta.fields {
                let name = format!("{prefix}_{}", field.name.to_uppercase());
                assert!(!field.doc.is_empty(), "{name}");
                match field.kind {
                    FieldKind::Leaf { env, .. } => assert_eq!(env, Some(name.as_str())),
                    FieldKind::Nested { meta } => check(&name, meta),
                }
            }
        }
        check("CALLGATE", &Settings::META);
    }
}
