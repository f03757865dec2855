//! `callgate data …`: copies, backs up and migrates the database.

use std::{
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::output::{ProgressLine, Refused, print_as};
use crate::{
    contract::Refusal,
    server::{
        config::{Overrides, Settings},
        nodes::GONE_AFTER,
        storage::{
            self,
            copy::{self, CopiedTable, Place, Progress},
        },
        telemetry::log,
    },
};

/// Copy, back up and migrate the database
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 invalid command line, 4 not possible in the present state.")]
pub struct Data {
    /// Print one JSON object
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Copy all data to an empty database, such as from SQLite to PostgreSQL or back; nobody is logged out
    #[command(
        after_help = "Stop all servers on both databases first. Each side is a data folder (SQLite) or a settings \
        file, whose database is used; variables do not count. The target is created if it is missing. If the copy is \
        interrupted, the target stays empty."
    )]
    Copy(Copy),
    /// Write a backup of the SQLite database, also while the server runs; for PostgreSQL, prints the command to use
    Backup {
        /// The file to create; it must not exist
        file: PathBuf,
    },
    /// Create or migrate the tables, as a start of the server does unless `database.migrate` is "never"
    Migrate,
}

#[derive(Debug, Args)]
struct Copy {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// Data folder to copy from
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Settings file of the server whose database is copied
    #[arg(long, value_name = "FILE")]
    from_settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Data folder to copy to
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Settings file of the server that gets the data
    #[arg(long, value_name = "FILE")]
    to_settings: Option<PathBuf>,
}

/// A copy in the JSON output.
#[derive(Debug, Serialize)]
struct Copied<'a> {
    from: &'a str,
    to: &'a str,
    tables: &'a [CopiedTable],
}

impl Data {
    pub async fn run(self, overrides: &Overrides) -> anyhow::Result<()> {
        let settings = match &self.command {
            DataCommand::Copy(_) => Settings::defaults()?,
            _ => Settings::load(overrides)?,
        };
        log::start(&settings.log)?;
        let result = match &self.command {
            DataCommand::Copy(copy) => copy.run(overrides, self.json).await,
            DataCommand::Backup { file } => back_up(&settings, file, self.json).await,
            DataCommand::Migrate => migrate(&settings, self.json).await,
        };
        result.map_err(|error| match error.downcast::<storage::Refused>() {
            Ok(storage::Refused(reason)) => Refused(Refusal::Conflict(reason.into())).into(),
            Err(error) => error,
        })
    }
}

/// The settings of one side of a copy.
fn side(folder: Option<&Path>, file: Option<&Path>) -> anyhow::Result<Settings> {
    match (folder, file) {
        (_, Some(file)) => Settings::from_file(file),
        (Some(folder), None) => {
            let mut settings = Settings::defaults()?;
            folder.clone_into(&mut settings.data);
            Ok(settings)
        }
        (None, None) => bail!("both sides of the copy are required"),
    }
}

impl Copy {
    async fn run(&self, overrides: &Overrides, json: bool) -> anyhow::Result<()> {
        ensure!(
            overrides.settings.is_none() && overrides.data.is_none(),
            "a copy has two sides: use --from or --from-settings, and --to or --to-settings, in place of --data and \
             --settings"
        );
        let source = side(self.source.from.as_deref(), self.source.from_settings.as_deref())?;
        let target = side(self.target.to.as_deref(), self.target.to_settings.as_deref())?;
        let (from, to) = (place(&source), place(&target));
        let copied = copy::copy(from, to, GONE_AFTER, progress_line()).await?;
        let rows: u64 = copied.iter().map(|table| table.rows).sum();
        let (from, to) = (from.name(), to.name());
        let start = match (&self.target.to, &self.target.to_settings) {
            (_, Some(file)) => format!("callgate serve --settings {}", file.display()),
            (Some(folder), None) => format!("callgate serve --data {}", folder.display()),
            (None, None) => "callgate serve".to_owned(),
        };
        let text = format!(
            "Copied {rows} rows of {} tables, and compared them:\n  from {from}\n  to   {to}\n\
             Next:\n  1. Start the server on the copy: {start}\n  2. Do not start a server on the source again. Keep it until \
             the new server works, then delete it: it contains valid sessions.",
            copied.len()
        );
        let copied = Copied {
            from: &from,
            to: &to,
            tables: &copied,
        };
        print_as(json, &copied, text)
    }
}

fn place(settings: &Settings) -> Place<'_> {
    Place {
        folder: &settings.data,
        settings: &settings.database,
    }
}

/// Shows the progress if standard error is a terminal.
fn progress_line() -> impl FnMut(Progress) {
    let mut line = ProgressLine::new(io::stderr().is_terminal());
    move |progress: Progress| {
        let Progress { table, rows, total, .. } = progress;
        let doing = if progress.is_check { "comparing" } else { "copying" };
        line.show(format_args!("{doing} {table}: {rows} of {total} rows"));
        if i64::try_from(rows).is_ok_and(|rows| rows >= total) {
            line.clear();
        }
    }
}

async fn back_up(settings: &Settings, file: &Path, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct BackedUp<'a> {
        database: &'a str,
        backup: &'a Path,
    }
    storage::backup(&settings.data, &settings.database, file).await?;
    let database = &storage::name(&settings.data, &settings.database);
    let text = format!(
        "Backed up {database} to {}.\nAfter restoring it, end the sessions that it brings back: callgate session revoke --all",
        file.display()
    );
    print_as(json, &BackedUp { database, backup: file }, text)
}

async fn migrate(settings: &Settings, json: bool) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Migrated<'a> {
        database: &'a str,
        /// Absent if the tables were created.
        before: Option<i64>,
        after: i64,
    }
    let name = &storage::name(&settings.data, &settings.database);
    let storage::Migrated { before, after } = storage::migrate(&settings.data, &settings.database).await?;
    let text = match before {
        None => format!("Created the tables in {name}, at migration {after}."),
        Some(before) if before == after => format!("Nothing to do: {name} is at migration {after}."),
        Some(before) => format!("Migrated {name} from migration {before} to {after}."),
    };
    let migrated = Migrated {
        database: name,
        before,
        after,
    };
    print_as(json, &migrated, text)
}
