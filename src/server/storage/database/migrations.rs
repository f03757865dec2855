//! Whether this program and a database fit together. The schema is migrated at the start of the server.
//!
//! A migration must leave the database usable for the release before, so that nodes of both can run during an upgrade:
//! it may add tables, indexes, and columns that may be absent or have a default. What it renames or removes must be out
//! of use for one release. A migration that cannot keep to that raises `schema_support.oldest_program`.

use anyhow::{bail, ensure};
use sqlx::migrate::Migrator;

use super::findings::Finding;
use crate::server::config::Migrate;

/// What a database is opened for. This decides whether a missing database is created and an old one migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFor {
    /// The server: creates a missing database and migrates an old one.
    Serve,
    /// A command that may fill a new database: creates a missing database, refuses an old one.
    Create,
    /// Any other command: refuses a missing and an old database.
    Manage,
    /// A command that migrates: creates a missing database and migrates an old one, whatever `database.migrate` says.
    Migrate,
}

/// The migrations that a database has.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    pub versions: Vec<i64>,
    /// A program can use the database if it contains this migration.
    pub oldest_program: Option<i64>,
}

/// What has to be done before the database can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the database has every migration.
    Use,
    Migrate,
}

/// Compares a database with the migrations in this program. `name` is what to call the database.
pub fn check(
    migrator: &Migrator,
    applied: &Applied,
    open_for: OpenFor,
    migrate: Migrate,
    name: &str,
) -> anyhow::Result<Next> {
    let known = newest(migrator);
    let is_known = |version: &i64| migrator.iter().any(|migration| migration.version == *version);
    if let Some(newest) = applied.versions.iter().filter(|version| !is_known(version)).max()
        && !applied.oldest_program.is_some_and(|oldest| is_known(&oldest))
    {
        bail!(
            "{name} was made by a newer Callgate (it is at migration {newest}, this program knows migrations up to \
             {known}). Use that Callgate, or restore a backup from before the upgrade"
        );
    }
    if migrator
        .iter()
        .all(|migration| applied.versions.contains(&migration.version))
    {
        return Ok(Next::Use);
    }
    // Other commands do not migrate: a running server may be an older one, which could not use the new schema.
    ensure!(
        matches!(open_for, OpenFor::Serve | OpenFor::Migrate) || applied.versions.is_empty(),
        "{name} was made by an older Callgate. Start the server once to migrate it, or run `callgate data migrate`"
    );
    ensure!(
        migrate == Migrate::Start || open_for == OpenFor::Migrate,
        "{name} has to be migrated, and database.migrate is never. Run `callgate data migrate`"
    );
    Ok(Next::Migrate)
}

/// The number of the newest migration in this program.
pub fn newest(migrator: &Migrator) -> i64 {
    let versions = migrator.iter().map(|migration| migration.version);
    versions.max().unwrap_or_default()
}

/// Describes which migrations a database has.
pub fn describe(migrator: &Migrator, applied: &Applied) -> Finding {
    const CHECK: &str = "migrations";
    let known = newest(migrator);
    let Some(newest) = applied.versions.iter().max() else {
        return Finding::wrong(
            CHECK,
            "there are no tables",
            "start the server, or run `callgate data migrate`",
        );
    };
    let oldest = applied.oldest_program.unwrap_or(*newest);
    let text = format!("applied up to {newest}, this program knows {known}, programs from {oldest} on can use it");
    if oldest > known {
        Finding::wrong(
            CHECK,
            text,
            "use a newer Callgate, or restore a backup from before the upgrade",
        )
    } else if *newest < known {
        Finding::wrong(CHECK, text, "restart the server, or run `callgate data migrate`")
    } else {
        Finding::ok(CHECK, text)
    }
}
