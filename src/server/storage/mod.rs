//! The database: SQLite, one file in the data folder.
//!
//! One file per kind of data. "Not found" is `Ok(None)`, never an error. Times come in as parameters. Nothing here knows
//! of HTTP.

pub mod changes;
pub mod events;
pub mod failed_logins;
pub mod links;
pub mod logins;
pub mod new_session;
pub mod passwords;
pub mod pending_calls;
pub mod remembered;
pub mod removal;
pub mod roles;
pub mod sessions;
pub mod surplus;
pub mod user_lists;
pub mod user_rows;
pub mod users;

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{self, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use sqlx::{
    Connection as _, Sqlite, SqlitePool, Transaction,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::changes::Changes;
use crate::server::telemetry::error::InternalError;

/// How long a write waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection: shorter than sqlx's 30 s, so that a stuck database is told soon.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How many queries read at once.
const READERS: u32 = 8;
/// The tables, and every step towards them.
static MIGRATOR: Migrator = sqlx::migrate!();

/// What a database is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFor {
    /// To serve: it is made where it is not there, and its tables are brought up to date.
    Serve,
    /// To add what a new database may begin with: it is made where it is not there. One that is there must be up to date.
    Begin,
    /// For anything else that an operator does: it has to be there, and up to date.
    Manage,
}

/// The open database.
///
/// One connection writes, the others read: SQLite lets one write at a time anyway, and so no crowd of writers can keep
/// the guards from looking up a session.
#[derive(Debug, Clone)]
pub struct Storage {
    reader: SqlitePool,
    writer: SqlitePool,
    changes: Option<Arc<Changes>>,
    /// Whether demo users are let in.
    demo: bool,
}

impl Storage {
    /// The file of the database in `folder`.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("callgate.db")
    }

    /// Makes `folder` with mode 0700, and in it an empty database, where they are not there. Gives the file, which is left as it
    /// is otherwise.
    ///
    /// # Errors
    /// Says what cannot be made.
    pub fn make_place(folder: &Path) -> anyhow::Result<PathBuf> {
        let file = Self::file(folder);
        make_private(folder, &file)
            .with_context(|| format!("the data folder {} cannot be made or written to", folder.display()))?;
        Ok(file)
    }

    /// Opens the database in `folder`, as `open_for` says. Demo users are let in only if `demo` says so.
    ///
    /// # Errors
    /// Says which step failed and why.
    pub async fn open(folder: &Path, open_for: OpenFor, demo: bool) -> anyhow::Result<Self> {
        let no_database = || {
            format!(
                "there is no database in the folder {}. Say with --data where it is, or start the server first",
                folder.display()
            )
        };
        // A start that failed leaves an empty file.
        let is_there = fs::metadata(Self::file(folder))
            .map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |file| file.len() > 0);
        ensure!(is_there || open_for != OpenFor::Manage, no_database());
        let file = Self::make_place(folder)?;
        // sqlx has no lock for SQLite, and a step that two processes take at once fails in one of them.
        let alone = tokio::task::spawn_blocking({
            let lock = folder.join("callgate.lock");
            move || lock_out_others(&lock)
        })
        .await?
        .with_context(|| format!("the data folder {} cannot be locked", folder.display()))?;
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
                // A file does not go away as a server does; and sqlx pings each connection that it is given back, so that
                // rollbacks which wait are done before anybody is given it again.
                .test_before_acquire(false)
                // Where a commit fails for lack of room, SQLite has rolled back by itself, and sqlx, which fails to do so
                // once more, takes the transaction for open. Later ones would be savepoints in it, and what is reported
                // as written would never be.
                .before_acquire(|connection, _| {
                    let is_clean = !connection.is_in_transaction();
                    if !is_clean {
                        tracing::warn!(
                            "a transaction did not end as it should; its connection to the database is closed"
                        );
                    }
                    Box::pin(async move { Ok(is_clean) })
                })
        };
        let opening = |error| {
            if is_damage(&error) {
                damaged(&file, error)
            } else {
                anyhow::Error::new(error).context(format!("the database {} cannot be opened", file.display()))
            }
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(opening)?;
        let taken = steps_taken(&writer).await.map_err(opening)?;
        ensure!(!taken.is_empty() || open_for != OpenFor::Manage, no_database());
        // Not by a command: the server that runs may be an older one, and could not go back.
        let is_behind = !taken.is_empty() && MIGRATOR.iter().any(|step| !taken.contains(&step.version));
        ensure!(
            open_for == OpenFor::Serve || !is_behind,
            "the database {} was made by an older Callgate. Start the server once: it brings the tables up to date",
            file.display()
        );
        MIGRATOR
            .run(&writer)
            .await
            .map_err(|error| not_up_to_date(&file, error))?;
        if taken.is_empty() {
            let file = path::absolute(&file).unwrap_or_else(|_| file.clone());
            tracing::info!(file = %file.display(), "made a new database");
        }
        let changes = Changes::open(&file, &options)
            .await
            .with_context(|| format!("the database {} cannot be followed", file.display()))?;
        let reader = pool(READERS).connect_with(options).await.map_err(opening)?;
        drop(alone);
        Ok(Self {
            reader,
            writer,
            changes: Some(Arc::new(changes)),
            demo,
        })
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
        MIGRATOR.run(&pool).await?;
        Ok(Self {
            reader: pool.clone(),
            writer: pool,
            changes: None,
            demo: false,
        })
    }

    /// Asks for something that lies in the file.
    ///
    /// # Errors
    /// A fault where there is no answer.
    pub async fn answers(&self) -> Result<(), InternalError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&self.reader)
            .await
            .map(drop)
            .map_err(fault("asking the database whether it is there"))
    }

    /// Waits for running queries and closes the file.
    pub async fn close(&self) {
        if let Some(changes) = &self.changes {
            changes.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Begins to write: from here on nobody else does, in whatever process, so that nothing comes between what is read and
    /// what is written.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, InternalError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(fault(doing))
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

/// Waits until no other process holds `file`, and holds it for as long as what comes back is kept. A process that ends,
/// however it ends, holds nothing.
fn lock_out_others(file: &Path) -> io::Result<File> {
    let lock = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => {
            tracing::info!("another process is opening the database; waiting for it");
            lock.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    Ok(lock)
}

/// The steps that were taken towards the tables of a database; none where it is empty.
async fn steps_taken(database: &SqlitePool) -> sqlx::Result<Vec<i64>> {
    let has_steps: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')")
            .fetch_one(database)
            .await?;
    if has_steps {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
            .fetch_all(database)
            .await
    } else {
        Ok(Vec::new())
    }
}

/// Why the tables cannot be brought up to date, and what to do.
fn not_up_to_date(file: &Path, error: MigrateError) -> anyhow::Error {
    let newest = MIGRATOR.iter().map(|step| step.version).max();
    let file_name = file.display();
    match error {
        MigrateError::VersionMissing(version) if newest.is_some_and(|newest| version > newest) => anyhow!(
            "the database {file_name} was made by a newer Callgate (its tables are at step {version}, this program knows \
             {}). Use that Callgate, or put back a backup from before it",
            newest.unwrap_or_default()
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_damage(&error) => {
            damaged(file, error)
        }
        error => anyhow::Error::new(error).context(format!("the tables of {file_name} cannot be brought up to date")),
    }
}

/// What to do about a file that is damaged.
fn damaged(file: &Path, error: sqlx::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!(
        "the database {} is damaged. Put back a backup, or move the file away, with those beside it whose names begin \
         like its own, to begin with an empty one",
        file.display()
    ))
}

/// SQLite's result code of an error, without what extends it (<https://sqlite.org/rescode.html>).
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    Some(error.code()?.parse::<i32>().ok()? & 0xff)
}

/// Whether the file is no database, or none any more: `SQLITE_CORRUPT` and `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(11 | 26))
}

/// Whether an error passes by itself, or once the operator has made room: then nothing has to be restarted.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY and SQLITE_LOCKED: others are writing. SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL and SQLITE_CANTOPEN:
        // what a full disk, a lost mount or too few file handles look like.
        error => matches!(result_code(error), Some(5 | 6 | 8 | 10 | 13 | 14)),
    }
}

/// What a failed query is: a passing lack of the database, or something broken.
fn fault(doing: &'static str) -> impl Fn(sqlx::Error) -> InternalError {
    move |error| {
        if is_passing(&error) {
            InternalError::unavailable(doing, error)
        } else {
            InternalError::new(doing, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::roles::UpdateOutcome;
    use super::*;
    use crate::{
        contract::audit::Action,
        server::model::{clock::Timestamp, event::Event},
    };

    #[tokio::test]
    async fn a_full_and_a_read_only_database_refuse_what_is_written_for_now_and_go_on_being_read() {
        for (lack, cure) in [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
            ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        ] {
            let storage = Storage::in_memory().await.unwrap();
            let long = "x".repeat(1 << 20);
            let alice = users::NewUser {
                user_id: "alice",
                password_hash: &long,
                demo: false,
                roles: &[],
                link: None,
            };
            let add = async || storage.add_user(&alice, Timestamp(1), &[]).await;
            sqlx::query(lack).execute(&storage.writer).await.unwrap();
            let fault = add().await.unwrap_err();
            assert!(fault.is_unavailable(), "{lack}: {}", fault.chain());
            assert!(storage.find_user("alice").await.unwrap().is_none(), "{lack}");
            sqlx::query(cure).execute(&storage.writer).await.unwrap();
            assert_eq!(add().await.unwrap(), roles::UpdateOutcome::Done, "{lack}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_processes_that_write_at_once_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(folder.path(), OpenFor::Serve, false).await.unwrap();
        let other = Storage::open(folder.path(), OpenFor::Serve, false).await.unwrap();
        let ada = users::NewUser {
            user_id: "ada",
            password_hash: "",
            demo: false,
            roles: &[],
            link: None,
        };
        assert_eq!(
            storage.add_user(&ada, Timestamp(1), &[]).await.unwrap(),
            UpdateOutcome::Done
        );
        let event = Event::by_operator(Action::Login);
        // The other looks before it writes, and the one writes in between.
        let one = tokio::spawn({
            let event = event.clone();
            async move {
                for _ in 0..60 {
                    storage.add_events(slice::from_ref(&event), &[]).await.unwrap();
                }
            }
        });
        while !one.is_finished() {
            let done = other.set_active("ada", false, Timestamp(2), &event).await;
            assert_eq!(done.unwrap(), roles::UpdateOutcome::Done);
        }
        one.await.unwrap();
    }
}
