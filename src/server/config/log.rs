//! What is logged, and how.

use clap::ValueEnum;
use confique::Config;
use serde::Deserialize;

use super::variables::not_empty;

/// What is logged, to standard error.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Log {
    /// How much: error, warn, info, debug or trace; or a filter such as `info,callgate::access=debug`, which adds a line
    /// for every request. At info, calls that go well leave no line.
    #[config(env = "CALLGATE_LOG_FILTER", parse_env = not_empty, default = "info")]
    pub filter: String,

    /// "text" for people, or "json" for programs: an object a line.
    #[config(env = "CALLGATE_LOG_FORMAT", default = "text")]
    pub format: LogFormat,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    Text,
    /// For programs: an object a line
    Json,
}
