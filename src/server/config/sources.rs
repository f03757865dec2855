//! Where settings come from: the command line over variables over the file over defaults.

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

/// What the command line sets.
#[derive(Debug, Clone, Default, Args)]
pub struct Overrides {
    /// The settings file (TOML); also `CALLGATE_SETTINGS`
    #[arg(long, global = true, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// The folder of the database
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// The folder of the development certificate
    #[arg(long, global = true, value_name = "DIR")]
    pub certs: Option<PathBuf>,

    /// Whether to run as a demo; only `serve` asks
    #[arg(skip)]
    pub demo: bool,

    /// The address for HTTPS; only `serve` asks
    #[arg(skip)]
    pub https: Option<SocketAddr>,

    /// The address for plain HTTP; only `serve` asks
    #[arg(skip)]
    pub http: Option<Listen>,

    /// How a line of the log is written; only `serve` asks
    #[arg(skip)]
    pub log: Option<LogFormat>,
}

impl Settings {
    /// All defaults.
    ///
    /// # Errors
    /// Where a default contradicts another.
    pub fn defaults() -> anyhow::Result<Self> {
        Ok(Self::from_layer(SettingsLayer::default_values())?)
    }

    /// Reads all sources.
    ///
    /// # Errors
    /// Unknown keys, unreadable values and contradictions, each with its name.
    pub fn load(overrides: &Overrides) -> anyhow::Result<Self> {
        variables::refuse_unknown()?;
        let file = overrides
            .settings
            .clone()
            .or_else(|| variables::file().map(PathBuf::from));
        let layers = command_line(overrides)
            .with_fallback(SettingsLayer::from_env().map_err(in_variable)?)
            .with_fallback(
                file.as_deref()
                    .map(read)
                    .transpose()?
                    .unwrap_or_else(SettingsLayer::empty),
            )
            .with_fallback(SettingsLayer::default_values());
        Self::from_layer(layers)?.checked().map_err(anyhow::Error::msg)
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
    let text =
        fs::read_to_string(file).with_context(|| format!("the settings file {} cannot be read", file.display()))?;
    let mut layer = parse(&text).with_context(|| format!("the settings file {} is not right", file.display()))?;
    // Paths in a file count from that file, in whatever folder a command is run.
    let folder = file.parent().unwrap_or(Path::new(""));
    let paths = [
        &mut layer.data,
        &mut layer.https.certificate,
        &mut layer.https.key,
        &mut layer.https.certs,
        &mut layer.site.files,
    ];
    for path in paths.into_iter().flatten() {
        *path = folder.join(&*path);
    }
    Ok(layer)
}

fn parse(text: &str) -> anyhow::Result<SettingsLayer> {
    toml::from_str(text).map_err(|error| {
        let key = key_of(&error, text);
        in_setting(error.into(), key.as_deref())
    })
}

/// The key whose value a file has wrong, with its section.
fn key_of(error: &toml::de::Error, text: &str) -> Option<String> {
    let mut before = text.get(..error.span()?.start)?.lines().rev();
    let (key, _) = before.next()?.split_once('=')?;
    let section = before.find_map(|line| line.trim().strip_prefix('[')?.split_once(']'));
    Some(match section {
        Some((section, _)) => format!("{section}.{}", key.trim()),
        None => key.trim().to_owned(),
    })
}

/// What is wrong with a variable.
fn in_variable(error: confique::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    let mut variables = variables::all().into_iter();
    let key = variables.find_map(|(name, key)| text.contains(&format!("`{name}`")).then_some(key));
    in_setting(error.into(), key.as_deref())
}

/// Names the setting that has something wrong, and says how its number is written where its name ends in a unit.
fn in_setting(error: anyhow::Error, key: Option<&str>) -> anyhow::Error {
    let units = [
        ("_seconds", "seconds"),
        ("_ms", "milliseconds"),
        ("_days", "days"),
        ("_bytes", "bytes"),
        ("_kib", "KiB"),
    ];
    let Some(key) = key else { return error };
    match units.into_iter().find(|(end, _)| key.ends_with(end)) {
        Some((_, unit)) => error.context(format!("{key} is a whole number of {unit}, such as 60")),
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
        settings.checked()
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        let settings = from_file("").unwrap();
        assert_eq!(settings.origin(), "https://localhost:8443");
        assert_eq!(settings.sessions.idle().as_secs(), 1800);
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
