//! The database: SQLite, one file in the data folder.
//!
//! One file per kind of data. "Not found" is `Ok(None)`, never an error. Times come in as parameters. Nothing here knows
//! of HTTP.

pub mod failed_logins;
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

use anyhow::Context as _;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::fault::Fault;

/// How long a write waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection: shorter than sqlx's 30 s, so that a stuck database is told soon.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many queries read at once.
const READERS: u32 = 8;

/// The open database.
///
/// One connection writes, the others read: SQLite lets one write at a time anyway, and so no crowd of writers can keep
/// the guards from looking up a session.
#[derive(Debug, Clone)]
pub struct Storage {
    reader: SqlitePool,
    writer: SqlitePool,
    /// Whether demo users are let in.
    demo: bool,
}

impl Storage {
    /// Opens the database in `folder`, which is made with mode 0700 if it is not there, and brings its tables up to date.
    /// Demo users are let in only if `demo` says so.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn open(folder: &Path, demo: bool) -> anyhow::Result<Self> {
        let file = folder.join("callgate.db");
        make_private(folder, &file)
            .with_context(|| format!("the data folder {} cannot be made or written to", folder.display()))?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            // Survives a power cut, not only a crash: users and logins are worth the sync.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
        };
        let opening = || format!("the database {} cannot be opened", file.display());
        let writer = pool(1).connect_with(options.clone()).await.with_context(opening)?;
        sqlx::migrate!()
            .run(&writer)
            .await
            .with_context(|| format!("the tables of {} cannot be brought up to date", file.display()))?;
        let reader = pool(READERS).connect_with(options).await.with_context(opening)?;
        Ok(Self { reader, writer, demo })
    }

    /// An empty database in memory. It goes away with this handle.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn in_memory() -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        // One connection, because each has a database of its own.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self {
            reader: pool.clone(),
            writer: pool,
            demo: false,
        })
    }

    /// Asks for something that lies in the file.
    ///
    /// # Errors
    /// A fault where there is no answer.
    pub async fn answers(&self) -> Result<(), Fault> {
        sqlx::query("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&self.reader)
            .await
            .map(drop)
            .map_err(fault("asking the database whether it is there"))
    }

    /// Waits for running queries and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Makes `folder`, and in it an empty database, both for their owner only. What is there already keeps its permissions.
fn make_private(folder: &Path, file: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
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
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Fault::unavailable(doing, error),
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
