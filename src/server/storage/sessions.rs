//! Stored sessions. The token of a session is known here by its hash only.

use sqlx::FromRow;

use super::{Storage, events::add_event, fault, removal::Rows};
use crate::server::{
    model::{clock::Timestamp, event::Event, login::SessionKey, token::TokenHash},
    telemetry::error::InternalError,
};

/// A live session.
#[derive(Debug, FromRow)]
pub struct StoredSession {
    /// Its data, as JSON.
    pub data: String,
    /// When it was last used, as far as that was noted, in milliseconds since 1970.
    pub last_used_at: i64,
}

/// A session to go on under a new token.
pub struct RenewedSession<'a> {
    /// The hash of its token so far.
    pub old: &'a TokenHash,
    /// The hash of its new token.
    pub new: &'a TokenHash,
    /// What it is called.
    pub login_id: &'a str,
    /// Whose session it is.
    pub user_id: &'a str,
    /// The remembered browser that it belongs to from now on.
    pub series: Option<&'a TokenHash>,
    /// Its data from now on, as JSON.
    pub data: &'a str,
    /// When the user had last been changed, as the one who renews it found it.
    pub user_changed_at: i64,
}

/// A live session in the list of its user.
#[derive(Debug, FromRow)]
pub struct ListedSession {
    /// The hash of its token.
    pub token_hash: Vec<u8>,
    /// The remembered browser that it belongs to.
    pub series_hash: Option<Vec<u8>>,
    /// Its data, as JSON.
    pub data: String,
    /// When its user logged in, in milliseconds since 1970.
    pub logged_in_at: i64,
    /// When it was last used, as far as that was noted, in milliseconds since 1970.
    pub last_used_at: i64,
}

/// How old a live session may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Logins before this are too long ago.
    pub logged_in_after: Timestamp,
    /// Sessions not used since are over.
    pub used_after: Timestamp,
    /// Sessions noted later are from before the clock was set back, and over.
    pub noted_until: Timestamp,
}

impl Limits {
    /// Whether a session is live whose user logged in, and which was last used, at those moments.
    pub fn allow(&self, logged_in: Timestamp, last_used: Timestamp) -> bool {
        logged_in > self.logged_in_after && last_used > self.used_after && logged_in.max(last_used) <= self.noted_until
    }
}

impl Storage {
    /// The live session with that token, if its user is active.
    pub async fn find_session(
        &self,
        token: &TokenHash,
        limits: Limits,
    ) -> Result<Option<StoredSession>, InternalError> {
        sqlx::query_as(
            "SELECT sessions.data, sessions.last_used_at FROM sessions
             JOIN users ON users.user_id = sessions.user_id AND users.active AND users.demo <= $4
             WHERE token_hash = $1 AND logged_in_at > $2 AND last_used_at > $3
               AND logged_in_at <= $5 AND last_used_at <= $5",
        )
        .bind(token.as_bytes())
        .bind(limits.logged_in_after.0)
        .bind(limits.used_after.0)
        .bind(self.demo)
        .bind(limits.noted_until.0)
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a session"))
    }

    /// The live sessions of a user, the last used first: at most so many.
    pub async fn list_sessions(
        &self,
        user_id: &str,
        limits: Limits,
        most: u32,
    ) -> Result<Vec<ListedSession>, InternalError> {
        sqlx::query_as(
            "SELECT token_hash, series_hash, data, logged_in_at, last_used_at FROM sessions
             WHERE user_id = $1 AND logged_in_at > $2 AND last_used_at > $3
               AND logged_in_at <= $4 AND last_used_at <= $4
             ORDER BY last_used_at DESC LIMIT $5",
        )
        .bind(user_id)
        .bind(limits.logged_in_after.0)
        .bind(limits.used_after.0)
        .bind(limits.noted_until.0)
        .bind(most)
        .fetch_all(&self.reader)
        .await
        .map_err(fault("listing sessions"))
    }

    /// Ends all sessions of a user but that one, also where it was renewed meanwhile, and forgets all remembered browsers but
    /// that one.
    pub async fn end_others(
        &self,
        user_id: &str,
        session: Option<&SessionKey>,
        series: Option<&TokenHash>,
    ) -> Result<(), InternalError> {
        let ending = "ending the other sessions";
        let mut transaction = self.begin(ending).await?;
        sqlx::query("DELETE FROM remembered WHERE user_id = $1 AND ($2 IS NULL OR series_hash <> $2)")
            .bind(user_id)
            .bind(series.map(TokenHash::as_bytes))
            .execute(&mut *transaction)
            .await
            .map_err(fault(ending))?;
        sqlx::query(
            "DELETE FROM sessions WHERE user_id = $1
               AND ($2 IS NULL OR (token_hash <> $2 AND login_id <> $3))",
        )
        .bind(user_id)
        .bind(session.map(|session| session.token.as_bytes()))
        .bind(session.map(|session| &session.id))
        .execute(&mut *transaction)
        .await
        .map_err(fault(ending))?;
        transaction.commit().await.map_err(fault(ending))
    }

    /// Notes that a session is in use that was last used at `earlier`. Of many calls that find so at once, one writes. One that
    /// ended meanwhile stays ended.
    pub async fn touch_session(
        &self,
        token: &TokenHash,
        earlier: Timestamp,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        sqlx::query("UPDATE sessions SET last_used_at = $1 WHERE token_hash = $2 AND last_used_at = $3")
            .bind(now.0)
            .bind(token.as_bytes())
            .bind(earlier.0)
            .execute(&self.writer)
            .await
            .map_err(fault("noting the use of a session"))?;
        Ok(())
    }

    /// Renews a session, unless it ended meanwhile or its user changed or was kept out: then `false`.
    pub async fn renew_session(&self, renewed: &RenewedSession<'_>) -> Result<bool, InternalError> {
        let done = sqlx::query(
            "UPDATE sessions SET token_hash = $1, data = $2, series_hash = $3, login_id = $8
             WHERE token_hash = $4 AND user_id IN
               (SELECT user_id FROM users WHERE user_id = $5 AND active AND demo <= $6 AND changed_at = $7)",
        )
        .bind(renewed.new.as_bytes())
        .bind(renewed.data)
        .bind(renewed.series.map(TokenHash::as_bytes))
        .bind(renewed.old.as_bytes())
        .bind(renewed.user_id)
        .bind(self.demo)
        .bind(renewed.user_changed_at)
        .bind(renewed.login_id)
        .execute(&self.writer)
        .await
        .map_err(fault("renewing a session"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Replaces the data of a session. One that ended meanwhile stays ended: `false`.
    pub async fn update_session(&self, token: &TokenHash, data: &str) -> Result<bool, InternalError> {
        let done = sqlx::query("UPDATE sessions SET data = $1 WHERE token_hash = $2")
            .bind(data)
            .bind(token.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault("updating a session"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a session of a user, also where it goes on under another token by now.
    pub async fn end_session(&self, user_id: &str, session: &SessionKey) -> Result<(), InternalError> {
        sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND (token_hash = $2 OR login_id = $3)")
            .bind(user_id)
            .bind(session.token.as_bytes())
            .bind(&session.id)
            .execute(&self.writer)
            .await
            .map_err(fault("ending a session"))?;
        Ok(())
    }

    /// Ends the session with that token. Ending one that is not there is fine.
    pub async fn delete_session(&self, token: &TokenHash) -> Result<(), InternalError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
            .bind(token.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(fault("ending a session"))?;
        Ok(())
    }

    /// Ends a session of a user, also where it was renewed meanwhile, and forgets a remembered browser with all sessions that
    /// came of it. `false` if there is neither.
    pub async fn revoke_login(
        &self,
        user_id: &str,
        session: Option<&SessionKey>,
        series: Option<&TokenHash>,
        event: &Event,
    ) -> Result<bool, InternalError> {
        let revoking = "revoking a session";
        let series = series.map(TokenHash::as_bytes);
        let mut transaction = self.begin(revoking).await?;
        let sessions = sqlx::query(
            "DELETE FROM sessions WHERE user_id = $1
               AND (token_hash = $2 OR series_hash = $3 OR login_id = $4)",
        )
        .bind(user_id)
        .bind(session.map(|session| session.token.as_bytes()))
        .bind(series)
        .bind(session.map(|session| &session.id))
        .execute(&mut *transaction)
        .await
        .map_err(fault(revoking))?;
        let browsers = sqlx::query("DELETE FROM remembered WHERE user_id = $1 AND series_hash = $2")
            .bind(user_id)
            .bind(series)
            .execute(&mut *transaction)
            .await
            .map_err(fault(revoking))?;
        if sessions.rows_affected() + browsers.rows_affected() == 0 {
            return Ok(false);
        }
        add_event(&mut transaction, event).await.map_err(fault(revoking))?;
        transaction.commit().await.map_err(fault(revoking))?;
        Ok(true)
    }

    /// Removes the sessions that are over. Gives their number.
    pub async fn sweep_sessions(&self, limits: Limits) -> Result<u64, InternalError> {
        let over = Rows {
            table: "sessions",
            key: "token_hash",
            which: "logged_in_at <= $1 OR last_used_at <= $2 OR logged_in_at > $3 OR last_used_at > $3",
        };
        let limits = [limits.logged_in_after.0, limits.used_after.0, limits.noted_until.0];
        self.remove("sweeping sessions", over, &limits).await
    }
}
