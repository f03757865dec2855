//! Stored failed logins. What a bucket stands for is known here by its hash only.

use sqlx::{FromRow, QueryBuilder, Sqlite};

use super::{Storage, fault};
use crate::server::{clock::Timestamp, fault::Fault, secret::TokenHash};

const DOING: &str = "counting failed logins";

/// How many attempts are forgiven with one statement.
const ATTEMPTS_AT_ONCE: usize = 50;

/// An attempt to log in. Where it has failed, it counts in two buckets.
#[derive(Debug, Clone)]
pub struct StoredAttempt {
    /// A random number.
    pub id: i64,
    /// When it began.
    pub at: Timestamp,
    /// The bucket of the account.
    pub account: TokenHash,
    /// The bucket of the address.
    pub network: TokenHash,
}

/// A failure that counts in a bucket.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Failure {
    /// The bucket is that of the account.
    pub is_of_account: bool,
    /// The attempt.
    pub attempt: i64,
    /// When it began, in milliseconds since 1970.
    pub failed_at: i64,
}

impl Storage {
    /// The failures in the buckets of an account and of an address, the oldest first.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_failures(&self, account: &TokenHash, network: &TokenHash) -> Result<Vec<Failure>, Fault> {
        sqlx::query_as(
            "SELECT bucket = $1 AS is_of_account, attempt, failed_at FROM failed_logins
             WHERE bucket IN ($1, $2) ORDER BY failed_at",
        )
        .bind(account.as_bytes())
        .bind(network.as_bytes())
        .fetch_all(&self.reader)
        .await
        .map_err(fault(DOING))
    }

    /// Counts an attempt as failed in both its buckets, until the one and the other moment, unless there is a failure in them
    /// that was not `seen`: then `false`. So of many attempts that look and then count, no more pass than one after the other.
    ///
    /// # Errors
    /// A fault of the database; then nothing was counted.
    pub async fn add_attempt(
        &self,
        attempt: &StoredAttempt,
        [account_until, network_until]: [Timestamp; 2],
        seen: &[Failure],
    ) -> Result<bool, Fault> {
        let seen: Vec<_> = seen.iter().map(|failure| failure.attempt).collect();
        let seen = serde_json::to_string(&seen).map_err(|error| Fault::new(DOING, error))?;
        let done = sqlx::query(
            "INSERT INTO failed_logins (bucket, failed_at, attempt, expires_at)
             SELECT counts.column1, $1, $2, counts.column2 FROM (VALUES ($3, $4), ($5, $6)) AS counts
             WHERE NOT EXISTS
               (SELECT 1 FROM failed_logins
                WHERE bucket IN ($3, $5) AND attempt NOT IN (SELECT value FROM json_each($7)))",
        )
        .bind(attempt.at.0)
        .bind(attempt.id)
        .bind(attempt.account.as_bytes())
        .bind(account_until.0)
        .bind(attempt.network.as_bytes())
        .bind(network_until.0)
        .bind(seen)
        .execute(&self.writer)
        .await
        .map_err(fault(DOING))?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes an attempt back: it did not fail.
    ///
    /// # Errors
    /// A fault of the database; then it goes on counting.
    pub async fn remove_attempt(&self, attempt: &StoredAttempt) -> Result<(), Fault> {
        sqlx::query("DELETE FROM failed_logins WHERE bucket IN ($1, $2) AND failed_at = $3 AND attempt = $4")
            .bind(attempt.account.as_bytes())
            .bind(attempt.network.as_bytes())
            .bind(attempt.at.0)
            .bind(attempt.id)
            .execute(&self.writer)
            .await
            .map_err(fault(DOING))?;
        Ok(())
    }

    /// Takes attempts back, and with each all failures of its account up to the moment at which it began.
    ///
    /// # Errors
    /// A fault of the database; then some or all of them go on counting.
    pub async fn forgive_failures(&self, attempts: &[StoredAttempt]) -> Result<(), Fault> {
        for attempts in attempts.chunks(ATTEMPTS_AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM failed_logins WHERE ");
            let mut any = query.separated(" OR ");
            for attempt in attempts {
                any.push("(bucket = ")
                    .push_bind_unseparated(attempt.account.as_bytes())
                    .push_unseparated(" AND failed_at <= ")
                    .push_bind_unseparated(attempt.at.0)
                    .push_unseparated(")");
                any.push("(bucket = ")
                    .push_bind_unseparated(attempt.network.as_bytes())
                    .push_unseparated(" AND failed_at = ")
                    .push_bind_unseparated(attempt.at.0)
                    .push_unseparated(" AND attempt = ")
                    .push_bind_unseparated(attempt.id)
                    .push_unseparated(")");
            }
            query
                .build()
                .persistent(false)
                .execute(&self.writer)
                .await
                .map_err(fault("forgiving failed logins"))?;
        }
        Ok(())
    }

    /// Removes what no longer counts, and the oldest beyond `most`: how many there are is up to those who fail.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn sweep_failed_logins(&self, now: Timestamp, most: i64) -> Result<u64, Fault> {
        let sweep = "sweeping failed logins";
        let over = sqlx::query("DELETE FROM failed_logins WHERE expires_at <= $1 OR failed_at > $2")
            .bind(now.0)
            .bind(now.latest_noted().0)
            .execute(&self.writer)
            .await
            .map_err(fault(sweep))?;
        let surplus = sqlx::query(
            "DELETE FROM failed_logins WHERE expires_at <=
             (SELECT expires_at FROM failed_logins ORDER BY expires_at DESC LIMIT 1 OFFSET $1)",
        )
        .bind(most)
        .execute(&self.writer)
        .await
        .map_err(fault(sweep))?;
        Ok(over.rows_affected() + surplus.rows_affected())
    }
}
