//! What a login stores: its session, its browser where that is to be remembered, and the end of what they take the place of. All
//! of it in one step, or nothing.

use sqlx::SqliteConnection;

use super::{
    Storage,
    events::add_event,
    fault,
    remembered::{add_series, forget_series},
    surplus::end_surplus,
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    storage::new_session::NewSession,
    telemetry::error::InternalError,
};

impl Storage {
    /// Stores a session, and its browser where that is to be remembered, in place of what this browser had before, unless the
    /// login was overtaken: its user changed or kept out, its browser forgotten meanwhile. Of more than `most` sessions of the
    /// user, or remembered browsers, those that were used longest ago end with it, and the audit trail says so; gives their
    /// number. `None` if it was overtaken; then nothing has changed.
    ///
    /// # Errors
    /// A fault of the database, also where there is a session with that token; then nothing has changed.
    pub async fn add_session(
        &self,
        new: &NewSession<'_>,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<u64>, InternalError> {
        let storing = "storing a session";
        let mut transaction = self.begin(storing).await?;
        let ended = self
            .add_session_in(&mut transaction, new, most, now)
            .await
            .map_err(fault(storing))?;
        if ended.is_some() {
            transaction.commit().await.map_err(fault(storing))?;
        }
        Ok(ended)
    }

    async fn add_session_in(
        &self,
        transaction: &mut SqliteConnection,
        new: &NewSession<'_>,
        most: u32,
        now: Timestamp,
    ) -> sqlx::Result<Option<u64>> {
        if let Some(token) = &new.replaced.session {
            sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
                .bind(token.as_bytes())
                .execute(&mut *transaction)
                .await?;
        }
        if let Some(series) = &new.replaced.series {
            forget_series(transaction, series).await?;
        }
        if let Some(browser) = new.browser {
            add_series(transaction, browser, new, now).await?;
        }
        let done = sqlx::query(
            "INSERT INTO sessions (token_hash, user_id, series_hash, data, logged_in_at, last_used_at, login_id)
             SELECT $1, user_id, $3, $4, $5, $6, $9 FROM users
             WHERE user_id = $2 AND active AND demo <= $7 AND changed_at = $8
               AND ($3 IS NULL OR EXISTS (SELECT 1 FROM remembered WHERE series_hash = $3))",
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
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        let ended = end_surplus(transaction, new, most).await?;
        if ended > 0 {
            let event = new.surplus.clone().about(ended.to_string());
            add_event(transaction, &event).await?;
        }
        Ok(Some(ended))
    }
}
