//! `CALLGATE_…` environment variables. An empty variable counts as unset.

use std::{env, path::PathBuf};

use anyhow::bail;
use confique::{
    Config as _,
    meta::{FieldKind, Meta},
};

use super::Settings;

/// The variable with the path of the settings file.
const FILE: &str = "CALLGATE_SETTINGS";

pub(super) fn file() -> Option<PathBuf> {
    env::var_os(FILE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// All variables of settings, each with its settings key.
pub(super) fn all() -> Vec<(&'static str, String)> {
    fn of(section: &str, meta: &'static Meta) -> Vec<(&'static str, String)> {
        let variables = meta.fields.iter().map(|field| {
            let key = format!("{section}{}", field.name);
            match field.kind {
                FieldKind::Leaf { env, .. } => env.map(|variable| (variable, key)).into_iter().collect(),
                FieldKind::Nested { meta } => of(&format!("{key}."), meta),
            }
        });
        variables.collect::<Vec<_>>().concat()
    }
    of("", &Settings::META)
}

/// Parses a text variable. Rejects the empty text, because confique treats an empty variable as unset only if parsing
/// fails.
pub(super) fn not_empty<T: From<String>>(text: &str) -> Result<T, Empty> {
    match text {
        "" => Err(Empty),
        text => Ok(text.to_owned().into()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is empty")]
pub(super) struct Empty;

/// Rejects unknown variables. A misspelt one would silently leave a setting at its default.
pub(super) fn reject_unknown() -> anyhow::Result<()> {
    let (_, misspelt) = not_settings();
    if !misspelt.is_empty() {
        bail!(
            "unknown variable {}; `callgate settings` lists all settings and their variables",
            misspelt.join(", ")
        );
    }
    Ok(())
}

/// Logs the ignored variables that Kubernetes sets.
pub fn log_ignored() {
    let (of_kubernetes, _) = not_settings();
    if !of_kubernetes.is_empty() {
        tracing::info!(
            variables = of_kubernetes.join(", "),
            "ignored variables that Kubernetes sets for a Service; they are not settings"
        );
    }
}

/// The variables that begin with `CALLGATE_` and are not settings: those that Kubernetes sets, and misspelt ones.
fn not_settings() -> (Vec<String>, Vec<String>) {
    let known = all();
    let unknown: Vec<String> = env::vars_os()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| {
            name.starts_with("CALLGATE_") && name != FILE && !known.iter().any(|(variable, _)| variable == name)
        })
        .collect();
    // Kubernetes sets a `…_SERVICE_HOST` variable for each Service, named `callgate` or `callgate-…`.
    let services: Vec<String> = unknown
        .iter()
        .filter_map(|name| name.strip_suffix("_SERVICE_HOST"))
        .chain(["CALLGATE"])
        .map(str::to_owned)
        .collect();
    unknown
        .into_iter()
        .partition(|name| services.iter().any(|service| is_of_service(name, service)))
}

/// Whether Kubernetes sets this variable for a Service
/// (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>).
fn is_of_service(name: &str, service: &str) -> bool {
    name.strip_prefix(service)
        .is_some_and(|rest| rest == "_PORT" || rest.starts_with("_PORT_") || rest.starts_with("_SERVICE_"))
}
