//! The section `log`.

use clap::ValueEnum;
use confique::Config;
use serde::Deserialize;

use super::variables::not_empty;

/// The log, which goes to standard error.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Log {
    /// The level (error, warn, info, debug or trace), or a filter by target such as `info,callgate::access=debug`,
    /// which adds a line for every request. At level info, successful calls are not logged.
    #[config(env = "CALLGATE_LOG_FILTER", parse_env = not_empty, default = "info")]
    pub filter: String,

    /// The format: "text" for people, or "json" for programs (one object per line).
    #[config(env = "CALLGATE_LOG_FORMAT", default = "text")]
    pub format: LogFormat,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    Text,
    /// For programs: one JSON object per line
    Json,
}
