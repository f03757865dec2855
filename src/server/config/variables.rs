//! The environment variables that set something, and those that only look as if they did.
//!
//! One that is set but empty counts as unset.

use std::{env, ffi::OsString};

use anyhow::bail;
use confique::{
    Config as _,
    meta::{FieldKind, Meta},
};

use super::Settings;

/// The variable that names the settings file.
const FILE: &str = "CALLGATE_SETTINGS";

/// The value of the variable that names the settings file.
pub(super) fn file() -> Option<OsString> {
    env::var_os(FILE).filter(|value| !value.is_empty())
}

/// The variables that set something, each with the key that it sets.
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

/// Text from a variable. confique takes an empty one for unset where reading it fails.
pub(super) fn not_empty<T: From<String>>(text: &str) -> Result<T, Empty> {
    match text {
        "" => Err(Empty),
        text => Ok(text.to_owned().into()),
    }
}

/// There is nothing in a variable.
#[derive(Debug, thiserror::Error)]
#[error("it is empty")]
pub(super) struct Empty;

/// Refuses variables that set nothing: a misspelt one would silently leave a setting at its default.
pub(super) fn refuse_unknown() -> anyhow::Result<()> {
    let Unknown { misspelt, .. } = Unknown::find();
    if !misspelt.is_empty() {
        bail!(
            "there is no setting {}; `callgate settings` lists those that there are",
            misspelt.join(", ")
        );
    }
    Ok(())
}

/// Logs which variables are ignored though their names begin as those of settings do.
pub fn log_ignored() {
    let Unknown { of_kubernetes, .. } = Unknown::find();
    if !of_kubernetes.is_empty() {
        tracing::info!(
            variables = of_kubernetes.join(", "),
            "ignored variables that Kubernetes sets for a Service; they are no settings"
        );
    }
}

/// The variables that are set, look like settings, and are none.
struct Unknown {
    misspelt: Vec<String>,
    of_kubernetes: Vec<String>,
}

impl Unknown {
    fn find() -> Self {
        let known = all();
        let unknown: Vec<String> = env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| {
                name.starts_with("CALLGATE_") && name != FILE && !known.iter().any(|(variable, _)| variable == name)
            })
            .collect();
        // The Service callgate, and others whose names begin like that: each has a variable for its address.
        let state: Vec<String> = unknown
            .iter()
            .filter_map(|name| name.strip_suffix("_SERVICE_HOST"))
            .chain(["CALLGATE"])
            .map(str::to_owned)
            .collect();
        let (of_kubernetes, misspelt) = unknown
            .into_iter()
            .partition(|name| state.iter().any(|service| is_of_service(name, service)));
        Self {
            misspelt,
            of_kubernetes,
        }
    }
}

/// Whether a variable is one of those that Kubernetes sets in each container for a Service
/// (<https://kubernetes.io/docs/concepts/state-networking/service/#environment-variables>).
fn is_of_service(name: &str, service: &str) -> bool {
    name.strip_prefix(service)
        .is_some_and(|rest| rest == "_PORT" || rest.starts_with("_PORT_") || rest.starts_with("_SERVICE_"))
}
