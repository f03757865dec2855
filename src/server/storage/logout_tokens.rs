//! Logouts that a provider announces (OpenID Connect Back-Channel Logout 1.0). Each logout token is accepted once.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

/// Providers write times in whole seconds, rounded down.
const SECOND: Duration = Duration::from_secs(1);

/// A logout that a provider announces.
pub struct AnnouncedLogout<'a> {
    /// The hash of the id of the logout token.
    pub jti: &'a TokenHash,
    /// Until when the token must not be accepted again.
    pub expires_at: Timestamp,
    pub issuer: &'a str,
    pub subject: Option<&'a str>,
    /// The hash of the session at the provider.
    pub sid: Option<&'a TokenHash>,
    pub issued_at: Timestamp,
}

impl Storage {
    /// Ends the sessions of a session at the provider, or of an account there, with their remembered browsers. Returns how
    /// many sessions and browsers of each user ended. `None`, with nothing changed, if the token was used before.
    ///
    /// A login after the token was issued stays, unless it was made with that session at the provider.
    pub async fn end_logins_of_provider(
        &self,
        logout: &AnnouncedLogout<'_>,
    ) -> Result<Option<BTreeMap<String, usize>>, InternalError> {
        transaction!(self, "ending the sessions of a provider", |transaction| {
            let inserted =
                query("INSERT INTO logout_tokens (jti_hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(logout.jti.as_bytes())
                    .bind(logout.expires_at.0)
                    .execute(&mut transaction)
                    .await?;
            if inserted == 0 {
                return Ok(Rollback(None));
            }
            let mut users = Vec::new();
            if let Some(sid) = logout.sid {
                users.extend(end_by_sid(&mut transaction, logout, sid).await?);
            }
            if let Some(subject) = logout.subject {
                users.extend(end_by_subject(&mut transaction, logout, subject).await?);
            }
            let mut ended = BTreeMap::new();
            for user in users {
                *ended.entry(user).or_default() += 1;
            }
            Ok(Commit(Some(ended)))
        })
    }

    /// Deletes the logout tokens that have expired, and returns their number.
    pub async fn sweep_logout_tokens(&self, now: Timestamp) -> Result<u64, InternalError> {
        let deleted = query("DELETE FROM logout_tokens WHERE expires_at <= $1")
            .bind(now.0)
            .execute(&self.writer)
            .await
            .map_err(database_error("sweeping logout tokens"))?;
        Ok(deleted)
    }
}

/// Returns the user of each row that it deletes. If the logout names an account as well, the row must be of that account.
async fn end_by_sid(
    connection: &mut Transaction,
    logout: &AnnouncedLogout<'_>,
    sid: &TokenHash,
) -> sqlx::Result<Vec<String>> {
    let mut users = Vec::new();
    for statement in [
        "DELETE FROM sessions WHERE sid_hash = $1
           AND ($3 IS NULL OR identity_id IN (SELECT id FROM identities WHERE issuer = $2 AND subject = $3))
         RETURNING user_id",
        "DELETE FROM remembered WHERE sid_hash = $1
           AND ($3 IS NULL OR identity_id IN (SELECT id FROM identities WHERE issuer = $2 AND subject = $3))
         RETURNING user_id",
    ] {
        let ended: Vec<String> = query_scalar(statement)
            .bind(sid.as_bytes())
            .bind(logout.issuer)
            .bind(logout.subject)
            .fetch_all(&mut *connection)
            .await?;
        users.extend(ended);
    }
    Ok(users)
}

/// Returns the user of each row that it deletes. If the logout names a session, only rows without one are deleted: some
/// providers name the session in the logout token only.
async fn end_by_subject(
    connection: &mut Transaction,
    logout: &AnnouncedLogout<'_>,
    subject: &str,
) -> sqlx::Result<Vec<String>> {
    let before = logout.issued_at.plus(SECOND);
    let mut users = Vec::new();
    // Sessions that a remembered browser has begun since belong to its first login, so they end with it.
    for statement in [
        "DELETE FROM sessions WHERE series_hash IN
           (SELECT series_hash FROM remembered
            WHERE identity_id IN (SELECT id FROM identities WHERE issuer = $1 AND subject = $2)
              AND created_at < $3 AND (sid_hash IS NULL OR NOT $4))
         RETURNING user_id",
        "DELETE FROM remembered
         WHERE identity_id IN (SELECT id FROM identities WHERE issuer = $1 AND subject = $2)
           AND created_at < $3 AND (sid_hash IS NULL OR NOT $4)
         RETURNING user_id",
        "DELETE FROM sessions
         WHERE identity_id IN (SELECT id FROM identities WHERE issuer = $1 AND subject = $2)
           AND logged_in_at < $3 AND (sid_hash IS NULL OR NOT $4)
         RETURNING user_id",
    ] {
        let ended: Vec<String> = query_scalar(statement)
            .bind(logout.issuer)
            .bind(subject)
            .bind(before.0)
            .bind(logout.sid.is_some())
            .fetch_all(&mut *connection)
            .await?;
        users.extend(ended);
    }
    Ok(users)
}

#[cfg(test)]
mod tests;
