//! Storing a login in one transaction: the new session, the remembered browser if any, and the end of what they
//! replace.

use super::{
    Storage,
    database::{
        query::query,
        transaction::{Commit, Rollback, transaction},
    },
    events::add_event,
    remembered::{add_series, forget_series},
    surplus::end_surplus,
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    storage::new_session::NewSession,
    telemetry::error::InternalError,
};

impl Storage {
    /// Stores a session, with its browser if it is to be remembered, and deletes the browser's previous login. If the
    /// user then has more than `limit` sessions or remembered browsers, ends the least recently used ones and writes
    /// that to the audit log. Returns how many it ended.
    ///
    /// `None`, with nothing changed, if meanwhile the user was changed or disabled, the account at the provider was unlinked,
    /// or the browser was forgotten.
    pub async fn add_session(
        &self,
        new: &NewSession<'_>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<u64>, InternalError> {
        transaction!(self, "storing a session", |transaction| {
            if let Some(token) = &new.replaced.session {
                query("DELETE FROM sessions WHERE token_hash = $1")
                    .bind(token.as_bytes())
                    .execute(&mut transaction)
                    .await?;
            }
            if let Some(series) = &new.replaced.series {
                forget_series(&mut transaction, series).await?;
            }
            if let Some(browser) = new.browser {
                add_series(&mut transaction, browser, new, now).await?;
            }
            let inserted = query(
                "INSERT INTO sessions (token_hash, user_id, series_hash, data, logged_in_at, last_used_at, login_id,
                   identity_id, sid_hash, ends_at)
                 SELECT $1, user_id, $3, $4, $5, $6, $9, $10, $11, $12 FROM users
                 WHERE user_id = $2 AND active AND demo <= $7 AND changed_at = $8
                   AND ($3 IS NULL OR EXISTS (SELECT 1 FROM remembered WHERE series_hash = $3))
                   AND ($10 IS NULL OR EXISTS (SELECT 1 FROM identities WHERE id = $10 AND identities.user_id = $2))",
            )
            .bind(new.token.as_bytes())
            .bind(new.user_id)
            .bind(new.series.map(TokenHash::as_bytes))
            .bind(new.data)
            .bind(new.logged_in_at.0)
            .bind(now.0)
            .bind(self.demo)
            .bind(new.user_changed_at)
            .bind(new.login_id)
            .bind(new.identity)
            .bind(new.sid.map(TokenHash::as_bytes))
            .bind(new.ends_at.map(|ends_at| ends_at.0))
            .execute(&mut transaction)
            .await?;
            if inserted == 0 {
                return Ok(Rollback(None));
            }
            let ended = end_surplus(&mut transaction, new, limit).await?;
            if ended > 0 {
                let event = new.surplus.clone().about(ended.to_string());
                add_event(&mut transaction, &event).await?;
            }
            Ok(Commit(Some(ended)))
        })
    }
}
