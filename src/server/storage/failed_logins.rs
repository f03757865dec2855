//! Stored failed logins, counted in buckets. A bucket is the hash of an account name or a client IP.

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as, query_scalar},
        transaction::{Commit, Rollback, transaction},
    },
    removal::Rows,
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

const CONTEXT: &str = "counting failed logins";

/// The maximum number of tries to count an attempt while other processes count theirs.
const MAX_TRIES: usize = 50;

/// The count of an attempt in one bucket.
#[derive(Debug, Clone, Copy)]
pub struct Count<'a> {
    pub bucket: &'a TokenHash,
    /// When the attempt stops counting.
    pub expires_at: Timestamp,
}

/// A failure in one of two buckets.
#[derive(Debug, FromRow)]
struct Failure {
    /// Whether it is in the first bucket.
    is_first: bool,
    failed_at: i64,
}

impl Storage {
    /// Counts an attempt as failed in both buckets before it is made, if `decide` allows it. `decide` gets the earlier
    /// failures in each bucket, the oldest first.
    ///
    /// If other attempts are counted between reading and writing, it reads and decides again. So of concurrent attempts
    /// no more are allowed than of sequential ones, on all nodes together. A refused attempt writes nothing, which keeps a
    /// flood of them cheap.
    pub async fn count_attempt<T>(
        &self,
        attempt: &TokenHash,
        counts: [Count<'_>; 2],
        now: Timestamp,
        decide: impl Fn([&[Timestamp]; 2]) -> Result<T, T>,
    ) -> Result<Result<T, T>, InternalError> {
        let buckets = counts.map(|count| count.bucket);
        for _ in 0..MAX_TRIES {
            // Before the failures: an attempt that is counted in between then makes this one start again.
            let versions = self.bucket_versions(buckets).await?;
            let seen = self.failures(buckets).await?;
            let times = |is_first| {
                let failures = seen.iter().filter(|failure| failure.is_first == is_first);
                failures.map(|failure| Timestamp(failure.failed_at)).collect::<Vec<_>>()
            };
            let decision = decide([&times(true), &times(false)]);
            if decision.is_err() || self.add_attempt(attempt, counts, now, versions).await? {
                return Ok(decision);
            }
        }
        Err(InternalError::unavailable(CONTEXT, "too many concurrent attempts"))
    }

    /// The version of each bucket, which changes with every attempt that is counted.
    async fn bucket_versions(&self, buckets: [&TokenHash; 2]) -> Result<[i64; 2], InternalError> {
        let [first, second] = buckets.map(TokenHash::as_bytes);
        let (first, second) = query_as::<(i64, i64)>(
            "SELECT COALESCE((SELECT version FROM login_buckets WHERE bucket = $1), 0),
               COALESCE((SELECT version FROM login_buckets WHERE bucket = $2), 0)",
        )
        .bind(first)
        .bind(second)
        .fetch_one(&self.reader)
        .await
        .map_err(database_error(CONTEXT))?;
        Ok([first, second])
    }

    /// The failures in either bucket, the oldest first.
    async fn failures(&self, [first, second]: [&TokenHash; 2]) -> Result<Vec<Failure>, InternalError> {
        query_as(
            "SELECT bucket = $1 AS is_first, failed_at FROM failed_logins
             WHERE bucket IN ($1, $2) ORDER BY failed_at",
        )
        .bind(first.as_bytes())
        .bind(second.as_bytes())
        .fetch_all(&self.reader)
        .await
        .map_err(database_error(CONTEXT))
    }

    /// Counts an attempt. `false`, with nothing counted, if another one was counted in its buckets since their `versions`
    /// were read.
    async fn add_attempt(
        &self,
        attempt: &TokenHash,
        counts: [Count<'_>; 2],
        now: Timestamp,
        versions: [i64; 2],
    ) -> Result<bool, InternalError> {
        let [first, second] = counts;
        let mut buckets = [(first, versions[0]), (second, versions[1])];
        // In one order, so that two attempts with both buckets in common cannot wait for each other.
        buckets.sort_by(|(one, _), (other, _)| one.bucket.as_bytes().cmp(other.bucket.as_bytes()));
        transaction!(concurrent self, CONTEXT, |transaction| {
            for (count, version) in buckets {
                let updated = query(
                    "INSERT INTO login_buckets (bucket, version, expires_at) VALUES ($1, $4, $2)
                     ON CONFLICT (bucket) DO UPDATE SET version = login_buckets.version + 1, expires_at = $2
                     WHERE login_buckets.version = $3",
                )
                .bind(count.bucket.as_bytes())
                .bind(count.expires_at.0)
                .bind(version)
                // Versions begin with the time, so that none comes again after the sweeper has deleted a bucket.
                .bind(now.0)
                .execute(&mut transaction)
                .await?;
                if updated == 0 {
                    return Ok(Rollback(false));
                }
                query("INSERT INTO failed_logins (attempt, bucket, failed_at, expires_at) VALUES ($1, $2, $3, $4)")
                    .bind(attempt.as_bytes())
                    .bind(count.bucket.as_bytes())
                    .bind(now.0)
                    .bind(count.expires_at.0)
                    .execute(&mut transaction)
                    .await?;
            }
            Ok(Commit(true))
        })
    }

    /// Deletes an attempt from both buckets, because it did not fail.
    pub async fn uncount_attempt(&self, attempt: &TokenHash) -> Result<(), InternalError> {
        let delete = query("DELETE FROM failed_logins WHERE attempt = $1").bind(attempt.as_bytes());
        self.execute(CONTEXT, delete).await.map(drop)
    }

    /// Deletes an attempt from both buckets, and all failures in `bucket` up to `until`.
    pub async fn forgive_failures(
        &self,
        attempt: &TokenHash,
        bucket: &TokenHash,
        until: Timestamp,
    ) -> Result<(), InternalError> {
        let delete = query("DELETE FROM failed_logins WHERE attempt = $1 OR (bucket = $2 AND failed_at <= $3)")
            .bind(attempt.as_bytes())
            .bind(bucket.as_bytes())
            .bind(until.0);
        self.execute(CONTEXT, delete).await.map(drop)
    }

    /// Deletes failures that no longer count, and the oldest beyond `limit`, because attackers control how many there
    /// are. Returns the number of rows deleted.
    pub async fn sweep_failed_logins(&self, now: Timestamp, limit: i64) -> Result<u64, InternalError> {
        let context = "sweeping failed logins";
        let delete = |condition, value| async move {
            let (table, key) = ("failed_logins", "attempt, bucket");
            let rows = Rows {
                table,
                key,
                condition,
                locked: false,
            };
            self.delete_in_batches(context, rows, &[value]).await
        };
        let buckets = Rows {
            table: "login_buckets",
            key: "bucket",
            condition: "expires_at <= $1",
            locked: false,
        };
        self.delete_in_batches(context, buckets, &[now.0]).await?;
        let mut total = delete("expires_at <= $1", now.0).await?;
        // Dated in the future, so from before the clock was set back.
        total += delete("failed_at > $1", now.latest_plausible().0).await?;
        // By age and not by expiry: failures of client IPs expire long before those of accounts.
        let newest_surplus: Option<i64> =
            query_scalar("SELECT failed_at FROM failed_logins ORDER BY failed_at DESC LIMIT 1 OFFSET $1")
                .bind(limit)
                .fetch_optional(&self.reader)
                .await
                .map_err(database_error(context))?;
        if let Some(failed_at) = newest_surplus {
            total += delete("failed_at <= $1", failed_at).await?;
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Failures count for a minute per client IP and for a day per account.
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
            query_as("SELECT failed_at, expires_at > 80000000 FROM failed_logins ORDER BY failed_at, expires_at")
                .fetch_all(&storage.reader)
                .await
                .unwrap();
        let expected: Vec<_> = (1015..1020).flat_map(|at| [(at, false), (at, true)]).collect();
        assert_eq!(left, expected);
    }
}
