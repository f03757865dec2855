//! Loads settings: the command line overrides variables, which override the file, which overrides the defaults.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use confique::{Config as _, Layer as _};

use super::{Listen, LogFormat, Settings, variables};

type SettingsLayer = <Settings as confique::Config>::Layer;

/// Settings from the command line.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// Settings file (TOML); also `CALLGATE_SETTINGS`
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Folder of the database; also `CALLGATE_DATA` (default: data)
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Folder of the development certificate; also `CALLGATE_HTTPS_CERTS` (default: certs, or certs in the
    /// data folder if that does not exist)
    #[arg(long, global = true, value_name = "DIR")]
    pub certs: Option<PathBuf>,

    // The options of `serve`.
    #[arg(skip)]
    pub demo: bool,
    #[arg(skip)]
    pub https: Option<SocketAddr>,
    #[arg(skip)]
    pub http: Option<Listen>,
    #[arg(skip)]
    pub log: Option<LogFormat>,
}

impl Settings {
    pub fn defaults() -> anyhow::Result<Self> {
        Ok(Self::from_layer(SettingsLayer::default_values())?)
    }

    /// Loads the settings from all sources.
    ///
    /// # Errors
    /// Unknown keys and variables, invalid values and contradictions. The error names the setting.
    pub fn load(overrides: &Overrides) -> anyhow::Result<Self> {
        variables::reject_unknown()?;
        let from_variables = SettingsLayer::from_env().map_err(variable_error)?;
        let file = match overrides.settings.clone().or_else(variables::file) {
            Some(file) => read(&file)?,
            None => SettingsLayer::empty(),
        };
        let layers = command_line(overrides)
            .with_fallback(from_variables)
            .with_fallback(file)
            .with_fallback(SettingsLayer::default_values());
        Self::from_layer(layers)?.validated()
    }

    /// Loads the settings from one file only, without variables.
    pub fn from_file(file: &Path) -> anyhow::Result<Self> {
        let layers = read(file)?.with_fallback(SettingsLayer::default_values());
        Self::from_layer(layers)?.validated()
    }
}

fn command_line(overrides: &Overrides) -> SettingsLayer {
    let mut layer = SettingsLayer::empty();
    layer.demo = overrides.demo.then_some(true);
    layer.data.clone_from(&overrides.data);
    layer.https.certs.clone_from(&overrides.certs);
    layer.https.address = overrides.https;
    layer.http.address = overrides.http;
    layer.log.format = overrides.log;
    layer
}

fn read(file: &Path) -> anyhow::Result<SettingsLayer> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read the settings file {}", file.display()))?;
    let mut layer = parse(&text).with_context(|| format!("the settings file {} is invalid", file.display()))?;
    // Paths in a file are relative to the file, not to the working directory.
    let folder = file.parent().unwrap_or(Path::new(""));
    let paths = [
        &mut layer.data,
        &mut layer.https.certificate,
        &mut layer.https.key,
        &mut layer.https.certs,
        &mut layer.site.files,
        &mut layer.database.url_file,
        &mut layer.database.ca_file,
        &mut layer.database.certificate_file,
        &mut layer.database.key_file,
    ];
    for path in paths.into_iter().flatten() {
        *path = folder.join(&*path);
    }
    for provider in layer.providers.iter_mut().flatten() {
        for path in [&mut provider.client_secret_file, &mut provider.ca_file] {
            *path = path.take().map(|path| folder.join(path));
        }
    }
    Ok(layer)
}

fn parse(text: &str) -> anyhow::Result<SettingsLayer> {
    toml::from_str(text).map_err(|error| {
        let key = key_of(&error, text);
        setting_error(error.into(), key.as_deref())
    })
}

/// The key with the invalid value, with its section.
fn key_of(error: &toml::de::Error, text: &str) -> Option<String> {
    let mut before = text.get(..error.span()?.start)?.lines().rev();
    let (key, _) = before.next()?.split_once('=')?;
    let section = before.find_map(|line| line.trim().strip_prefix('[')?.split_once(']'));
    Some(match section {
        Some((section, _)) => format!("{section}.{}", key.trim()),
        None => key.trim().to_owned(),
    })
}

/// Adds the setting to an error in a variable.
fn variable_error(error: confique::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    let mut variables = variables::all().into_iter();
    let key = variables.find_map(|(name, key)| text.contains(&format!("`{name}`")).then_some(key));
    setting_error(error.into(), key.as_deref())
}

/// Adds the name of the setting to an error, and its unit if the name ends in one.
fn setting_error(error: anyhow::Error, key: Option<&str>) -> anyhow::Error {
    const UNITS: [(&str, &str); 5] = [
        ("_seconds", "seconds"),
        ("_ms", "milliseconds"),
        ("_days", "days"),
        ("_bytes", "bytes"),
        ("_kib", "KiB"),
    ];
    let Some(key) = key else { return error };
    match UNITS.into_iter().find(|(suffix, _)| key.ends_with(suffix)) {
        Some((_, unit)) => error.context(format!("{key} must be a whole number of {unit}, such as 60")),
        None => error.context(format!("{key} is invalid")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Settings, String> {
        let layer = parse(text).map_err(|error| format!("{error:#}"))?;
        let settings = Settings::from_layer(layer.with_fallback(SettingsLayer::default_values()))
            .map_err(|error| error.to_string())?;
        settings.validated().map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let settings = from_file("").unwrap();
        assert_eq!(settings.origin(), "https://localhost:8443");
        assert_eq!(settings.sessions.idle_seconds.duration().as_secs(), 1800);
    }

    #[test]
    fn unknown_keys_are_refused_at_every_depth() {
        for text in ["dmeo = true", "[https]\nadress = \"127.0.0.1:1\"", "[sesions]"] {
            assert!(from_file(text).unwrap_err().contains("unknown field"), "{text}");
        }
    }

    #[test]
    fn contradictions_are_refused_with_the_key() {
        for (text, key) in [
            ("demo = true\n[https]\naddress = \"0.0.0.0:8443\"", "demo"),
            ("[https]\nkey = \"k.pem\"", "https.certificate"),
            ("[site]\norigin = \"http://a.example\"", "site.origin"),
            ("[site]\norigin = \"https://a.example/x\"", "site.origin"),
            ("[sessions]\nidle_seconds = 50000", "sessions.idle_seconds"),
            ("[limits]\nbody_bytes = 0", "limits.body_bytes"),
            ("[limits]\nbody_bytes = 0", "must be at least 1"),
            ("[sessions]\nper_user = 0", "sessions.per_user"),
            ("[throttle]\nstored_failures = -1", "must be at least 1"),
            ("[audit]\nretention_days = 3651", "ten years"),
            ("[https]\naddress = \"0.0.0.0:8443\"", "site.origin"),
            ("[https]\nidle_seconds = 999999999999", "https.idle_seconds"),
            ("[http]\naddress = \"of\"", "off"),
            ("[log]\nformat = \"xml\"", "json"),
        ] {
            let refusal = from_file(text).map(|_| ()).unwrap_err();
            assert!(refusal.contains(key), "{text}: {refusal}");
        }
    }
}
