//! Stored password hashes. Every change of a password ends what the old one opened.

use sqlx::SqliteConnection;

use super::{
    Storage,
    events::add_event,
    fault,
    links::{NewLink, put_link},
    roles::{UpdateOutcome, is_last_admin},
    sessions::RenewedSession,
    user_rows::end_all_of,
};
use crate::server::{
    model::{clock::Timestamp, event::Event},
    telemetry::error::InternalError,
};

impl Storage {
    /// Writes the same password hashed anew, unless the password was changed meanwhile. Nobody is logged out.
    pub async fn replace_hash(&self, user_id: &str, old: &str, new: &str) -> Result<(), InternalError> {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE user_id = $2 AND password_hash = $3")
            .bind(new)
            .bind(user_id)
            .bind(old)
            .execute(&self.writer)
            .await
            .map_err(fault("hashing a password anew"))?;
        Ok(())
    }

    /// Gives a user another password and ends all that the old one opened: sessions, remembered browsers, links. The user
    /// stops being a demo user. `false` if there is none of that name.
    pub async fn change_password(
        &self,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, InternalError> {
        let change = "changing a password";
        let mut transaction = self.begin(change).await?;
        if !write_hash(&mut transaction, user_id, password_hash, now)
            .await
            .map_err(fault(change))?
        {
            return Ok(false);
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(true)
    }

    /// Takes a user's password away, ends all that it opened, and stores the link to choose another one with; unless that
    /// would leave no administrator.
    pub async fn require_new_password(
        &self,
        link: &NewLink<'_>,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        let change = "taking a password away";
        let mut transaction = self.begin(change).await?;
        let is_last = is_last_admin(&mut transaction, link.user_id);
        if is_last.await.map_err(fault(change))? {
            return Ok(UpdateOutcome::LastAdmin);
        }
        if !write_hash(&mut transaction, link.user_id, "", now)
            .await
            .map_err(fault(change))?
        {
            return Ok(UpdateOutcome::NoUser);
        }
        put_link(&mut transaction, link, now).await.map_err(fault(change))?;
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }

    /// Gives a user another password from within a session: ends everything else that the old one opened, and renews the
    /// session. Unless it ended meanwhile, or its user was kept out: then nothing changes, and it is `false`.
    pub async fn change_own_password(
        &self,
        password_hash: &str,
        renewed: &RenewedSession<'_>,
        now: Timestamp,
        event: &Event,
    ) -> Result<bool, InternalError> {
        let change = "changing a password";
        let mut transaction = self.begin(change).await?;
        let done = sqlx::query(
            "UPDATE users SET password_hash = $1, demo = FALSE,
               changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
             WHERE user_id = $3 AND active AND demo <= $4
               AND EXISTS (SELECT 1 FROM sessions WHERE token_hash = $5 AND sessions.user_id = $3)",
        )
        .bind(password_hash)
        .bind(now.0)
        .bind(renewed.user_id)
        .bind(self.demo)
        .bind(renewed.old.as_bytes())
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE sessions SET token_hash = $1, data = $2, series_hash = NULL, login_id = $4 WHERE token_hash = $3",
        )
        .bind(renewed.new.as_bytes())
        .bind(renewed.data)
        .bind(renewed.old.as_bytes())
        .bind(renewed.login_id)
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        end_all_of(&mut transaction, renewed.user_id, Some(renewed.new))
            .await
            .map_err(fault(change))?;
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(true)
    }
}

/// Writes another password hash and ends all that the old password opened. `false` if there is no such user.
async fn write_hash(
    connection: &mut SqliteConnection,
    user_id: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE users SET password_hash = $1, demo = FALSE,
           changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
         WHERE user_id = $3",
    )
    .bind(password_hash)
    .bind(now.0)
    .bind(user_id)
    .execute(&mut *connection)
    .await?;
    end_all_of(connection, user_id, None).await?;
    Ok(done.rows_affected() == 1)
}
