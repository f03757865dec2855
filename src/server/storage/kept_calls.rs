//! Stored kept calls. The token that finds one is known here by its hash only.

use std::time::Duration;

use super::{Storage, fault};
use crate::server::{clock::Timestamp, fault::Fault, secret::TokenHash};

/// How many kept calls there are at the most; the oldest go first. They can be made without a login, so their number
/// must not be up to those who make them.
const MOST_KEPT: i64 = 1000;

/// How long one is kept.
pub const LIFETIME: Duration = Duration::from_mins(10);

impl Storage {
    /// Keeps a call from now on, and lets go of what is beyond the limit.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn keep_call(
        &self,
        token: &TokenHash,
        user_id: Option<&str>,
        call: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        // A user who was deleted meanwhile gets nothing.
        sqlx::query(
            "INSERT INTO kept_calls (token_hash, user_id, call, expires_at)
             SELECT $1, $2, $3, $4 WHERE $2 IS NULL OR EXISTS (SELECT 1 FROM users WHERE user_id = $2)",
        )
        .bind(token.as_bytes())
        .bind(user_id)
        .bind(call)
        .bind(now.plus(LIFETIME).0)
        .execute(&self.writer)
        .await
        .map_err(fault("keeping a call"))?;
        sqlx::query(
            "DELETE FROM kept_calls WHERE expires_at <
             (SELECT MIN(expires_at) FROM (SELECT expires_at FROM kept_calls ORDER BY expires_at DESC LIMIT $1) AS newest)",
        )
        .bind(MOST_KEPT)
        .execute(&self.writer)
        .await
        .map_err(fault("letting go of kept calls"))?;
        Ok(())
    }

    /// The kept call with that token, if it is for anybody or for `user_id`.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_kept_call(
        &self,
        token: &TokenHash,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        sqlx::query_scalar(
            "SELECT call FROM kept_calls
             WHERE token_hash = $1 AND expires_at > $2 AND expires_at <= $4 AND (user_id IS NULL OR user_id = $3)",
        )
        .bind(token.as_bytes())
        .bind(now.0)
        .bind(user_id)
        .bind(latest_end(now).0)
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a kept call"))
    }

    /// Makes a kept call that is for anybody one for `user_id`. `false` if there is none that is for this user now.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn hand_over_call(&self, token: &TokenHash, user_id: &str, now: Timestamp) -> Result<bool, Fault> {
        let done = sqlx::query(
            "UPDATE kept_calls SET user_id = $1
             WHERE token_hash = $2 AND expires_at > $3 AND expires_at <= $4 AND (user_id IS NULL OR user_id = $1)",
        )
        .bind(user_id)
        .bind(token.as_bytes())
        .bind(now.0)
        .bind(latest_end(now).0)
        .execute(&self.writer)
        .await
        .map_err(fault("handing over a kept call"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets go of a kept call. `false` if there is none any more.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delete_kept_call(&self, token: &TokenHash) -> Result<bool, Fault> {
        let done = sqlx::query("DELETE FROM kept_calls WHERE token_hash = $1")
            .bind(token.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault("letting go of a kept call"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes the kept calls that are over. Gives their number.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn sweep_kept_calls(&self, now: Timestamp) -> Result<u64, Fault> {
        let done = sqlx::query("DELETE FROM kept_calls WHERE expires_at <= $1 OR expires_at > $2")
            .bind(now.0)
            .bind(latest_end(now).0)
            .execute(&self.writer)
            .await
            .map_err(fault("sweeping kept calls"))?;
        Ok(done.rows_affected())
    }
}

/// Until when a call may last that was kept by now, and not before the clock was set back.
fn latest_end(now: Timestamp) -> Timestamp {
    now.latest_noted().plus(LIFETIME)
}
