//! Detects changes that guards depend on, without a query per call.
//!
//! Triggers count such changes in the table `guard_changes`, whichever process makes them. What was cached at one count is
//! valid until the count changes.
//!
//! SQLite also updates the header of the WAL index, the `-shm` file, with every commit of every process
//! (<https://sqlite.org/walformat.html>, section 2.1). While the header stays the same, nothing was committed and the last
//! known count is still right. So each call reads the header, a few bytes from the page cache, and the count is queried
//! only after a commit. The first call after a commit sees the change.
//!
//! An in-memory database has no WAL index. There, everything always counts as changed.

use std::{fs::File, io, mem::ManuallyDrop, os::unix::fs::FileExt as _, path::Path, sync::Arc};

use arc_swap::ArcSwapOption;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Mutex;

use super::{Storage, database_error};
use crate::server::telemetry::error::InternalError;

/// The number of changes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub i64);

/// The first of the two copies of the WAL index header. SQLite writes this one last.
type Header = [u8; 48];

/// Watches one database for changes.
#[derive(Debug)]
pub struct Changes {
    /// The WAL index. Never closed: closing any descriptor of a file drops all POSIX (`fcntl`) locks of the process on
    /// it, including SQLite's.
    index: ManuallyDrop<File>,
    /// The last count and the header that it belongs to. Every call on every core reads it, so it takes no lock.
    counted: ArcSwapOption<(Header, Count)>,
    /// A separate connection that stays open: SQLite deletes the index file with the last connection, and a new file
    /// would never be noticed.
    counter: Mutex<Option<SqliteConnection>>,
}

impl Changes {
    /// Opens the WAL index of the database in `file`, and a connection to query the count.
    pub async fn open(file: &Path, options: &SqliteConnectOptions) -> anyhow::Result<Self> {
        let mut counter = options.connect().await?;
        count(&mut counter).await?;
        let mut index = file.as_os_str().to_owned();
        index.push("-shm");
        let changes = Self {
            index: ManuallyDrop::new(File::open(index)?),
            counted: ArcSwapOption::empty(),
            counter: Mutex::new(Some(counter)),
        };
        changes.header()?;
        Ok(changes)
    }

    /// Closes the connection. From then on everything counts as changed.
    pub async fn close(&self) {
        if let Some(counter) = self.counter.lock().await.take()
            && let Err(error) = counter.close().await
        {
            tracing::warn!(%error, "failed to close a database connection");
        }
        self.counted.store(None);
    }

    fn header(&self) -> io::Result<Header> {
        let mut header = [0; 48];
        self.index.read_exact_at(&mut header, 0)?;
        Ok(header)
    }

    fn counted_at(&self, header: &Header) -> Option<Count> {
        let counted = self.counted.load();
        let (at, count) = counted.as_deref()?;
        (at == header).then_some(*count)
    }
}

async fn count(connection: &mut SqliteConnection) -> Result<Count, sqlx::Error> {
    sqlx::query_scalar("SELECT changes FROM guard_changes")
        .fetch_one(connection)
        .await
        .map(Count)
}

impl Storage {
    /// The count, if it is known without a query.
    pub fn changes_if_known(&self) -> Option<Count> {
        let changes = self.changes.as_ref()?;
        changes.counted_at(&changes.header().ok()?)
    }

    /// The count, or `None` if changes cannot be detected.
    pub async fn changes(&self) -> Result<Option<Count>, InternalError> {
        let Some(changes) = &self.changes else {
            return Ok(None);
        };
        // Of many concurrent calls, one queries the count.
        let mut counter = changes.counter.lock().await;
        // Read the header before the count. A commit in between then only causes one more query; the other way round it
        // would be missed.
        let Ok(header) = changes.header() else {
            return Ok(None);
        };
        if let Some(count) = changes.counted_at(&header) {
            return Ok(Some(count));
        }
        let Some(counter) = counter.as_mut() else {
            return Ok(None);
        };
        let count = count(counter)
            .await
            .map_err(database_error("reading the count of guard changes"))?;
        changes.counted.store(Some(Arc::new((header, count))));
        Ok(Some(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::storage::OpenFor;

    async fn count_now(storage: &Storage) -> Count {
        let count = storage.changes().await.unwrap().unwrap();
        assert_eq!(storage.changes_if_known(), Some(count));
        count
    }

    #[tokio::test]
    async fn what_another_process_commits_is_known_at_once_and_only_what_guards_rely_on_counts() {
        let folder = tempfile::tempdir().unwrap();
        let here = Storage::open(folder.path(), OpenFor::Serve, true).await.unwrap();
        let there = Storage::open(folder.path(), OpenFor::Serve, true).await.unwrap();
        let begin = count_now(&here).await;
        for (statement, is_counted) in [
            (
                "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
                 VALUES ('alice', '', TRUE, FALSE, 1, 1, 'alice', 'alice')",
                false,
            ),
            (
                "INSERT INTO sessions (token_hash, user_id, data, logged_in_at, last_used_at)
                 VALUES (x'01', 'alice', '{}', 1, 1), (x'02', 'alice', '{}', 1, 1)",
                false,
            ),
            ("UPDATE sessions SET last_used_at = 9", false),
            ("UPDATE users SET password_hash = 'x', changed_at = 2", false),
            ("UPDATE sessions SET last_used_at = 8 WHERE token_hash = x'01'", true),
            ("UPDATE sessions SET data = '{\"a\":1}' WHERE token_hash = x'01'", true),
            ("DELETE FROM sessions WHERE token_hash = x'01'", true),
            ("INSERT OR REPLACE INTO sessions SELECT * FROM sessions", true),
            ("UPDATE users SET active = FALSE", true),
            ("UPDATE users SET demo = TRUE", true),
            ("INSERT INTO roles (role, description) VALUES ('reader', '')", false),
            ("INSERT INTO user_roles (user_id, role) VALUES ('alice', 'reader')", true),
            ("INSERT INTO mapped_roles (user_id, role, issuer) VALUES ('alice', 'reader', 'x')", true),
            ("DELETE FROM mapped_roles", true),
            (
                "INSERT INTO role_permissions (role, permission) VALUES ('reader', 'a.read')",
                true,
            ),
            ("UPDATE role_permissions SET permission = 'a.write'", true),
            ("DELETE FROM roles WHERE role = 'reader'", true),
            ("DELETE FROM users", true),
        ] {
            let before = count_now(&here).await;
            sqlx::query(statement).execute(&there.writer).await.unwrap();
            assert_eq!(here.changes_if_known(), None, "{statement}");
            assert_eq!(count_now(&here).await != before, is_counted, "{statement}");
        }
        assert_ne!(count_now(&here).await, begin);
    }

    #[tokio::test]
    async fn a_database_in_memory_is_always_asked() {
        let storage = Storage::in_memory().await.unwrap();
        assert_eq!(storage.changes().await.unwrap(), None);
        assert_eq!(storage.changes_if_known(), None);
    }
}
