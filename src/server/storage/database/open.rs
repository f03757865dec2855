//! Opens the database that the settings name.

use std::path::{self, Path};

use anyhow::bail;
use sqlx::{Connection as _, SqliteConnection};

use super::{commits::CommitWatch, errors::Refused, migrations::OpenFor, pool::Pool, postgres, sqlite};
use crate::server::config;

/// An open database.
#[derive(Debug)]
pub struct Opened {
    pub reader: Pool,
    pub writer: Pool,
    /// For background tasks, which must not wait for the connections of calls.
    pub background: Pool,
    pub watch: CommitWatch,
    /// A connection that stays open; see [`CommitWatch::of_sqlite`].
    pub kept_open: Option<SqliteConnection>,
}

/// Opens PostgreSQL if the settings say so, else SQLite in `folder`.
pub async fn open(folder: &Path, settings: &config::Database, open_for: OpenFor, demo: bool) -> anyhow::Result<Opened> {
    if settings.is_shared() {
        let opened = postgres::open(settings, open_for, demo).await?;
        return Ok(Opened {
            reader: Pool::Postgres(opened.reader),
            writer: Pool::Postgres(opened.writer),
            background: Pool::Postgres(opened.background),
            watch: CommitWatch::Trust(settings.trust_ms.duration()),
            kept_open: None,
        });
    }
    let opened = sqlite::open(folder, settings.migrate, open_for).await?;
    let reader = Pool::Sqlite(opened.reader);
    Ok(Opened {
        background: reader.clone(),
        reader,
        writer: Pool::Sqlite(opened.writer),
        watch: opened.watch,
        kept_open: Some(opened.kept_open),
    })
}

impl Opened {
    /// Closes all connections.
    pub async fn close(self) {
        if let Some(connection) = self.kept_open {
            // It was not written to.
            let _ = connection.close().await;
        }
        for pool in [&self.reader, &self.background, &self.writer] {
            pool.close().await;
        }
    }
}

/// The newest migration of a database before and after it was migrated.
#[derive(Debug, Clone, Copy)]
pub struct Migrated {
    /// `None` if the database was created.
    pub before: Option<i64>,
    pub after: i64,
}

/// Migrates the database that the settings name, or creates it.
pub async fn migrate(folder: &Path, settings: &config::Database) -> anyhow::Result<Migrated> {
    let newest = async || {
        if settings.is_shared() {
            postgres::newest_migration(settings).await
        } else {
            sqlite::newest_migration(folder).await
        }
    };
    let before = newest().await?;
    open(folder, settings, OpenFor::Migrate, false).await?.close().await;
    let after = newest().await?.unwrap_or_default();
    Ok(Migrated { before, after })
}

/// Backs up the database that the settings name to `file`, which must not exist.
///
/// # Errors
/// [`Refused`] with the command to use if the database is PostgreSQL, which has a program for that.
pub async fn backup(folder: &Path, settings: &config::Database, file: &Path) -> anyhow::Result<()> {
    if settings.is_shared() {
        let command = postgres::backup_command(settings, file)?;
        bail!(Refused(format!(
            "PostgreSQL has its own program for backups. Run: {command}"
        )));
    }
    sqlite::backup::back_up(folder, file).await
}

/// Prepares the data folder: creates it, with an empty database file if the database is there.
pub fn create_files(folder: &Path, settings: &config::Database) -> anyhow::Result<()> {
    if settings.is_shared() {
        sqlite::create_folder(folder)?;
    } else {
        sqlite::create_file(folder)?;
    }
    Ok(())
}

/// The database in the settings, in words and without secrets.
pub fn name(folder: &Path, settings: &config::Database) -> String {
    if settings.is_shared() {
        return postgres::name(settings);
    }
    let file = sqlite::file(folder);
    let file = path::absolute(&file).unwrap_or(file);
    format!("the database {}", file.display())
}
