//! SQLite: one file in the data folder.

pub mod backup;
pub mod checks;

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{self, Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use sqlx::{
    ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{
        SqliteConnectOptions, SqliteError, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions, SqliteSynchronous,
    },
};

use super::{
    commits::CommitWatch,
    migrations::{self, Applied, Next, OpenFor},
};
use crate::server::config::Migrate;

/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for getting a connection from a pool. Shorter than sqlx's 30 s, so that a stuck database is reported soon.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const READ_CONNECTIONS: u32 = 8;
/// How long exclusive access waits for other processes.
const EXCLUSIVE_TIMEOUT: Duration = Duration::from_millis(500);

/// The migrations. Those that are missing from this program are handled by [`migrations::check`].
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.set_ignore_missing(true);
    migrator
}

/// An open database.
///
/// One connection writes, the others read. SQLite allows only one writer at a time anyway, and this way queued writes
/// never block the session lookups of guards.
#[derive(Debug)]
pub struct Database {
    pub reader: SqlitePool,
    pub writer: SqlitePool,
    pub watch: CommitWatch,
    /// Keeps the WAL index in existence; see [`CommitWatch::of_sqlite`].
    pub kept_open: SqliteConnection,
}

/// The path of the database file in `folder`.
pub fn file(folder: &Path) -> PathBuf {
    folder.join("callgate.db")
}

/// Whether there is a database in `folder`. A failed start leaves an empty file behind, which counts as none.
fn exists(folder: &Path) -> bool {
    fs::metadata(file(folder)).map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |file| file.len() > 0)
}

fn no_database(folder: &Path) -> String {
    format!(
        "there is no database in the folder {}. Give the data folder with --data, or start the server first",
        folder.display()
    )
}

/// Creates `folder` (mode 0700) and an empty database file in it (mode 0600) unless they exist, and returns the path of
/// the file. Existing ones are left unchanged.
pub fn create_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let file = file(folder);
    // SQLite creates the `-wal` and `-shm` files with the same permissions.
    create_folder(folder)
        .and_then(|()| open_private(&file))
        .with_context(|| format!("cannot create or write to the data folder {}", folder.display()))?;
    Ok(file)
}

/// Creates the data folder (mode 0700) unless it exists.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens the database in `folder`.
pub async fn open(folder: &Path, migrate: Migrate, open_for: OpenFor) -> anyhow::Result<Database> {
    ensure!(exists(folder) || open_for != OpenFor::Manage, no_database(folder));
    let file = create_file(folder)?;
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
    let open_error = |error| {
        if is_damage(&error) {
            damage_error(&file, error)
        } else {
            anyhow::Error::new(error).context(format!("cannot open the database {}", file.display()))
        }
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(open_error)?;
    let applied = {
        let mut connection = writer.acquire().await.map_err(open_error)?;
        applied(&mut connection).await.map_err(open_error)?
    };
    ensure!(
        !applied.versions.is_empty() || open_for != OpenFor::Manage,
        no_database(folder)
    );
    let migrator = migrator();
    let name = format!("the database {}", file.display());
    if migrations::check(&migrator, &applied, open_for, migrate, &name)? == Next::Migrate {
        migrator
            .run(&writer)
            .await
            .map_err(|error| migration_error(&file, error))?;
    }
    if applied.versions.is_empty() {
        let file = path::absolute(&file).unwrap_or_else(|_| file.clone());
        tracing::info!(file = %file.display(), "created a new database");
    }
    let watch_error = || format!("cannot watch the database {} for changes", file.display());
    let mut kept_open = options.connect().await.with_context(watch_error)?;
    // SQLite creates the WAL index when the database is first read.
    sqlx::query("SELECT 1 FROM users LIMIT 1")
        .fetch_optional(&mut kept_open)
        .await
        .with_context(watch_error)?;
    let watch = CommitWatch::of_sqlite(&file).with_context(watch_error)?;
    let reader = pool(READ_CONNECTIONS).connect_with(options).await.map_err(open_error)?;
    drop(lock);
    Ok(Database {
        reader,
        writer,
        watch,
        kept_open,
    })
}

/// Opens the database in `folder` for this process only: fails while another process has it open, and no other process
/// can open it until the pool is closed.
///
/// In WAL mode, every open connection of another process holds a shared lock of the file, and the locking mode `EXCLUSIVE`
/// needs an exclusive one (<https://sqlite.org/wal.html#noshm>).
pub async fn open_exclusively(folder: &Path) -> sqlx::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(file(folder))
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(EXCLUSIVE_TIMEOUT);
    let pool = pool(1).connect_with(options).await?;
    // The lock is taken when the database is first read.
    sqlx::query("SELECT COUNT(*) FROM users").execute(&pool).await?;
    Ok(pool)
}

/// A connection to the database in `folder`, whatever its migrations. It is not migrated.
async fn connect(folder: &Path) -> sqlx::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(file(folder))
        .busy_timeout(BUSY_TIMEOUT);
    options.connect().await
}

/// The number of the newest migration of the database in `folder`, or `None` if there is none.
pub async fn newest_migration(folder: &Path) -> anyhow::Result<Option<i64>> {
    if !exists(folder) {
        return Ok(None);
    }
    let file = file(folder);
    let error = || format!("cannot open the database {}", file.display());
    let mut connection = connect(folder).await.with_context(error)?;
    let applied = applied(&mut connection).await.with_context(error)?;
    connection.close().await.with_context(error)?;
    Ok(applied.versions.into_iter().max())
}

/// Opens an empty in-memory database, which is dropped with this handle.
pub async fn in_memory() -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    // One connection, because each one would have its own database.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await?;
    migrator().run(&pool).await?;
    Ok(pool)
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A local file needs no liveness check, and sqlx already pings on release, which completes pending rollbacks.
        .test_before_acquire(false)
        // When a commit fails because the disk is full, SQLite has already rolled back. sqlx then fails to roll back
        // again and still counts the transaction as open. Later transactions on this connection would be savepoints
        // inside it: reported as committed, but never written. So such a connection is closed.
        .before_acquire(|connection, _| {
            let is_clean = !connection.is_in_transaction();
            if !is_clean {
                tracing::warn!("closing a database connection whose last transaction failed to roll back");
            }
            Box::pin(async move { Ok(is_clean) })
        })
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

/// The migrations that a database has. An empty one has none.
async fn applied(database: &mut SqliteConnection) -> sqlx::Result<Applied> {
    let mut applied = Applied::default();
    if has_table(database, "_sqlx_migrations").await? {
        applied.versions = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
            .fetch_all(&mut *database)
            .await?;
    }
    if has_table(database, "schema_support").await? {
        applied.oldest_program = sqlx::query_scalar("SELECT oldest_program FROM schema_support")
            .fetch_optional(database)
            .await?;
    }
    Ok(applied)
}

async fn has_table(database: &mut SqliteConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar::<Sqlite, bool>("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = $1)")
        .bind(table)
        .fetch_one(database)
        .await
}

/// Describes a failed migration, and what to do about it.
fn migration_error(file: &Path, error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) if is_damage(&error) => {
            damage_error(file, error)
        }
        error => anyhow::Error::new(error).context(format!("cannot migrate the database {}", file.display())),
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
    let error = error.as_database_error()?;
    error.try_downcast_ref::<SqliteError>()?;
    Some(error.code()?.parse::<i32>().ok()? & 0xff)
}

/// Whether another connection holds a lock: `SQLITE_BUSY`.
pub fn is_busy(error: &sqlx::Error) -> bool {
    result_code(error) == Some(5)
}

/// Whether the file is corrupt or not a database: `SQLITE_CORRUPT` or `SQLITE_NOTADB`.
fn is_damage(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(11 | 26))
}

/// Whether an error goes away without a restart.
pub(super) fn is_transient(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY, SQLITE_LOCKED: another connection is writing. SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL,
    // SQLITE_CANTOPEN: a full disk, a lost mount or too few file descriptors.
    matches!(result_code(error), Some(5 | 6 | 8 | 10 | 13 | 14))
}
