//! A pool of connections.
//!
//! Not sqlx's own: its places are lost for ever when a server vanishes without closing its connections
//! (<https://github.com/transact-rs/sqlx/issues/4349>), and it hands out connections in the middle of a transaction if
//! a call was cancelled at the beginning of one (<https://github.com/transact-rs/sqlx/pull/4393>).

use std::{
    fmt, io,
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{address::Address, errors::is_disconnect};

/// How long a host has to accept a connection, if there is one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long each host has to accept a connection, if there are several. Another one should be tried soon.
const CONNECT_TIMEOUT_OF_SEVERAL: Duration = Duration::from_secs(1);
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
    pub fn new(hosts: &Arc<Hosts>, connections: usize, statement_timeout: Duration) -> anyhow::Result<Self> {
        let connections = managed::Pool::builder(Manager(Arc::clone(hosts)))
            .max_size(connections)
            .build()?;
        Ok(Self {
            connections,
            statement_timeout,
        })
    }

    pub async fn get(&self) -> sqlx::Result<Connection> {
        // Boxed, because it contains the making of a connection, and is part of every call. One timeout for all, because a
        // call may test several connections.
        let connection = timeout(ACQUIRE_TIMEOUT, Box::pin(self.connections.get()))
            .await
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
        let result = timeout(self.statement_timeout, statement)
            .await
            .unwrap_or_else(|_| Err(timed_out()));
        self.checked(result)
    }

    /// Returns the result of a statement. If the connection has ended, those that are idle are not used again: the next
    /// calls would fail one after the other.
    pub fn checked<T>(&self, result: sqlx::Result<T>) -> sqlx::Result<T> {
        if result.as_ref().is_err_and(is_disconnect) {
            self.connections.manager().0.discard_connections();
        }
        result
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

/// The hosts of the database, for all pools of a node. Connections are made to the first one that accepts writes.
pub struct Hosts {
    addresses: Vec<PgConnectOptions>,
    /// The index of the host that was used last.
    preferred: AtomicUsize,
    /// Connections that were made earlier are not used again.
    valid_since: Mutex<Instant>,
}

impl Hosts {
    pub fn new(address: &Address) -> Self {
        Self {
            addresses: address.hosts.clone(),
            preferred: AtomicUsize::new(0),
            valid_since: Mutex::new(Instant::now()),
        }
    }

    /// Has no pool use again the connections that were made so far. One was found broken, and to find out about each of
    /// the others takes its time; or another host has taken over.
    fn discard_connections(&self) {
        *self.valid_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_discarded(&self, made_at: Instant) -> bool {
        made_at < *self.valid_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Manager(Arc<Hosts>);

impl managed::Manager for Manager {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<PgConnection> {
        let hosts = &self.0;
        let count = hosts.addresses.len();
        let limit = if count > 1 {
            CONNECT_TIMEOUT_OF_SEVERAL
        } else {
            CONNECT_TIMEOUT
        };
        let first = hosts.preferred.load(Ordering::Relaxed);
        let mut result = Err(sqlx::Error::PoolClosed);
        for offset in 0..count {
            let index = (first + offset) % count;
            result = timeout(limit, connect(&hosts.addresses[index]))
                .await
                .unwrap_or_else(|_| Err(timed_out()));
            if result.is_ok() {
                if hosts.preferred.swap(index, Ordering::Relaxed) != index {
                    hosts.discard_connections();
                }
                break;
            }
        }
        result
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if self.0.is_discarded(metrics.created) {
            return Err(RecycleError::message("it was made before another one broke"));
        }
        if metrics.last_used() <= TEST_AFTER {
            return Ok(());
        }
        let tested = timeout(TEST_TIMEOUT, connection.ping())
            .await
            .unwrap_or_else(|_| Err(timed_out()));
        if tested.is_err() {
            self.0.discard_connections();
        }
        tested.map_err(RecycleError::Backend)
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
