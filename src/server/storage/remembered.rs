//! Stored remembered browsers. Only the hashes of their series and tokens are stored.

use std::time::Duration;

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    new_session::NewSession,
    removal::Rows,
};
use crate::server::{
    model::{clock::Timestamp, event::Event, token::TokenHash},
    storage::new_session::NewBrowser,
    telemetry::error::InternalError,
};

/// How long after a rotation the previous token is accepted once more, in case the response with the new one was lost.
pub const LOST_RESPONSE_GRACE: Duration = Duration::from_mins(1);

/// A remembered browser in the list of its user.
#[derive(Debug, FromRow)]
pub struct ListedSeries {
    pub series_hash: Vec<u8>,
    /// Browser and operating system, as text to display.
    pub device: String,
    /// The client IP of the login.
    pub address: String,
    /// When the user logged in with the password, in milliseconds since 1970.
    pub created_at: i64,
    /// The last recorded use, in milliseconds since 1970.
    pub last_used_at: i64,
    /// The issuer of the account at a provider that the user logged in with.
    pub issuer: Option<String>,
}

/// A previous token that is presented once more.
pub struct ReissuedToken<'a> {
    pub series: &'a TokenHash,
    /// The token presented, which must be the previous one.
    pub presented: &'a TokenHash,
    /// The token that replaces the current one.
    pub next: &'a TokenHash,
    /// The token of the new session.
    pub session: &'a TokenHash,
    pub event: &'a Event,
}

#[derive(Debug, FromRow)]
pub struct StoredSeries {
    pub user_id: String,
    pub active: bool,
    /// The user's `changed_at`, in milliseconds since 1970.
    pub user_changed_at: i64,
    /// The current token.
    pub token_hash: Vec<u8>,
    /// The token before it.
    pub previous_hash: Option<Vec<u8>>,
    /// When the current token replaced the previous one, in milliseconds since 1970.
    pub rotated_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
    /// The id of the account at a provider that the user logged in with.
    pub identity_id: Option<String>,
    /// The issuer of that account. `None` if the user logged in with the password, or the account is no longer linked.
    pub issuer: Option<String>,
    /// The hash of the session at the provider.
    pub sid_hash: Option<Vec<u8>>,
}

/// Remembers the browser of a session that is about to be stored. Adds nothing if the user was deleted meanwhile.
pub(super) async fn add_series(
    connection: &mut Transaction,
    browser: &NewBrowser,
    session: &NewSession<'_>,
    now: Timestamp,
) -> sqlx::Result<()> {
    query(
        "INSERT INTO remembered
           (series_hash, token_hash, previous_hash, rotated_at, user_id, expires_at, created_at, device, address,
            identity_id, sid_hash)
         SELECT $1, $2, NULL, $3, user_id, $5, $3, $6, $7, $8, $9 FROM users WHERE user_id = $4",
    )
    .bind(browser.series.as_bytes())
    .bind(browser.token.as_bytes())
    .bind(now.0)
    .bind(session.user_id)
    .bind(browser.expires_at.0)
    .bind(&browser.device)
    .bind(session.address)
    .bind(session.identity)
    .bind(session.sid.map(TokenHash::as_bytes))
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a browser and ends its sessions. Sessions first, as everywhere: recording the use of a session locks it and then
/// its browser, and the other order could cause a deadlock.
pub(super) async fn forget_series(connection: &mut Transaction, series: &TokenHash) -> sqlx::Result<()> {
    for statement in [
        "DELETE FROM sessions WHERE series_hash = $1",
        "DELETE FROM remembered WHERE series_hash = $1",
    ] {
        query(statement)
            .bind(series.as_bytes())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Storage {
    /// Up to `limit` remembered browsers of a user, the most recently used first.
    pub async fn list_series(
        &self,
        user_id: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ListedSeries>, InternalError> {
        query_as(
            "SELECT series_hash, device, address, created_at, 
               CASE WHEN COALESCE(used_at, rotated_at) > $2 THEN $2 ELSE COALESCE(used_at, rotated_at) END AS last_used_at,
               (SELECT issuer FROM identities WHERE id = identity_id) AS issuer
             FROM remembered
             WHERE user_id = $1 AND expires_at > $2 AND rotated_at <= $3
             ORDER BY last_used_at DESC LIMIT $4",
        )
        .bind(user_id)
        .bind(now.0)
        .bind(now.latest_plausible().0)
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("listing remembered browsers"))
    }

    /// Replaces the token of a series. `false` if `token` is not the current one, the user is disabled, or the series
    /// has expired. A single statement, so of concurrent requests with the same token only one succeeds.
    pub async fn rotate_series(
        &self,
        series: &TokenHash,
        token: &TokenHash,
        next: &TokenHash,
        now: Timestamp,
    ) -> Result<bool, InternalError> {
        let update = query(
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
        .bind(now.latest_plausible().0);
        Ok(self.execute_locked("rotating a remember-me token", &update).await? == 1)
    }

    /// Accepts the previous token once more, if that happens within [`LOST_RESPONSE_GRACE`] of the rotation and no session of
    /// the series was used since the rotation. Replaces the current token and ends all other sessions of the series.
    /// Otherwise `false`, with nothing changed.
    pub async fn reissue_token(&self, again: &ReissuedToken<'_>, now: Timestamp) -> Result<bool, InternalError> {
        transaction!(self, "accepting a previous remember-me token", |transaction| {
            let updated = query(
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
            .bind(now.minus(LOST_RESPONSE_GRACE).0)
            .bind(now.latest_plausible().0)
            .bind(self.demo)
            .bind(again.session.as_bytes())
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(false));
            }
            query("DELETE FROM sessions WHERE series_hash = $1 AND token_hash <> $2")
                .bind(again.series.as_bytes())
                .bind(again.session.as_bytes())
                .execute(&mut transaction)
                .await?;
            add_event(&mut transaction, again.event).await?;
            Ok(Commit(true))
        })
    }

    pub async fn find_series(&self, series: &TokenHash) -> Result<Option<StoredSeries>, InternalError> {
        query_as(
            "SELECT remembered.user_id, users.active, users.changed_at AS user_changed_at, token_hash, previous_hash,
               rotated_at, expires_at, identity_id, sid_hash, (SELECT issuer FROM identities WHERE id = identity_id) AS issuer
             FROM remembered JOIN users ON users.user_id = remembered.user_id WHERE series_hash = $1",
        )
        .bind(series.as_bytes())
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up a remembered browser"))
    }

    /// Forgets a browser and ends its sessions.
    pub async fn revoke_series(&self, series: &TokenHash) -> Result<(), InternalError> {
        transaction!(self, "forgetting a remembered browser", |transaction| {
            forget_series(&mut transaction, series).await?;
            Ok(Commit(()))
        })
    }

    /// Deletes expired series and returns their number.
    pub async fn sweep_series(&self, now: Timestamp) -> Result<u64, InternalError> {
        let expired = Rows {
            table: "remembered",
            key: "series_hash",
            condition: "expires_at <= $1 OR rotated_at > $2",
            locked: false,
        };
        let values = [now.0, now.latest_plausible().0];
        self.delete_in_batches("sweeping remembered browsers", expired, &values)
            .await
    }
}
