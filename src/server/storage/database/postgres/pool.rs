//! A pool of connections.
//!
//! Not sqlx's own: its places are lost for ever when a server vanishes without closing its connections
//! (<https://github.com/transact-rs/sqlx/issues/4349>), and it hands out connections in the middle of a transaction if
//! a call was cancelled at the beginning of one (<https://github.com/transact-rs/sqlx/pull/4393>).

use std::{
    fmt, io,
    ops::{Deref, DerefMut},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::address::Address;

/// How long one host has to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is tested before it is used.
const TEST_AFTER: Duration = Duration::from_secs(1);
const TEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The error of a statement that took too long.
pub fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
}

#[derive(Clone)]
pub struct Pool {
    connections: managed::Pool<Manager>,
    statement_timeout: Duration,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({:?})", self.connections.status())
    }
}

impl Pool {
    pub fn new(address: &Address, connections: usize, statement_timeout: Duration) -> anyhow::Result<Self> {
        let manager = Manager {
            hosts: address.hosts.clone(),
            preferred: AtomicUsize::new(0),
            failed_at: Mutex::new(None),
        };
        let connections = managed::Pool::builder(manager).max_size(connections).build()?;
        Ok(Self {
            connections,
            statement_timeout,
        })
    }

    pub async fn get(&self) -> sqlx::Result<Connection> {
        // Boxed, because it contains the making of a connection, and is part of every call. One timeout for all, because a
        // call may test several connections.
        let connection = timeout(ACQUIRE_TIMEOUT, Box::pin(self.connections.get())).await;
        let connection = connection
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|error| match error {
                PoolError::Backend(error) => error,
                PoolError::Closed => sqlx::Error::PoolClosed,
                _ => sqlx::Error::PoolTimedOut,
            })?;
        Ok(Connection(Some(connection)))
    }

    /// Limits the time of a statement, with the wait for a connection.
    pub async fn limit<T>(&self, statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        timeout(self.statement_timeout, statement)
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    pub fn close(&self) {
        self.connections.close();
    }
}

/// A connection from a pool. It is closed when it is dropped, because nobody knows what it was in the middle of. Only
/// [`Connection::give_back`] returns it to the pool.
pub struct Connection(Option<Object<Manager>>);

impl Connection {
    /// Returns the connection to the pool. Its statements and transactions must have ended.
    pub fn give_back(mut self) {
        self.0.take();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

const IS_PRESENT: &str = "only give_back and drop take the connection, and they end its life";

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect(IS_PRESENT)
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect(IS_PRESENT)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(…)")
    }
}

/// Makes connections to the first host that accepts writes.
struct Manager {
    hosts: Vec<PgConnectOptions>,
    /// The index of the host that was used last.
    preferred: AtomicUsize,
    /// When a connection last failed its test. Those that have not been used since then are closed without a test: when a
    /// server vanishes, tests of all of them would take longer than a call waits.
    failed_at: Mutex<Option<Instant>>,
}

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<PgConnection> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut result = Err(sqlx::Error::PoolClosed);
        for offset in 0..self.hosts.len() {
            let index = (first + offset) % self.hosts.len();
            result = timeout(CONNECT_TIMEOUT, connect(&self.hosts[index]))
                .await
                .unwrap_or_else(|_| Err(timed_out()));
            if result.is_ok() {
                self.preferred.store(index, Ordering::Relaxed);
                break;
            }
        }
        result
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        let used_at = metrics.recycled.unwrap_or(metrics.created);
        if used_at.elapsed() <= TEST_AFTER {
            return Ok(());
        }
        let has_failed_since = |failed_at: &mut Option<Instant>| failed_at.is_some_and(|failed_at| failed_at > used_at);
        if self.with_failed_at(has_failed_since) {
            return Err(RecycleError::Backend(sqlx::Error::PoolTimedOut));
        }
        let result = timeout(TEST_TIMEOUT, connection.ping()).await;
        result.unwrap_or_else(|_| Err(timed_out())).map_err(|error| {
            self.with_failed_at(|failed_at| *failed_at = Some(Instant::now()));
            RecycleError::Backend(error)
        })
    }
}

impl Manager {
    fn with_failed_at<T>(&self, change: impl FnOnce(&mut Option<Instant>) -> T) -> T {
        change(&mut self.failed_at.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Connects to a host, unless it is read-only: a standby, or a primary that was replaced.
async fn connect(host: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = host.connect().await?;
    let is_read_only: String = sqlx::query_scalar("SHOW transaction_read_only")
        .fetch_one(&mut connection)
        .await?;
    if is_read_only == "on" {
        return Err(sqlx::Error::Io(io::Error::other(
            "the server is read-only: a standby, or default_transaction_read_only is on",
        )));
    }
    Ok(connection)
}
