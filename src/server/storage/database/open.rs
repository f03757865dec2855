//! Opens the database that the settings name.

use std::path::{self, Path};

use sqlx::SqliteConnection;

use super::{commits::CommitWatch, migrations::OpenFor, pool::Pool, postgres, sqlite};
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
    let opened = sqlite::open(folder, open_for).await?;
    let reader = Pool::Sqlite(opened.reader);
    Ok(Opened {
        background: reader.clone(),
        reader,
        writer: Pool::Sqlite(opened.writer),
        watch: opened.watch,
        kept_open: Some(opened.kept_open),
    })
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
