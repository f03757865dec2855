//! Detects changes that guards depend on, in whatever process they are made.
//!
//! Triggers write such changes to the log `guard_changes`, each with the user that it concerns. [`Changes`] reads what is
//! new in it. Something that was found out about a user is valid until a change concerns that user, or everybody.
//!
//! On SQLite the log is read only if something was committed. On PostgreSQL every call waits for a read that began after
//! the call arrived, and all calls that wait share one read. So the first call after a change sees it, on every node, and
//! the number of reads does not grow with the number of calls. If the log cannot be read, nobody is let in.
//!
//! An in-memory database has no [`Changes`]. There, everything always counts as changed.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, FromRow, SqliteConnection};
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};
use tracing::Instrument as _;

use super::{
    Storage,
    database::{
        commits::{CommitWatch, Moment, since_boot},
        errors::database_error,
        pool::Pool,
        postgres::timed_out,
        query::query_as,
    },
    removal::Rows,
};
use crate::server::telemetry::error::InternalError;

const CONTEXT: &str = "reading the log of guard changes";

/// How long a read of the log may take.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// How old the last heartbeat may be: it proves that the database accepts writes, so that it is not a replica, nor a
/// primary that was replaced.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum number of changes that are read at once. If there are more, everything counts as changed.
const MAX_CHANGES: i64 = 1000;

/// The maximum number of users whose last change is remembered. If there are more, everything counts as changed.
const MAX_USERS: usize = 10_000;

/// The number of changes that stay in the log. A node that has missed more forgets everything.
const KEPT_CHANGES: i64 = 10_000;

/// A state of the log. What was found out after it was read is valid until something changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version(u64);

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct Change {
    number: i64,
    /// Random. After a fail-over, another history can have a change with the same number.
    mark: String,
    /// `None` if the change concerns everybody.
    user_id: Option<String>,
}

/// What was read from the log.
#[derive(Debug, Default)]
struct Log {
    /// The newest row.
    last: Option<Change>,
    version: Version,
    /// When the newest change was read that concerns everybody.
    everybody: Version,
    /// When the newest change was read that concerns a user.
    users: HashMap<String, Version>,
    /// When the log was last read.
    read_at: Option<Moment>,
}

/// The outcome of the last read.
#[derive(Debug, Default)]
struct LastRead {
    /// The number of calls that had arrived when it began.
    arrivals: u64,
    error: Option<String>,
}

/// Knows the changes of one database.
#[derive(Debug)]
pub struct Changes {
    watch: CommitWatch,
    pool: Pool,
    log: RwLock<Log>,
    /// The number of calls that have asked so far.
    arrivals: AtomicU64,
    last_read: Mutex<LastRead>,
    /// When the last heartbeat began that was committed, as time since boot. `None` before the first one.
    heartbeat: watch::Sender<Option<Duration>>,
    kept_open: Mutex<Option<SqliteConnection>>,
}

impl Log {
    /// Takes in the rows from the last known one on. Returns `false` if the newest row has to be read anew.
    fn apply(&mut self, rows: &[Change]) -> bool {
        let is_continued = !rows.is_empty() && rows.first() == self.last.as_ref();
        let is_complete = i64::try_from(rows.len()).is_ok_and(|count| count < MAX_CHANGES);
        if !is_continued || !is_complete {
            self.forget();
            return false;
        }
        let Some((_, new @ [.., newest])) = rows.split_first() else {
            return true;
        };
        self.version.0 += 1;
        self.last = Some(newest.clone());
        for change in new {
            match &change.user_id {
                Some(user_id) => drop(self.users.insert(user_id.clone(), self.version)),
                None => self.everybody = self.version,
            }
        }
        if self.users.len() > MAX_USERS {
            self.forget();
        }
        true
    }

    /// Makes everything count as changed.
    fn forget(&mut self) {
        self.version.0 += 1;
        self.everybody = self.version;
        self.users.clear();
    }

    fn has_changed(&self, user_id: &str, since: Version) -> bool {
        let newest = self.users.get(user_id).copied().unwrap_or_default();
        newest.max(self.everybody) > since
    }
}

impl Changes {
    /// `kept_open` is a connection that stays open; see [`CommitWatch::of_sqlite`].
    pub fn new(watch: CommitWatch, pool: Pool, kept_open: Option<SqliteConnection>) -> Self {
        Self {
            watch,
            pool,
            log: RwLock::default(),
            arrivals: AtomicU64::new(0),
            last_read: Mutex::default(),
            heartbeat: watch::Sender::new(None),
            kept_open: Mutex::new(kept_open),
        }
    }

    /// Closes the connection. From then on nothing is known without a query.
    pub async fn close(&self) {
        self.with_log(|log| log.read_at = None);
        if let Some(connection) = self.kept_open.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "failed to close a database connection");
        }
    }

    fn with_log<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        change(&mut self.log.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The version, if it is known without a query that there is no newer one.
    fn known(&self) -> Option<Version> {
        let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
        let read_at = log.read_at.as_ref()?;
        self.watch.is_unchanged_since(read_at).then_some(log.version)
    }

    /// The version after a read that began after this call did.
    async fn up_to_date(self: &Arc<Self>) -> Result<Version, InternalError> {
        if let Some(version) = self.known() {
            return Ok(version);
        }
        self.check_heartbeat().await?;
        let arrival = self.arrivals.fetch_add(1, Ordering::SeqCst) + 1;
        // In a task of its own, because others wait for this read, too, and a cancelled call must not cut it off.
        let changes = Arc::clone(self);
        tokio::spawn(async move { changes.read(arrival).await }.in_current_span())
            .await
            .map_err(|error| InternalError::new(CONTEXT, error))?
    }

    /// Reads the log, unless a read has covered the call with this number.
    async fn read(&self, arrival: u64) -> Result<Version, InternalError> {
        let mut last_read = self.last_read.lock().await;
        if last_read.arrivals < arrival {
            last_read.arrivals = self.arrivals.load(Ordering::SeqCst);
            let result = match self.pool {
                Pool::Postgres(_) => timeout(READ_TIMEOUT, self.read_new())
                    .await
                    .unwrap_or_else(|_| Err(timed_out())),
                Pool::Sqlite(_) => self.read_new().await,
            };
            match result.map_err(database_error(CONTEXT)) {
                Ok(()) => last_read.error = None,
                Err(error) if error.is_unavailable() => last_read.error = Some(error.chain()),
                Err(error) => {
                    last_read.error = Some(error.chain());
                    return Err(error);
                }
            }
        }
        match &last_read.error {
            Some(error) => Err(InternalError::unavailable(CONTEXT, error.clone())),
            None => Ok(self.with_log(|log| log.version)),
        }
    }

    async fn read_new(&self) -> sqlx::Result<()> {
        // Before the query. A commit in between then only causes one more read; the other way round it would be missed.
        let read_at = self.watch.now().map_err(sqlx::Error::Io)?;
        let last = self.with_log(|log| log.last.as_ref().map(|last| last.number));
        let rows = match last {
            Some(last) => query_as(
                "SELECT change AS number, mark, user_id FROM guard_changes WHERE change >= $1 ORDER BY change LIMIT $2",
            )
            .bind(last)
            .bind(MAX_CHANGES)
            .fetch_all(&self.pool)
            .await?,
            None => Vec::new(),
        };
        if !self.with_log(|log| log.apply(&rows)) {
            let newest =
                query_as("SELECT change AS number, mark, user_id FROM guard_changes ORDER BY change DESC LIMIT 1")
                    .fetch_one(&self.pool)
                    .await?;
            self.with_log(|log| log.last = Some(newest));
        }
        self.with_log(|log| log.read_at = Some(read_at));
        Ok(())
    }

    /// Waits until a heartbeat has been committed lately.
    async fn check_heartbeat(&self) -> Result<(), InternalError> {
        let mut heartbeat = self.heartbeat.subscribe();
        let is_recent =
            |began: &Option<Duration>| began.is_none_or(|began| since_boot().saturating_sub(began) < HEARTBEAT_TIMEOUT);
        timeout(READ_TIMEOUT, heartbeat.wait_for(is_recent))
            .await
            .map_err(|_| InternalError::unavailable(CONTEXT, "the database has accepted no write for too long"))?
            .map(drop)
            .map_err(|error| InternalError::new(CONTEXT, error))
    }
}

impl Storage {
    /// The version of the log, if it is known without a query.
    pub fn changes_if_known(&self) -> Option<Version> {
        self.changes.as_ref()?.known()
    }

    /// The version of the log, or `None` if changes cannot be detected.
    pub async fn changes(&self) -> Result<Option<Version>, InternalError> {
        match &self.changes {
            Some(changes) => changes.up_to_date().await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether something has changed that concerns a user, as far as the log was read. `true` if changes cannot be
    /// detected.
    pub fn has_changed(&self, user_id: &str, since: Version) -> bool {
        self.changes.as_ref().is_none_or(|changes| {
            let log = changes.log.read().unwrap_or_else(PoisonError::into_inner);
            log.has_changed(user_id, since)
        })
    }

    /// Reports a write that was committed, as proof that the database accepts writes.
    pub fn heartbeat_committed(&self, began: Duration) {
        if let Some(changes) = &self.changes {
            changes.heartbeat.send_replace(Some(began));
        }
    }

    /// Deletes the oldest changes from the log and returns their number.
    pub async fn sweep_changes(&self) -> Result<u64, InternalError> {
        let old = Rows {
            table: "guard_changes",
            key: "change",
            condition: "change <= (SELECT max(change) FROM guard_changes) - $1",
            locked: false,
        };
        self.delete_in_batches("sweeping the log of guard changes", old, &[KEPT_CHANGES])
            .await
    }
}

#[cfg(test)]
mod tests;
