//! Transactions: several statements, all or nothing.

use std::time::Duration;

use sqlx::Sqlite;
use tokio::time::{Instant, sleep, timeout_at};

use super::{pool::Pool, postgres};

/// How long a transaction may take on PostgreSQL, with all its tries.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How often a transaction is tried that conflicts with others.
const MAX_TRIES: u32 = 6;

/// Whether a transaction excludes others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It holds the write lock from its start: of all transactions that take the lock, in whatever process, one runs at
    /// a time. So what it reads stays true until it ends.
    Write,
    /// It takes no lock on PostgreSQL. On SQLite there is no such transaction; it takes the write lock.
    None,
}

/// An open transaction. If it is dropped, it is rolled back.
#[derive(Debug)]
pub enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(postgres::Connection),
}

/// How a transaction ends, with the value that it returns.
pub enum End<T> {
    Commit(T),
    Rollback(T),
}

pub use End::{Commit, Rollback};

impl Transaction {
    pub async fn begin(writer: &Pool, lock: Lock) -> sqlx::Result<Self> {
        match writer {
            Pool::Sqlite(pool) => Ok(Self::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Pool::Postgres(pool) => {
                let mut connection = pool.get().await?;
                // At READ COMMITTED every later statement sees what was committed before the lock was taken.
                let begin = match lock {
                    Lock::Write => "BEGIN; SELECT changes FROM write_lock FOR UPDATE",
                    Lock::None => "BEGIN",
                };
                let result = sqlx::raw_sql(begin).execute(&mut *connection).await;
                pool.checked(result)?;
                Ok(Self::Postgres(connection))
            }
        }
    }

    /// Begins a transaction that excludes servers and commands until it ends, whatever it takes. It sees the database as
    /// it is at the beginning. The pool of SQLite must be exclusive; see [`super::sqlite::open_exclusively`].
    pub async fn begin_exclusive(pool: &Pool) -> sqlx::Result<Self> {
        // A start of a server writes to `nodes`, and most commands lock `write_lock`. The snapshot is taken after the locks.
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ;
             SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
             LOCK TABLE nodes, write_lock IN EXCLUSIVE MODE";
        match pool {
            Pool::Sqlite(_) => Self::begin(pool, Lock::Write).await,
            Pool::Postgres(pool) => {
                let mut connection = pool.get().await?;
                sqlx::raw_sql(BEGIN).execute(&mut *connection).await?;
                Ok(Self::Postgres(connection))
            }
        }
    }

    pub async fn end<T>(self, end: End<T>) -> sqlx::Result<T> {
        match (self, end) {
            (Self::Sqlite(transaction), End::Commit(value)) => transaction.commit().await.map(|()| value),
            (Self::Sqlite(transaction), End::Rollback(value)) => transaction.rollback().await.map(|()| value),
            (Self::Postgres(mut connection), end) => {
                let (statement, value) = match end {
                    End::Commit(value) => ("COMMIT", value),
                    End::Rollback(value) => ("ROLLBACK", value),
                };
                sqlx::raw_sql(statement).execute(&mut *connection).await?;
                connection.give_back();
                Ok(value)
            }
        }
    }
}

/// The tries of one transaction.
#[derive(Debug)]
pub struct Tries {
    /// `None` on SQLite, whose waits are limited by the driver.
    deadline: Option<Instant>,
    failed: u32,
}

impl Tries {
    pub fn new(writer: &Pool) -> Self {
        Self {
            deadline: matches!(writer, Pool::Postgres(_)).then(|| Instant::now() + TIMEOUT),
            failed: 0,
        }
    }

    /// Limits a try by the time that is left.
    pub async fn limit<T>(&self, attempt: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        match self.deadline {
            Some(deadline) => timeout_at(deadline, attempt)
                .await
                .unwrap_or_else(|_| Err(postgres::timed_out())),
            None => attempt.await,
        }
    }

    /// Whether the transaction was rolled back because of a conflict and may be tried again. Waits a little before.
    pub async fn may_retry(&mut self, error: &sqlx::Error) -> bool {
        self.failed += 1;
        if self.failed >= MAX_TRIES || !postgres::is_conflict(error) {
            return false;
        }
        // Random, so that those in conflict do not meet again.
        let longest = 10_u64 << self.failed;
        let wait = longest / 2 + u64::from(random_byte()) * longest / 2 / 255;
        sleep(Duration::from_millis(wait)).await;
        true
    }
}

fn random_byte() -> u8 {
    let mut byte = [128];
    // Without random numbers the wait is fixed.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

/// Runs a block in a transaction and returns `Result<_, InternalError>`. The block ends with [`End::Commit`] or
/// [`End::Rollback`]; an error rolls back, too. The transaction holds the write lock from its start, so what the block
/// reads stays true until it ends. The block runs again if the transaction conflicts with another one.
///
/// With `concurrent`, other transactions run meanwhile. For what strangers can cause: nobody can then keep the lock from
/// those that need it.
///
/// A macro, because the future of an async closure is not `Send` enough for axum.
macro_rules! transaction {
    (concurrent $storage:expr, $context:expr, |$transaction:ident| $body:block) => {
        $crate::server::storage::database::transaction::transaction!(@None $storage, $context, |$transaction| $body)
    };
    (@$lock:ident $storage:expr, $context:expr, |$transaction:ident| $body:block) => {{
        use $crate::server::storage::database::{
            errors::database_error,
            transaction::{End, Lock, Transaction, Tries},
        };
        let mut tries = Tries::new(&$storage.writer);
        loop {
            let attempt = async {
                let mut $transaction = Transaction::begin(&$storage.writer, Lock::$lock).await?;
                let end: sqlx::Result<End<_>> = async { $body }.await;
                $transaction.end(end?).await
            };
            match tries.limit(attempt).await {
                Err(error) if tries.may_retry(&error).await => {}
                result => break result.map_err(database_error($context)),
            }
        }
    }};
    ($storage:expr, $context:expr, |$transaction:ident| $body:block) => {
        $crate::server::storage::database::transaction::transaction!(@Write $storage, $context, |$transaction| $body)
    };
}
pub(in crate::server::storage) use transaction;
