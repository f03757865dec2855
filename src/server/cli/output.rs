//! Output, errors and exit codes of the commands.

use std::{
    fmt, io, iter,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::print;
use crate::{
    contract::{Answer, Refusal},
    server::{state::AppState, storage},
};

/// A refusal as an error of a command, for [`exit_code`].
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message().english().trim_end_matches('.'))]
pub struct Refused(pub Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// Adds `name` to "not found".
pub fn with_name(name: &str, refusal: Refusal) -> Refused {
    Refused(match refusal {
        Refusal::NotFound(kind) => Refusal::NotFound(format!("{}: {name}", kind.english()).into()),
        refusal => refusal,
    })
}

/// The exit code for an error: 3 for "not found", 4 for a conflict with the present state, 1 otherwise. clap exits with
/// 2 for an invalid command line.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Refused>() {
        Some(Refused(Refusal::NotFound(_))) => 3,
        Some(Refused(Refusal::Conflict(_))) => 4,
        _ => 1,
    }
}

/// Whether the reader of a pipe has closed it, as in `callgate audit export | head`. That is not an error.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Names the database that a command changed, because a command that adds something may just have created it.
pub fn database_name(state: &AppState) -> String {
    storage::name(&state.settings().data, &state.settings().database)
}

/// Prints a value as JSON, or else the text.
pub fn print_as<T: Serialize>(json: bool, value: &T, text: impl fmt::Display) -> anyhow::Result<()> {
    if json {
        print(serde_json::to_string(value)?)
    } else {
        print(text)
    }
}

/// Prints `message` if the result is `Ok`. Otherwise returns the refusal with `name`.
pub fn report(name: &str, result: Result<(), Refusal>, message: String, json: bool) -> anyhow::Result<()> {
    result.map_err(|refusal| with_name(name, refusal))?;
    print_as(json, &Answer::new(message.as_str()), &message)
}

/// How often a line of progress is written.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// A line on standard error that says how far a command is.
#[derive(Debug)]
pub struct ProgressLine {
    is_visible: bool,
    shown_at: Option<Instant>,
}

impl ProgressLine {
    pub fn new(is_visible: bool) -> Self {
        Self {
            is_visible,
            shown_at: None,
        }
    }

    /// Overwrites the line, unless it was written just now.
    pub fn show(&mut self, text: impl fmt::Display) {
        if self.is_visible && self.shown_at.is_none_or(|at| at.elapsed() >= PROGRESS_INTERVAL) {
            eprint!("\r\x1b[K{text}");
            self.shown_at = Some(Instant::now());
        }
    }

    /// Removes the line.
    pub fn clear(&self) {
        if self.shown_at.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

/// Formats a table with a header.
pub fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header = header.map(str::to_owned).to_vec();
    align_columns(&iter::once(header).chain(rows).collect::<Vec<_>>())
}

/// Aligns cells in columns, with two spaces in between.
pub fn align_columns(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
