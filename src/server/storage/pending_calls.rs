//! Stored pending calls: form calls that the server stores for one browser. Only the hashes of their tokens are stored.

use std::time::Duration;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    removal::Rows,
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

/// The maximum number of pending calls of one owner. The oldest are deleted first.
const OWNER_LIMIT: i64 = 50;

/// The maximum number of pending calls of all users, and separately of all anonymous callers, so that the anonymous
/// ones cannot crowd out those of users.
const TOTAL_LIMIT: i64 = 1000;

/// How long a pending call is stored.
pub const LIFETIME: Duration = Duration::from_mins(10);

pub struct Owner<'a> {
    /// The user, if logged in.
    pub user_id: Option<&'a str>,
    /// The key of the limit per owner: the hash of the user, or of the client IP of an anonymous caller.
    pub counted_as: TokenHash,
}

impl Storage {
    /// Stores a pending call, and deletes the oldest ones beyond the limits. `false`, with nothing stored, if the owner has
    /// stored `per_minute` calls in this minute, at all nodes together.
    pub async fn add_pending_call(
        &self,
        token: &TokenHash,
        owner: &Owner<'_>,
        call: &str,
        per_minute: u32,
        now: Timestamp,
    ) -> Result<bool, InternalError> {
        transaction!(concurrent self, "storing a pending call", |transaction| {
            let calls: i64 = query_scalar(
                "INSERT INTO call_rates (bucket, minute, calls) VALUES ($1, $2, 1)
                 ON CONFLICT (bucket, minute) DO UPDATE SET calls = call_rates.calls + 1 RETURNING calls",
            )
            .bind(owner.counted_as.as_bytes())
            .bind(minute(now))
            .fetch_one(&mut transaction)
            .await?;
            if calls > i64::from(per_minute) {
                return Ok(Rollback(false));
            }
            // Stores nothing for a user who was deleted meanwhile.
            query(
                "INSERT INTO kept_calls (token_hash, user_id, keeper, call, expires_at)
                 SELECT $1, $2, $3, $4, $5 WHERE $2 IS NULL OR EXISTS (SELECT 1 FROM users WHERE user_id = $2)",
            )
            .bind(token.as_bytes())
            .bind(owner.user_id)
            .bind(owner.counted_as.as_bytes())
            .bind(call)
            .bind(now.plus(LIFETIME).0)
            .execute(&mut transaction)
            .await?;
            trim(&mut transaction, &owner.counted_as, owner.user_id.is_some()).await?;
            Ok(Commit(true))
        })
    }

    /// The pending call with this token, if it has no user or belongs to `user_id`.
    pub async fn find_pending_call(
        &self,
        token: &TokenHash,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, InternalError> {
        query_scalar(
            "SELECT call FROM kept_calls
             WHERE token_hash = $1 AND expires_at > $2 AND expires_at <= $4 AND (user_id IS NULL OR user_id = $3)",
        )
        .bind(token.as_bytes())
        .bind(now.0)
        .bind(user_id)
        .bind(latest_expiry(now).0)
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up a pending call"))
    }

    /// Assigns a pending call without a user to `user_id`, counted under `owner`. `false` if no live pending call with
    /// this token belongs to this user now.
    pub async fn hand_over_pending_call(
        &self,
        token: &TokenHash,
        user_id: &str,
        owner: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, InternalError> {
        transaction!(concurrent self, "assigning a pending call to a user", |transaction| {
            let updated = query(
                "UPDATE kept_calls SET user_id = $1, keeper = $5
                 WHERE token_hash = $2 AND expires_at > $3 AND expires_at <= $4 AND (user_id IS NULL OR user_id = $1)",
            )
            .bind(user_id)
            .bind(token.as_bytes())
            .bind(now.0)
            .bind(latest_expiry(now).0)
            .bind(owner.as_bytes())
            .execute(&mut transaction)
            .await?;
            trim(&mut transaction, owner, true).await?;
            Ok(Commit(updated == 1))
        })
    }

    /// Deletes a pending call. `false` if there is none.
    pub async fn delete_pending_call(&self, token: &TokenHash) -> Result<bool, InternalError> {
        let delete = query("DELETE FROM kept_calls WHERE token_hash = $1").bind(token.as_bytes());
        Ok(self.execute("deleting a pending call", delete).await? == 1)
    }

    /// Deletes expired pending calls and returns their number. Deletes the counts of past minutes, too.
    pub async fn sweep_pending_calls(&self, now: Timestamp) -> Result<u64, InternalError> {
        let counts = Rows {
            table: "call_rates",
            key: "bucket, minute",
            condition: "minute <> $1",
            locked: false,
        };
        self.delete_in_batches("sweeping pending calls", counts, &[minute(now)])
            .await?;
        let delete = query("DELETE FROM kept_calls WHERE expires_at <= $1 OR expires_at > $2")
            .bind(now.0)
            .bind(latest_expiry(now).0);
        self.execute("sweeping pending calls", delete).await
    }
}

/// Deletes the oldest pending calls beyond the limits: of one owner, and of all users or all anonymous callers.
async fn trim(connection: &mut Transaction, owner: &TokenHash, is_user: bool) -> sqlx::Result<()> {
    query(
        "DELETE FROM kept_calls WHERE keeper = $1 AND token_hash NOT IN
         (SELECT token_hash FROM kept_calls WHERE keeper = $1 ORDER BY expires_at DESC LIMIT $2)",
    )
    .bind(owner.as_bytes())
    .bind(OWNER_LIMIT)
    .execute(&mut *connection)
    .await?;
    query(
        "DELETE FROM kept_calls WHERE (user_id IS NOT NULL) = $1 AND token_hash NOT IN
         (SELECT token_hash FROM kept_calls WHERE (user_id IS NOT NULL) = $1 ORDER BY expires_at DESC LIMIT $2)",
    )
    .bind(is_user)
    .bind(TOTAL_LIMIT)
    .execute(connection)
    .await?;
    Ok(())
}

/// The time until counting begins anew.
pub fn rest_of_minute(now: Timestamp) -> Duration {
    Timestamp((minute(now) + 1) * 60_000).since(now)
}

/// The number of the minute since 1970.
fn minute(now: Timestamp) -> i64 {
    now.0.div_euclid(60_000)
}

/// The latest plausible expiry. A later one dates from before the clock was set back.
fn latest_expiry(now: Timestamp) -> Timestamp {
    now.latest_plausible().plus(LIFETIME)
}
