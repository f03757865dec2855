//! Whether anything has changed that guards rely on, found out without asking the database each time.
//!
//! The database counts such changes (`guard_changes`), whichever process makes them. And SQLite notes every commit of every
//! process at the start of the index of its write-ahead log (<https://sqlite.org/walformat.html>, section 2.1): as long as
//! those bytes stay the same, nothing at all was committed. So a read of a few bytes from the system's memory tells that the
//! count is still what it was, and only after a commit is it asked for. It is read after the commit of whoever made a change
//! and before the answer to whoever calls next, so a change is never missed.
//!
//! Where the index is not there, as with a database in memory, everything counts as changed all the time.

use std::{fs::File, io, mem::ManuallyDrop, os::unix::fs::FileExt as _, path::Path, sync::Arc};

use arc_swap::ArcSwapOption;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::Mutex;

use super::{Storage, fault};
use crate::server::telemetry::error::InternalError;

/// How many changes there have been, as far as something that was found out can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(i64);

#[cfg(test)]
impl Count {
    /// That count.
    pub fn of(changes: i64) -> Self {
        Self(changes)
    }
}

/// The start of the index: the first of two copies of its header, which is written last.
type Header = [u8; 48];

/// The changes of one database.
#[derive(Debug)]
pub struct Changes {
    /// The index. Never closed: that would take away the locks that SQLite holds on the same file for this process (POSIX
    /// `fcntl`).
    index: ManuallyDrop<File>,
    /// Every call looks at it, on every core: so it is read without a lock.
    counted: ArcSwapOption<(Header, Count)>,
    /// A connection of its own, open until all are closed: so the index stays the same file.
    counter: Mutex<Option<SqliteConnection>>,
}

impl Changes {
    /// Opens what is needed to look at the database in `file`.
    ///
    /// # Errors
    /// A failure of the database or of its index.
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

    /// Closes the connection. From now on everything counts as changed.
    pub async fn close(&self) {
        if let Some(counter) = self.counter.lock().await.take()
            && let Err(error) = counter.close().await
        {
            tracing::warn!(%error, "the database was not closed as it should be");
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
    /// How many changes there have been, where that is known without asking the database.
    pub fn changes_if_known(&self) -> Option<Count> {
        let changes = self.changes.as_ref()?;
        changes.counted_at(&changes.header().ok()?)
    }

    /// How many changes there have been. `None` where that cannot be followed.
    pub async fn changes(&self) -> Result<Option<Count>, InternalError> {
        let Some(changes) = &self.changes else {
            return Ok(None);
        };
        // Of many who ask at once, one counts.
        let mut counter = changes.counter.lock().await;
        // Before the count: what is committed in between is counted, and then looks like news once more.
        let Ok(header) = changes.header() else {
            return Ok(None);
        };
        if let Some(count) = changes.counted_at(&header) {
            return Ok(Some(count));
        }
        let Some(counter) = counter.as_mut() else {
            return Ok(None);
        };
        let count = count(counter).await.map_err(fault("counting what guards rely on"))?;
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
        for (statement, counts) in [
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
            assert_eq!(count_now(&here).await != before, counts, "{statement}");
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
