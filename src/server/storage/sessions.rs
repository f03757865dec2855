//! Stored sessions. Only the hashes of their tokens are stored.

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as},
        transaction::{Commit, Rollback, transaction},
    },
    events::add_event,
    profiles::StoredProfile,
    removal::Rows,
};
use crate::server::{
    model::{
        clock::Timestamp,
        event::Event,
        login::{Login, SessionKey},
        token::TokenHash,
    },
    telemetry::error::InternalError,
};

/// A live session.
#[derive(Debug, FromRow)]
pub struct StoredSession {
    /// JSON.
    pub data: String,
    /// The last recorded use, in milliseconds since 1970. Not every use is recorded.
    pub last_used_at: i64,
    /// What the user has chosen.
    #[sqlx(flatten)]
    pub profile: StoredProfile,
}

/// A session that continues under a new token.
pub struct RenewedSession<'a> {
    pub old: &'a TokenHash,
    pub new: &'a TokenHash,
    /// Identifies the session when its token changes.
    pub login_id: &'a str,
    pub user_id: &'a str,
    /// The remembered browser that the session belongs to from now on.
    pub series: Option<&'a TokenHash>,
    /// The new data, as JSON.
    pub data: &'a str,
    /// The user's `changed_at` when the renewal started. If it differs by now, the renewal fails.
    pub user_changed_at: i64,
}

/// A live session in the list of its user.
#[derive(Debug, FromRow)]
pub struct ListedSession {
    pub token_hash: Vec<u8>,
    /// The remembered browser that the session belongs to.
    pub series_hash: Option<Vec<u8>>,
    /// JSON.
    pub data: String,
    /// Milliseconds since 1970.
    pub logged_in_at: i64,
    /// The last recorded use, in milliseconds since 1970. Not every use is recorded.
    pub last_used_at: i64,
}

/// The time limits of live sessions.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions with an end of their own are over from that time on.
    pub now: Timestamp,
    /// Absolute limit: sessions that began at this time or earlier are over.
    pub logged_in_after: Timestamp,
    /// Idle limit: sessions last used at this time or earlier are over.
    pub used_after: Timestamp,
    /// Sessions with a later timestamp are over: it lies in the future, so the clock was set back and their age is
    /// unknown.
    pub latest_plausible: Timestamp,
}

impl Limits {
    /// Whether a session with this login and last use is live.
    pub fn allow(&self, login: &Login, last_used: Timestamp) -> bool {
        login.at() > self.logged_in_after
            && last_used > self.used_after
            && login.at().max(last_used) <= self.latest_plausible
            && login.ends_at().is_none_or(|ends_at| ends_at > self.now)
    }
}

impl Storage {
    /// The live session with this token, if its user is active.
    pub async fn find_session(
        &self,
        token: &TokenHash,
        limits: Limits,
    ) -> Result<Option<StoredSession>, InternalError> {
        query_as(
            "SELECT sessions.data, sessions.last_used_at, users.language, users.time_zone, users.display_name FROM sessions
             JOIN users ON users.user_id = sessions.user_id AND users.active AND users.demo <= $4
             WHERE token_hash = $1 AND logged_in_at > $2 AND last_used_at > $3
               AND logged_in_at <= $5 AND last_used_at <= $5 AND (ends_at IS NULL OR ends_at > $6)",
        )
        .bind(token.as_bytes())
        .bind(limits.logged_in_after.0)
        .bind(limits.used_after.0)
        .bind(self.demo)
        .bind(limits.latest_plausible.0)
        .bind(limits.now.0)
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up a session"))
    }

    /// Up to `limit` live sessions of a user, the most recently used first.
    pub async fn list_sessions(
        &self,
        user_id: &str,
        limits: Limits,
        limit: u32,
    ) -> Result<Vec<ListedSession>, InternalError> {
        query_as(
            "SELECT token_hash, series_hash, data, logged_in_at, last_used_at FROM sessions
             WHERE user_id = $1 AND logged_in_at > $2 AND last_used_at > $3
               AND logged_in_at <= $4 AND last_used_at <= $4 AND (ends_at IS NULL OR ends_at > $6)
             ORDER BY last_used_at DESC LIMIT $5",
        )
        .bind(user_id)
        .bind(limits.logged_in_after.0)
        .bind(limits.used_after.0)
        .bind(limits.latest_plausible.0)
        .bind(limit)
        .bind(limits.now.0)
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("listing sessions"))
    }

    /// Ends all sessions of a user except `session`, which stays even if it was renewed meanwhile, and forgets all
    /// remembered browsers except `series`.
    pub async fn end_others(
        &self,
        user_id: &str,
        session: Option<&SessionKey>,
        series: Option<&TokenHash>,
    ) -> Result<(), InternalError> {
        transaction!(self, "ending the other sessions", |transaction| {
            query(
                "DELETE FROM sessions WHERE user_id = $1
                 AND ($2 IS NULL OR (token_hash <> $2 AND login_id <> $3))",
            )
            .bind(user_id)
            .bind(session.map(|session| session.token.as_bytes()))
            .bind(session.map(|session| &session.id))
            .execute(&mut transaction)
            .await?;
            query("DELETE FROM remembered WHERE user_id = $1 AND ($2 IS NULL OR series_hash <> $2)")
                .bind(user_id)
                .bind(series.map(TokenHash::as_bytes))
                .execute(&mut transaction)
                .await?;
            Ok(Commit(()))
        })
    }

    /// Records a use of a session whose last recorded use was at `earlier`. Of concurrent calls with the same
    /// `earlier`, only one updates the row. A session that ended meanwhile stays ended.
    pub async fn touch_session(
        &self,
        token: &TokenHash,
        earlier: Timestamp,
        now: Timestamp,
    ) -> Result<(), InternalError> {
        let update = query("UPDATE sessions SET last_used_at = $1 WHERE token_hash = $2 AND last_used_at = $3")
            .bind(now.0)
            .bind(token.as_bytes())
            .bind(earlier.0);
        self.execute("recording the use of a session", update).await.map(drop)
    }

    /// Renews a session. `false` if it ended or its user was changed or disabled meanwhile.
    pub async fn renew_session(&self, renewed: &RenewedSession<'_>) -> Result<bool, InternalError> {
        let update = query(
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
        .bind(renewed.login_id);
        Ok(self.execute_locked("renewing a session", &update).await? == 1)
    }

    /// Replaces the data of a session. `false` if it ended meanwhile.
    pub async fn update_session(&self, token: &TokenHash, data: &str) -> Result<bool, InternalError> {
        let update = query("UPDATE sessions SET data = $1 WHERE token_hash = $2")
            .bind(data)
            .bind(token.as_bytes());
        Ok(self.execute_locked("updating a session", &update).await? == 1)
    }

    /// Ends a session of a user, even if it was renewed meanwhile.
    pub async fn end_session(&self, user_id: &str, session: &SessionKey) -> Result<(), InternalError> {
        let delete = query("DELETE FROM sessions WHERE user_id = $1 AND (token_hash = $2 OR login_id = $3)")
            .bind(user_id)
            .bind(session.token.as_bytes())
            .bind(&session.id);
        self.execute_locked("ending a session", &delete).await.map(drop)
    }

    /// Ends the session with this token, if there is one.
    pub async fn delete_session(&self, token: &TokenHash) -> Result<(), InternalError> {
        let delete = query("DELETE FROM sessions WHERE token_hash = $1").bind(token.as_bytes());
        self.execute_locked("ending a session", &delete).await.map(drop)
    }

    /// Ends a session of a user, even if it was renewed meanwhile, and forgets a remembered browser with all its
    /// sessions. `false` if neither exists.
    pub async fn revoke_login(
        &self,
        user_id: &str,
        session: Option<&SessionKey>,
        series: Option<&TokenHash>,
        event: &Event,
    ) -> Result<bool, InternalError> {
        let series = series.map(TokenHash::as_bytes);
        transaction!(self, "revoking a session", |transaction| {
            let sessions = query(
                "DELETE FROM sessions WHERE user_id = $1
                 AND (token_hash = $2 OR series_hash = $3 OR login_id = $4)",
            )
            .bind(user_id)
            .bind(session.map(|session| session.token.as_bytes()))
            .bind(series)
            .bind(session.map(|session| &session.id))
            .execute(&mut transaction)
            .await?;
            let browsers = query("DELETE FROM remembered WHERE user_id = $1 AND series_hash = $2")
                .bind(user_id)
                .bind(series)
                .execute(&mut transaction)
                .await?;
            if sessions + browsers == 0 {
                return Ok(Rollback(false));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(true))
        })
    }

    /// Deletes the sessions that are over and returns their number.
    pub async fn sweep_sessions(&self, limits: Limits) -> Result<u64, InternalError> {
        let over = Rows {
            table: "sessions",
            key: "token_hash",
            condition: "logged_in_at <= $1 OR last_used_at <= $2 OR logged_in_at > $3 OR last_used_at > $3
                OR ends_at <= $4",
            locked: true,
        };
        let limits = [
            limits.logged_in_after.0,
            limits.used_after.0,
            limits.latest_plausible.0,
            limits.now.0,
        ];
        self.delete_in_batches("sweeping sessions", over, &limits).await
    }
}
