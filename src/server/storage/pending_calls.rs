//! Stored kept calls. The token that finds one is known here by its hash only.

use std::time::Duration;

use sqlx::SqliteConnection;

use super::{Storage, fault};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

/// How many calls are kept for one owner at the most; the oldest go first.
const MOST_OF_ONE: i64 = 50;

/// How many calls of users are kept at the most, and as many of those who are not logged in: their number must not be up to
/// those who make them, and the one kind takes no place from the other.
const MOST_KEPT: i64 = 1000;

/// How long one is kept.
pub const LIFETIME: Duration = Duration::from_mins(10);

/// Who has a call kept.
pub struct Owner<'a> {
    /// The user, if one is logged in.
    pub user_id: Option<&'a str>,
    /// The hash of what is counted: of the user, or of the address of whoever is not logged in.
    pub counted_as: TokenHash,
}

impl Storage {
    /// Keeps a call from now on, and lets go of what is beyond the limits.
    pub async fn add_pending_call(
        &self,
        token: &TokenHash,
        owner: &Owner<'_>,
        call: &str,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        let keeping = "keeping a call";
        let mut transaction = self.begin(keeping).await?;
        // A user who was deleted meanwhile gets nothing.
        sqlx::query(
            "INSERT INTO kept_calls (token_hash, user_id, keeper, call, expires_at)
             SELECT $1, $2, $3, $4, $5 WHERE $2 IS NULL OR EXISTS (SELECT 1 FROM users WHERE user_id = $2)",
        )
        .bind(token.as_bytes())
        .bind(owner.user_id)
        .bind(owner.counted_as.as_bytes())
        .bind(call)
        .bind(now.plus(LIFETIME).0)
        .execute(&mut *transaction)
        .await
        .map_err(fault(keeping))?;
        let is_user = owner.user_id.is_some();
        trim(&mut transaction, &owner.counted_as, is_user)
            .await
            .map_err(fault(keeping))?;
        transaction.commit().await.map_err(fault(keeping))
    }

    /// The kept call with that token, if it is for anybody or for `user_id`.
    pub async fn find_pending_call(
        &self,
        token: &TokenHash,
        user_id: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, InternalError> {
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

    /// Makes a kept call that is for anybody one for `user_id`, counted as `owner`. `false` if there is none that is for
    /// this user now.
    pub async fn hand_over_pending_call(
        &self,
        token: &TokenHash,
        user_id: &str,
        owner: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, InternalError> {
        let handing_over = "handing over a kept call";
        let mut transaction = self.begin(handing_over).await?;
        let done = sqlx::query(
            "UPDATE kept_calls SET user_id = $1, keeper = $5
             WHERE token_hash = $2 AND expires_at > $3 AND expires_at <= $4 AND (user_id IS NULL OR user_id = $1)",
        )
        .bind(user_id)
        .bind(token.as_bytes())
        .bind(now.0)
        .bind(latest_end(now).0)
        .bind(owner.as_bytes())
        .execute(&mut *transaction)
        .await
        .map_err(fault(handing_over))?;
        trim(&mut transaction, owner, true).await.map_err(fault(handing_over))?;
        transaction.commit().await.map_err(fault(handing_over))?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets go of a kept call. `false` if there is none any more.
    pub async fn delete_pending_call(&self, token: &TokenHash) -> Result<bool, InternalError> {
        let done = sqlx::query("DELETE FROM kept_calls WHERE token_hash = $1")
            .bind(token.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault("letting go of a kept call"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Removes the kept calls that are over. Gives their number.
    pub async fn sweep_pending_calls(&self, now: Timestamp) -> Result<u64, InternalError> {
        let done = sqlx::query("DELETE FROM kept_calls WHERE expires_at <= $1 OR expires_at > $2")
            .bind(now.0)
            .bind(latest_end(now).0)
            .execute(&self.writer)
            .await
            .map_err(fault("sweeping kept calls"))?;
        Ok(done.rows_affected())
    }
}

/// Lets go of what is beyond the limits: of one owner, and of all users, or of all who are not logged in.
async fn trim(connection: &mut SqliteConnection, owner: &TokenHash, is_user: bool) -> sqlx::Result<()> {
    sqlx::query(
        "DELETE FROM kept_calls WHERE keeper = $1 AND token_hash NOT IN
         (SELECT token_hash FROM kept_calls WHERE keeper = $1 ORDER BY expires_at DESC LIMIT $2)",
    )
    .bind(owner.as_bytes())
    .bind(MOST_OF_ONE)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM kept_calls WHERE (user_id IS NOT NULL) = $1 AND token_hash NOT IN
         (SELECT token_hash FROM kept_calls WHERE (user_id IS NOT NULL) = $1 ORDER BY expires_at DESC LIMIT $2)",
    )
    .bind(is_user)
    .bind(MOST_KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

/// Until when a call may last that was kept by now, and not before the clock was set back.
fn latest_end(now: Timestamp) -> Timestamp {
    now.latest_noted().plus(LIFETIME)
}
