//! Stored failed logins. What a bucket stands for is known here by its hash only.

use super::{Storage, fault};
use crate::server::{clock::Timestamp, fault::Fault, secret::TokenHash};

const DOING: &str = "counting failed logins";

/// How an attempt counts in a bucket, should it fail.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    /// The bucket.
    pub bucket: &'a TokenHash,
    /// When it no longer counts.
    pub expires_at: Timestamp,
}

impl Storage {
    /// Counts an attempt as failed in both buckets, if `decide` lets it pass with the earlier failures in each, the oldest
    /// first. Looking and counting are one step: of many attempts at once, no more pass than one after the other.
    ///
    /// # Errors
    /// A fault of the database; then nothing was counted.
    pub async fn count_attempt<T>(
        &self,
        attempt: &TokenHash,
        counts: [Count<'_>; 2],
        now: Timestamp,
        decide: impl Fn([&[Timestamp]; 2]) -> Result<T, T>,
    ) -> Result<Result<T, T>, Fault> {
        let [first, second] = counts.map(|count| count.bucket);
        // A look without a write first, so that a flood of refused attempts writes nothing.
        {
            let mut reader = self.reader.acquire().await.map_err(fault(DOING))?;
            let failures = failures(&mut reader, [first, second]).await?;
            let decided = decide([&failures[0], &failures[1]]);
            if decided.is_err() {
                return Ok(decided);
            }
        }
        // From here on nobody else writes.
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(fault(DOING))?;
        let failures = self::failures(&mut transaction, [first, second]).await?;
        let decided = decide([&failures[0], &failures[1]]);
        if decided.is_ok() {
            let [one, other] = counts;
            sqlx::query(
                "INSERT INTO failed_logins (attempt, bucket, failed_at, expires_at)
                 VALUES ($1, $2, $3, $4), ($1, $5, $3, $6)",
            )
            .bind(attempt.as_bytes())
            .bind(one.bucket.as_bytes())
            .bind(now.0)
            .bind(one.expires_at.0)
            .bind(other.bucket.as_bytes())
            .bind(other.expires_at.0)
            .execute(&mut *transaction)
            .await
            .map_err(fault(DOING))?;
            transaction.commit().await.map_err(fault(DOING))?;
        }
        Ok(decided)
    }

    /// Takes an attempt back: it did not fail.
    ///
    /// # Errors
    /// A fault of the database; then it goes on counting.
    pub async fn uncount_attempt(&self, attempt: &TokenHash) -> Result<(), Fault> {
        sqlx::query("DELETE FROM failed_logins WHERE attempt = $1")
            .bind(attempt.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault(DOING))?;
        Ok(())
    }

    /// Takes an attempt back, and with it all failures in `bucket` up to that moment.
    ///
    /// # Errors
    /// A fault of the database; then nothing has changed.
    pub async fn forgive_failures(
        &self,
        attempt: &TokenHash,
        bucket: &TokenHash,
        until: Timestamp,
    ) -> Result<(), Fault> {
        sqlx::query("DELETE FROM failed_logins WHERE attempt = $1 OR (bucket = $2 AND failed_at <= $3)")
            .bind(attempt.as_bytes())
            .bind(bucket.as_bytes())
            .bind(until.0)
            .execute(&self.writer)
            .await
            .map_err(fault(DOING))?;
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

/// The failures in each of two buckets, the oldest first.
async fn failures(
    connection: &mut sqlx::SqliteConnection,
    buckets: [&TokenHash; 2],
) -> Result<[Vec<Timestamp>; 2], Fault> {
    let [one, other] = buckets;
    let failures: Vec<(bool, i64)> =
        sqlx::query_as("SELECT bucket = $1, failed_at FROM failed_logins WHERE bucket IN ($1, $2) ORDER BY failed_at")
            .bind(one.as_bytes())
            .bind(other.as_bytes())
            .fetch_all(connection)
            .await
            .map_err(fault(DOING))?;
    let of = |is_first| {
        let failures = failures.iter().filter(|(first, _)| *first == is_first);
        failures.map(|(_, at)| Timestamp(*at)).collect()
    };
    Ok([of(true), of(false)])
}
