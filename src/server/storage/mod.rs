//! The database: SQLite, one file in the data folder.
//!
//! One file per kind of data. "Not found" is `Ok(None)`, never an error. Times come in as parameters. Nothing here knows
//! of HTTP.

pub mod kept_calls;
pub mod remembered;
pub mod sessions;
pub mod users;

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
    time::Duration,
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::fault::Fault;

/// How long a write waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection: shorter than sqlx's 30 s, so that a stuck database is told soon.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// The open database.
#[derive(Debug, Clone)]
pub struct Storage {
    pool: SqlitePool,
}

impl Storage {
    /// Opens the database in `folder`, which is made with mode 0700 if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        let file = folder.join("callgate.db");
        make_private(folder, &file).with_context(|| {
            format!(
                "the data folder {} cannot be made or written to",
                folder.display()
            )
        })?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Survives a power cut, not only a crash: users and logins are worth the sync.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .with_context(|| format!("the database {} cannot be opened", file.display()))?;
        sqlx::migrate!().run(&pool).await.with_context(|| {
            format!(
                "the tables of {} cannot be brought up to date",
                file.display()
            )
        })?;
        Ok(Self { pool })
    }

    /// Waits for running queries and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Makes `folder`, and in it an empty database, both for their owner only. What is there already keeps its permissions.
fn make_private(folder: &Path, file: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // SQLite gives the files that it makes beside this one the same permissions.
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
        .map(drop)
}

/// What a failed query is: a passing lack of the database, or something broken.
fn fault(doing: &'static str) -> impl Fn(sqlx::Error) -> Fault {
    move |error| match &error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
            Fault::unavailable(doing, error)
        }
        // SQLITE_BUSY and SQLITE_LOCKED, with their extended codes.
        sqlx::Error::Database(inner)
            if inner
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6)) =>
        {
            Fault::unavailable(doing, error)
        }
        _ => Fault::new(doing, error),
    }
}
