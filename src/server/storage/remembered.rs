//! Stored remembered browsers. Series and token are known here by their hashes only.

use std::time::Duration;

use sqlx::{FromRow, SqliteConnection};

use super::{Storage, events::add_event, fault, new_session::NewSession, removal::Rows};
use crate::server::{
    model::{clock::Timestamp, event::Event, token::TokenHash},
    storage::new_session::NewBrowser,
    telemetry::error::InternalError,
};

/// How long after a rotation the replaced token is taken once more, where the answer with the new one seems to be lost.
pub const LOST_ANSWER: Duration = Duration::from_mins(1);

/// A remembered browser in the list of its user.
#[derive(Debug, FromRow)]
pub struct ListedSeries {
    /// The hash of the series.
    pub series_hash: Vec<u8>,
    /// Browser and system, in words.
    pub device: String,
    /// The network address of the login.
    pub address: String,
    /// When its user logged in with the password, in milliseconds since 1970.
    pub created_at: i64,
    /// When it was last used, as far as that was noted, in milliseconds since 1970.
    pub last_used_at: i64,
}

/// A token that is taken once more.
pub struct TakenAgain<'a> {
    /// The hash of the series.
    pub series: &'a TokenHash,
    /// The hash of the token that came: the one before the present one.
    pub presented: &'a TokenHash,
    /// The hash of the token that takes the place of the present one.
    pub next: &'a TokenHash,
    /// The hash of the token of the session that was begun for it.
    pub session: &'a TokenHash,
    /// What the audit trail says.
    pub event: &'a Event,
}

/// A series as stored.
#[derive(Debug, FromRow)]
pub struct StoredSeries {
    /// Whose browser it is.
    pub user_id: String,
    /// Whether the user is active.
    pub active: bool,
    /// When the user was last changed, in milliseconds since 1970.
    pub user_changed_at: i64,
    /// The hash of the token that is good now.
    pub token_hash: Vec<u8>,
    /// The hash of the token before it.
    pub previous_hash: Option<Vec<u8>>,
    /// When the token was replaced, in milliseconds since 1970.
    pub rotated_at: i64,
    /// When it is forgotten, in milliseconds since 1970.
    pub expires_at: i64,
}

/// Remembers the browser of a session that is about to be stored, unless there is no such user any more.
pub(super) async fn add_series(
    connection: &mut SqliteConnection,
    browser: &NewBrowser,
    session: &NewSession<'_>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO remembered
           (series_hash, token_hash, previous_hash, rotated_at, user_id, expires_at, created_at, device, address)
         SELECT $1, $2, NULL, $3, user_id, $5, $3, $6, $7 FROM users WHERE user_id = $4",
    )
    .bind(browser.series.as_bytes())
    .bind(browser.token.as_bytes())
    .bind(now.0)
    .bind(session.user_id)
    .bind(browser.expires_at.0)
    .bind(&browser.device)
    .bind(session.address)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a browser, and ends the sessions that came of it.
pub(super) async fn forget_series(connection: &mut SqliteConnection, series: &TokenHash) -> sqlx::Result<()> {
    for query in [
        "DELETE FROM remembered WHERE series_hash = $1",
        "DELETE FROM sessions WHERE series_hash = $1",
    ] {
        sqlx::query(query)
            .bind(series.as_bytes())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Storage {
    /// The remembered browsers of a user, the last used first: at most so many.
    pub async fn list_series(
        &self,
        user_id: &str,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<ListedSeries>, InternalError> {
        sqlx::query_as(
            "SELECT series_hash, device, address, created_at, MIN(COALESCE(used_at, rotated_at), $2) AS last_used_at
             FROM remembered
             WHERE user_id = $1 AND expires_at > $2 AND rotated_at <= $3
             ORDER BY last_used_at DESC LIMIT $4",
        )
        .bind(user_id)
        .bind(now.0)
        .bind(now.latest_noted().0)
        .bind(most)
        .fetch_all(&self.reader)
        .await
        .map_err(fault("listing remembered browsers"))
    }

    /// Replaces the token of a series, if `token` is the good one, its user active, and the series not over: otherwise
    /// `false`. One statement, so of two requests with the same token one comes first.
    pub async fn rotate_series(
        &self,
        series: &TokenHash,
        token: &TokenHash,
        next: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, InternalError> {
        let done = sqlx::query(
            "UPDATE remembered SET token_hash = $1, previous_hash = token_hash, rotated_at = $2, used_at = $2,
               taken_again = FALSE
             WHERE series_hash = $3 AND token_hash = $4 AND expires_at > $2 AND rotated_at <= $6
               AND user_id IN (SELECT user_id FROM users WHERE active AND demo <= $5)",
        )
        .bind(next.as_bytes())
        .bind(now.0)
        .bind(series.as_bytes())
        .bind(token.as_bytes())
        .bind(self.demo)
        .bind(now.latest_noted().0)
        .execute(&self.writer)
        .await
        .map_err(fault("using a remembered login"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes the token before the present one once more, within [`LOST_ANSWER`] of the rotation and while no session has been used
    /// since: otherwise `false`, and nothing has changed. The present token and all other sessions of the series are over with it.
    pub async fn take_series_again(&self, again: &TakenAgain<'_>, now: Timestamp) -> Result<bool, InternalError> {
        let taking = "using a remembered login once more";
        let mut transaction = self.begin(taking).await?;
        let done = sqlx::query(
            "UPDATE remembered SET token_hash = $1, rotated_at = $2, used_at = $2, taken_again = TRUE
             WHERE series_hash = $3 AND previous_hash = $4 AND NOT taken_again AND rotated_at >= $5 AND rotated_at <= $6
               AND expires_at > $2 AND user_id IN (SELECT user_id FROM users WHERE active AND demo <= $7)
               AND NOT EXISTS (SELECT 1 FROM sessions
                               WHERE series_hash = $3 AND token_hash <> $8 AND last_used_at > remembered.rotated_at)",
        )
        .bind(again.next.as_bytes())
        .bind(now.0)
        .bind(again.series.as_bytes())
        .bind(again.presented.as_bytes())
        .bind(now.minus(LOST_ANSWER).0)
        .bind(now.latest_noted().0)
        .bind(self.demo)
        .bind(again.session.as_bytes())
        .execute(&mut *transaction)
        .await
        .map_err(fault(taking))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM sessions WHERE series_hash = $1 AND token_hash <> $2")
            .bind(again.series.as_bytes())
            .bind(again.session.as_bytes())
            .execute(&mut *transaction)
            .await
            .map_err(fault(taking))?;
        add_event(&mut transaction, again.event).await.map_err(fault(taking))?;
        transaction.commit().await.map_err(fault(taking))?;
        Ok(true)
    }

    /// The series of that name.
    pub async fn find_series(&self, series: &TokenHash) -> Result<Option<StoredSeries>, InternalError> {
        sqlx::query_as(
            "SELECT remembered.user_id, users.active, users.changed_at AS user_changed_at, token_hash, previous_hash, rotated_at, expires_at
             FROM remembered JOIN users ON users.user_id = remembered.user_id WHERE series_hash = $1",
        )
        .bind(series.as_bytes())
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a remembered login"))
    }

    /// Forgets a browser and ends every session that came of it.
    pub async fn revoke_series(&self, series: &TokenHash) -> Result<(), InternalError> {
        let revoking = "revoking a remembered login";
        let mut transaction = self.begin(revoking).await?;
        forget_series(&mut transaction, series).await.map_err(fault(revoking))?;
        transaction.commit().await.map_err(fault(revoking))
    }

    /// Removes the series that are over. Gives their number.
    pub async fn sweep_series(&self, now: Timestamp) -> Result<u64, InternalError> {
        let over = Rows {
            table: "remembered",
            key: "series_hash",
            which: "expires_at <= $1 OR rotated_at > $2",
        };
        let values = [now.0, now.latest_noted().0];
        self.remove("sweeping remembered logins", over, &values).await
    }
}
