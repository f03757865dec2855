//! What the commands have in common: how they print, and how they say what went wrong.

use std::{error::Error, fmt, io, iter, path};

use serde::Serialize;

use super::print;
use crate::{
    contract::{Answer, Refusal},
    server::{state::AppState, storage::Storage},
};

/// A refusal, for the operator, with the exit code that tells scripts which kind it is.
#[derive(Debug)]
pub struct Refused(pub Refusal);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message().trim_end_matches('.'))
    }
}

impl Error for Refused {}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// A refusal that says whom or what it is about.
pub fn about(name: &str, refusal: Refusal) -> Refused {
    Refused(match refusal {
        Refusal::NotFound(what) => Refusal::NotFound(format!("{what}: {name}")),
        refusal => refusal,
    })
}

/// The exit code for an error: 3 where there is no such user, role, session or function, 4 where things are not so that it could
/// be done, and 1 for everything else. (2 is for a command line that cannot be read.)
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Refused>() {
        Some(Refused(Refusal::NotFound(_))) => 3,
        Some(Refused(Refusal::Conflict(_))) => 4,
        _ => 1,
    }
}

/// Whether a command has only found that nobody reads on, as in `callgate audit export | head`: then all is well.
pub fn is_unread(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<io::Error>();
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Which database a command works on, in words: one that adds something may just have made it.
pub fn database(state: &AppState) -> String {
    let file = Storage::file(&state.settings().data);
    let file = path::absolute(&file).unwrap_or(file);
    format!("the database {}", file.display())
}

/// Prints a value as JSON, or else as words.
///
/// # Errors
/// Where it cannot be written as JSON, or nobody takes it.
pub fn print_as<T: Serialize>(json: bool, value: &T, words: impl fmt::Display) -> anyhow::Result<()> {
    if json {
        print(serde_json::to_string(value)?)
    } else {
        print(words)
    }
}

/// Tells that something was done to whom or what has that name, or why not.
///
/// # Errors
/// The refusal; and as [`print_as`].
pub fn tell(name: &str, done: Result<(), Refusal>, said: String, json: bool) -> anyhow::Result<()> {
    done.map_err(|refusal| about(name, refusal))?;
    print_as(json, &Answer::new(said.as_str()), &said)
}

/// Rows under a head, as a table.
pub fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.map(str::to_owned).to_vec();
    in_columns(&iter::once(head).chain(rows).collect::<Vec<_>>())
}

/// Cells as a table, with two spaces between the columns.
pub fn in_columns(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}
