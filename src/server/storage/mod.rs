//! **Trap:** a table that a cached guard decision depends on needs triggers that bump `guard_changes`
//! (`migrations/0006_changes_that_guards_depend_on.sql`). Without them the session cache serves stale decisions, such
//! as "allowed" after a revocation. Today the triggers cover `sessions`, `users`, `user_roles`, `mapped_roles` and
//! `role_permissions`; see [`changes`].
//!
//! All SQL lives here, in one module per kind of data. The database is SQLite, one file in the data folder. "Not found"
//! is `Ok(None)`, never an error. Times are parameters. Nothing here knows about HTTP.

pub mod changes;
pub mod events;
pub mod failed_logins;
pub mod identities;
pub mod links;
pub mod login_flows;
pub mod logins;
pub mod logout_tokens;
pub mod mapped_roles;
pub mod new_identity;
pub mod new_session;
pub mod passwords;
pub mod pending_calls;
pub mod remembered;
pub mod removal;
pub mod roles;
pub mod sessions;
pub mod surplus;
mod transaction;
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
    Connection as _, Sqlite, SqlitePool,
    migrate::{MigrateError, Migrator},
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::changes::Changes;
use crate::server::telemetry::error::InternalError;

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for getting a connection from a pool. Shorter than sqlx's 30 s, so that a stuck database is reported soon.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READ_CONNECTIONS: u32 = 8;
static MIGRATOR: Migrator = sqlx::migrate!();

/// What a database is opened for. This decides whether a missing database is created and an old one migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFor {
    /// The server: creates a missing database and migrates an old one.
    Serve,
    /// A command that may fill a new database: creates a missing database, refuses an old one.
    Create,
    /// Any other command: refuses a missing and an old database.
    Manage,
}

/// The open database.
///
/// One connection writes, the others read. SQLite allows only one writer at a time anyway, and this way queued writes
/// never block the session lookups of guards.
#[derive(Debug, Clone)]
pub struct Storage {
    reader: SqlitePool,
    writer: SqlitePool,
    changes: Option<Arc<Changes>>,
    /// Whether demo users may log in.
    demo: bool,
    /// The issuers of the configured providers, as a JSON array. Accounts at others are no way to log in.
    issuers: Arc<str>,
}

impl Storage {
    /// The path of the database file in `folder`.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("callgate.db")
    }

    /// Creates `folder` (mode 0700) and an empty database file in it (mode 0600) unless they exist, and returns the
    /// path of the file. Existing ones are left unchanged.
    pub fn create_file(folder: &Path) -> anyhow::Result<PathBuf> {
        let file = Self::file(folder);
        let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        // SQLite creates the `-wal` and `-shm` files with the same permissions.
        created
            .and_then(|()| open_private(&file))
            .with_context(|| format!("cannot create or write to the data folder {}", folder.display()))?;
        Ok(file)
    }

    /// Opens the database in `folder`. Demo users may log in only if `demo` is set.
    pub async fn open(folder: &Path, open_for: OpenFor, demo: bool) -> anyhow::Result<Self> {
        let no_database = || {
            format!(
                "there is no database in the folder {}. Give the data folder with --data, or start the server first",
                folder.display()
            )
        };
        // A failed start leaves an empty file behind, which counts as no database.
        let exists = fs::metadata(Self::file(folder))
            .map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |file| file.len() > 0);
        ensure!(exists || open_for != OpenFor::Manage, no_database());
        let file = Self::create_file(folder)?;
        // sqlx does not lock SQLite for migrations: if two processes run the same one at once, one of them fails.
        let lock = tokio::task::spawn_blocking({
            let lock_file = folder.join("callgate.lock");
            move || lock_exclusively(&lock_file)
        })
        .await?
        .with_context(|| format!("cannot lock the data folder {}", folder.display()))?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            // Commits survive a power cut, not only a crash. Users and logins are worth the sync.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // A local file needs no liveness check, and sqlx already pings on release, which completes pending
                // rollbacks.
                .test_before_acquire(false)
                // When a commit fails because the disk is full, SQLite has already rolled back. sqlx then fails to roll
                // back again and still counts the transaction as open. Later transactions on this connection would
                // be savepoints inside it: reported as committed, but never written. So such a connection is closed.
                .before_acquire(|connection, _| {
                    let is_clean = !connection.is_in_transaction();
                    if !is_clean {
                        tracing::warn!("closing a database connection whose last transaction failed to roll back");
                    }
                    Box::pin(async move { Ok(is_clean) })
                })
        };
        let open_error = |error| {
            if is_damage(&error) {
                damage_error(&file, error)
            } else {
                anyhow::Error::new(error).context(format!("cannot open the database {}", file.display()))
            }
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(open_error)?;
        let applied = applied_migrations(&writer).await.map_err(open_error)?;
        ensure!(!applied.is_empty() || open_for != OpenFor::Manage, no_database());
        // Commands do not migrate: a running server may be an older one, which could not use the new schema.
        let is_old = !applied.is_empty() && MIGRATOR.iter().any(|migration| !applied.contains(&migration.version));
        ensure!(
            open_for == OpenFor::Serve || !is_old,
            "the database {} was made by an older Callgate. Start the server once to migrate it",
            file.display()
        );
        MIGRATOR
            .run(&writer)
            .await
            .map_err(|error| migration_error(&file, error))?;
        if applied.is_empty() {
            let file = path::absolute(&file).unwrap_or_else(|_| file.clone());
            tracing::info!(file = %file.display(), "created a new database");
        }
        let changes = Changes::open(&file, &options)
            .await
            .with_context(|| format!("cannot watch the database {} for changes", file.display()))?;
        let reader = pool(READ_CONNECTIONS).connect_with(options).await.map_err(open_error)?;
        drop(lock);
        Ok(Self {
            reader,
            writer,
            changes: Some(Arc::new(changes)),
            demo,
            issuers: "[]".into(),
        })
    }

    /// Opens an empty in-memory database, which is dropped with this handle.
    pub async fn in_memory() -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        // One connection, because each one would have its own database.
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
            issuers: "[]".into(),
        })
    }

    /// Checks that the database can be read. The query names a table, so that SQLite has to read the file.
    pub async fn ping(&self) -> Result<(), InternalError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1")
            .fetch_optional(&self.reader)
            .await
            .map(drop)
            .map_err(database_error("checking the database"))
    }

    /// Waits for running queries and closes the file.
    pub async fn close(&self) {
        if let Some(changes) = &self.changes {
            changes.close().await;
        }
        self.reader.close().await;
        self.writer.close().await;
    }

    /// Runs a statement that changes rows, and returns their number.
    async fn execute(
        &self,
        context: &'static str,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<u64, InternalError> {
        let done = statement.execute(&self.writer).await.map_err(database_error(context))?;
        Ok(done.rows_affected())
    }
}

/// Opens a file, or creates one that is accessible to its owner only.
fn open_private(file: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(file)
}

/// Locks `file` exclusively, waiting for any other process that holds the lock. Dropping the returned file releases it,
/// and so does the end of the process, even by a crash.
fn lock_exclusively(file: &Path) -> io::Result<File> {
    let lock = open_private(file)?;
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

/// The versions of the migrations already applied. An empty database has none.
async fn applied_migrations(database: &SqlitePool) -> sqlx::Result<Vec<i64>> {
    let has_migrations: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')")
            .fetch_one(database)
            .await?;
    if has_migrations {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
            .fetch_all(database)
            .await
    } else {
        Ok(Vec::new())
    }
}

/// Describes a failed migration, and what to do about it.
fn migration_error(file: &Path, error: MigrateError) -> anyhow::Error {
    let newest = MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default();
    let file_name = file.display();
    match error {
        MigrateError::VersionMissing(version) if version > newest => anyhow!(
            "the database {file_name} was made by a newer Callgate (it is at migration {version}, this program knows \
             migrations up to {newest}). Use that Callgate, or restore a backup from before the upgrade"
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_damage(&error) => {
            damage_error(file, error)
        }
        error => anyhow::Error::new(error).context(format!("cannot migrate the database {file_name}")),
    }
}

/// Describes a damaged database file, and what to do about it.
fn damage_error(file: &Path, error: sqlx::Error) -> anyhow::Error {
    anyhow::Error::new(error).context(format!(
        "the database {} is damaged. Restore a backup, or move the file and its -wal and -shm files away to start with \
         an empty database",
        file.display()
    ))
}

/// The primary SQLite result code of an error, without the extended bits (<https://sqlite.org/rescode.html>).
fn result_code(error: &sqlx::Error) -> Option<i32> {
    Some(error.as_database_error()?.code()?.parse::<i32>().ok()? & 0xff)
}

/// Whether the file is corrupt or not a database: `SQLITE_CORRUPT` or `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(11 | 26))
}

/// Whether an error goes away without a restart: by itself, or once the operator has freed disk space.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        // SQLITE_BUSY, SQLITE_LOCKED: another connection is writing. SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL,
        // SQLITE_CANTOPEN: a full disk, a lost mount or too few file descriptors.
        error => matches!(result_code(error), Some(5 | 6 | 8 | 10 | 13 | 14)),
    }
}

/// Turns a failed query into an internal error, marked as unavailable if it is transient. `context` says what was being
/// done.
fn database_error(context: &'static str) -> impl Fn(sqlx::Error) -> InternalError {
    move |error| {
        if is_transient(&error) {
            InternalError::unavailable(context, error)
        } else {
            InternalError::new(context, error)
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
        for (restriction, remedy) in [
            ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 100000"),
            ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        ] {
            let storage = Storage::in_memory().await.unwrap();
            let long = "x".repeat(1 << 20);
            let alice = users::NewUser {
                user_id: "alice",
                password_hash: &long,
                ..users::NewUser::default()
            };
            let add = async || storage.add_user(&alice, Timestamp(1), &[]).await;
            sqlx::query(restriction).execute(&storage.writer).await.unwrap();
            let error = add().await.unwrap_err();
            assert!(error.is_unavailable(), "{restriction}: {}", error.chain());
            assert!(storage.find_user("alice").await.unwrap().is_none(), "{restriction}");
            sqlx::query(remedy).execute(&storage.writer).await.unwrap();
            assert_eq!(add().await.unwrap(), roles::UpdateOutcome::Done, "{restriction}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_processes_that_write_at_once_wait_for_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(folder.path(), OpenFor::Serve, false).await.unwrap();
        let other = Storage::open(folder.path(), OpenFor::Serve, false).await.unwrap();
        let ada = users::NewUser {
            user_id: "ada",
            ..users::NewUser::default()
        };
        assert_eq!(
            storage.add_user(&ada, Timestamp(1), &[]).await.unwrap(),
            UpdateOutcome::Done
        );
        let event = Event::by_operator(Action::Login);
        // Each transaction of `other` reads before it writes, while this task writes in between.
        let writer = tokio::spawn({
            let event = event.clone();
            async move {
                for _ in 0..60 {
                    storage.add_events(slice::from_ref(&event), &[]).await.unwrap();
                }
            }
        });
        while !writer.is_finished() {
            let done = other.set_active("ada", false, Timestamp(2), &event).await;
            assert_eq!(done.unwrap(), roles::UpdateOutcome::Done);
        }
        writer.await.unwrap();
    }
}
