//! Stored failed logins. What a bucket stands for is known here by its hash only.

use sqlx::FromRow;

use super::{Storage, fault, removal::Rows};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

const DOING: &str = "counting failed logins";

/// How often it is looked at what has been counted, while other processes count.
const LOOKS: usize = 50;

/// How an attempt counts in a bucket, should it fail.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    /// The bucket.
    pub bucket: &'a TokenHash,
    /// When it no longer counts.
    pub expires_at: Timestamp,
}

/// A failure in one of two buckets.
#[derive(Debug, FromRow)]
struct Failure {
    /// In hexadecimal digits.
    attempt: String,
    is_first: bool,
    failed_at: i64,
}

impl Storage {
    /// Counts an attempt as failed in both buckets, if `decide` lets it pass with the earlier failures in each, the oldest
    /// first. Where others were counted between the look and the count, it looks again: of many attempts at once, no more
    /// pass than one after the other. One that does not pass writes nothing, and so does a flood of them.
    ///
    /// # Errors
    /// A fault of the database; then nothing was counted.
    pub async fn count_attempt<T>(
        &self,
        attempt: &TokenHash,
        counts: [Count<'_>; 2],
        now: Timestamp,
        decide: impl Fn([&[Timestamp]; 2]) -> Result<T, T>,
    ) -> Result<Result<T, T>, InternalError> {
        for _ in 0..LOOKS {
            let seen = self.failures(counts.map(|count| count.bucket)).await?;
            let of = |is_first| {
                let failures = seen.iter().filter(|failure| failure.is_first == is_first);
                failures.map(|failure| Timestamp(failure.failed_at)).collect::<Vec<_>>()
            };
            let decided = decide([&of(true), &of(false)]);
            if decided.is_err() || self.add_attempt(attempt, counts, now, &seen).await? {
                return Ok(decided);
            }
        }
        Err(InternalError::unavailable(
            DOING,
            "other processes counted one each time",
        ))
    }

    /// The failures in both buckets, the oldest first.
    async fn failures(&self, [first, second]: [&TokenHash; 2]) -> Result<Vec<Failure>, InternalError> {
        sqlx::query_as(
            "SELECT hex(attempt) AS attempt, bucket = $1 AS is_first, failed_at FROM failed_logins
             WHERE bucket IN ($1, $2) ORDER BY failed_at",
        )
        .bind(first.as_bytes())
        .bind(second.as_bytes())
        .fetch_all(&self.reader)
        .await
        .map_err(fault(DOING))
    }

    /// Counts an attempt, unless there is a failure in its buckets that was not `seen`: then `false`.
    async fn add_attempt(
        &self,
        attempt: &TokenHash,
        [first, second]: [Count<'_>; 2],
        now: Timestamp,
        seen: &[Failure],
    ) -> Result<bool, InternalError> {
        let seen: Vec<_> = seen.iter().map(|failure| &failure.attempt).collect();
        let seen = serde_json::to_string(&seen).map_err(|error| InternalError::new(DOING, error))?;
        let done = sqlx::query(
            "INSERT INTO failed_logins (attempt, bucket, failed_at, expires_at)
             SELECT $1, counts.column1, $2, counts.column2 FROM (VALUES ($3, $4), ($5, $6)) AS counts
             WHERE NOT EXISTS
               (SELECT 1 FROM failed_logins
                WHERE bucket IN ($3, $5) AND hex(attempt) NOT IN (SELECT value FROM json_each($7)))",
        )
        .bind(attempt.as_bytes())
        .bind(now.0)
        .bind(first.bucket.as_bytes())
        .bind(first.expires_at.0)
        .bind(second.bucket.as_bytes())
        .bind(second.expires_at.0)
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
    pub async fn uncount_attempt(&self, attempt: &TokenHash) -> Result<(), InternalError> {
        sqlx::query("DELETE FROM failed_logins WHERE attempt = $1")
            .bind(attempt.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault(DOING))?;
        Ok(())
    }

    /// Takes an attempt back, and with it all failures in `bucket` up to that moment.
    pub async fn forgive_failures(
        &self,
        attempt: &TokenHash,
        bucket: &TokenHash,
        until: Timestamp,
    ) -> Result<(), InternalError> {
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
    pub async fn sweep_failed_logins(&self, now: Timestamp, most: i64) -> Result<u64, InternalError> {
        let rows = |which| Rows {
            table: "failed_logins",
            key: "attempt, bucket",
            which,
        };
        let doing = "sweeping failed logins";
        let over = self.remove(doing, rows("expires_at <= $1"), &[now.0]).await?;
        let from_later = rows("failed_at > $1");
        let from_later = self.remove(doing, from_later, &[now.latest_noted().0]).await?;
        // By their age, and not by when they are over: those of addresses are over long before those of accounts.
        let last: Option<i64> =
            sqlx::query_scalar("SELECT failed_at FROM failed_logins ORDER BY failed_at DESC LIMIT 1 OFFSET $1")
                .bind(most)
                .fetch_optional(&self.reader)
                .await
                .map_err(fault(doing))?;
        let surplus = match last {
            Some(last) => self.remove(doing, rows("failed_at <= $1"), &[last]).await?,
            None => 0,
        };
        Ok(over + from_later + surplus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address counts for a minute, and an account for a day.
    #[tokio::test]
    async fn of_too_many_the_oldest_go_and_not_those_that_are_over_first() {
        let storage = Storage::in_memory().await.unwrap();
        let hash = |name: String| TokenHash::of(name.as_bytes());
        for number in 0..20 {
            let now = Timestamp(1000 + number);
            let (account, address) = (hash(format!("account {number}")), hash(format!("address {number}")));
            let counts = [(&account, 86_400_000), (&address, 60_000)].map(|(bucket, counts_for)| Count {
                bucket,
                expires_at: Timestamp(now.0 + counts_for),
            });
            let attempt = hash(format!("attempt {number}"));
            let counted = storage.count_attempt(&attempt, counts, now, |_| Ok::<(), ()>(()));
            counted.await.unwrap().unwrap();
        }
        assert_eq!(storage.sweep_failed_logins(Timestamp(2000), 10).await.unwrap(), 30);
        let left: Vec<(i64, bool)> =
            sqlx::query_as("SELECT failed_at, expires_at > 80000000 FROM failed_logins ORDER BY failed_at, expires_at")
                .fetch_all(&storage.reader)
                .await
                .unwrap();
        let expected: Vec<_> = (1015..1020).flat_map(|at| [(at, false), (at, true)]).collect();
        assert_eq!(left, expected);
    }
}
