//! Stored users.

use sqlx::FromRow;

use super::{Storage, fault, sessions::RenewedSession};
use crate::server::{
    clock::Timestamp,
    fault::Fault,
    names::{folded, skeleton},
    secret::TokenHash,
};

/// A user as stored. The hash is for [`passwords`](crate::server::passwords) only.
#[derive(Clone, FromRow)]
pub struct StoredUser {
    /// The name, exactly as it was given.
    pub user_id: String,
    /// The password hash, a PHC string.
    pub password_hash: String,
    /// Whether the user may log in and stay logged in.
    pub active: bool,
    /// Whether this is a demo user, whose password is public.
    pub demo: bool,
    /// When the user was added, in milliseconds since 1970.
    pub created_at: i64,
    /// When password or state last changed, in milliseconds since 1970; later with every change, even within one
    /// millisecond. A login that began before is overtaken.
    pub changed_at: i64,
}

impl Storage {
    /// Adds a user. `false` if there is one of that name, or one that it would be mistaken for.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn add_user(
        &self,
        user_id: &str,
        password_hash: &str,
        demo: bool,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let done = sqlx::query(
            "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
             VALUES ($1, $2, TRUE, $3, $4, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(user_id)
        .bind(password_hash)
        .bind(demo)
        .bind(now.0)
        .bind(folded(user_id))
        .bind(skeleton(user_id))
        .execute(&self.writer)
        .await
        .map_err(fault("adding a user"))?;
        Ok(done.rows_affected() == 1)
    }

    /// The name of the user of that name, or else of one that it would be mistaken for.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_twin(&self, user_id: &str) -> Result<Option<String>, Fault> {
        sqlx::query_scalar(
            "SELECT user_id FROM users WHERE user_id = $1 OR folded_name = $2 OR skeleton = $3
             ORDER BY user_id = $1 DESC LIMIT 1",
        )
        .bind(user_id)
        .bind(folded(user_id))
        .bind(skeleton(user_id))
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking for a user of a similar name"))
    }

    /// The user of that name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn find_user(&self, user_id: &str) -> Result<Option<StoredUser>, Fault> {
        sqlx::query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = $1",
        )
        .bind(user_id)
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a user"))
    }

    /// All users, by name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn list_users(&self) -> Result<Vec<StoredUser>, Fault> {
        sqlx::query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users ORDER BY user_id",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(fault("listing users"))
    }

    /// Writes the same password hashed anew, unless the password was changed meanwhile. Nobody is logged out.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn replace_hash(&self, user_id: &str, old: &str, new: &str) -> Result<(), Fault> {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE user_id = $2 AND password_hash = $3")
            .bind(new)
            .bind(user_id)
            .bind(old)
            .execute(&self.writer)
            .await
            .map_err(fault("hashing a password anew"))?;
        Ok(())
    }

    /// Gives a user another password and ends all that the old one opened: sessions and remembered browsers. The user
    /// stops being a demo user. `false` if there is none of that name.
    ///
    /// # Errors
    /// A fault of the database; then nothing has changed.
    pub async fn change_password(&self, user_id: &str, password_hash: &str, now: Timestamp) -> Result<bool, Fault> {
        let change = "changing a password";
        let mut transaction = self.writer.begin().await.map_err(fault(change))?;
        let done = sqlx::query(
            "UPDATE users SET password_hash = $1, demo = FALSE,
               changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
             WHERE user_id = $3",
        )
        .bind(password_hash)
        .bind(now.0)
        .bind(user_id)
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        end_all_of(&mut transaction, user_id, None)
            .await
            .map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a user another password from within a session: ends everything else that the old one opened, and renews the
    /// session. Unless it ended meanwhile, or its user was kept out: then nothing changes, and it is `false`.
    ///
    /// # Errors
    /// A fault of the database; then nothing has changed.
    pub async fn change_own_password(
        &self,
        password_hash: &str,
        renewed: &RenewedSession<'_>,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let change = "changing a password";
        let mut transaction = self.writer.begin().await.map_err(fault(change))?;
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
        sqlx::query("UPDATE sessions SET token_hash = $1, data = $2, series_hash = NULL WHERE token_hash = $3")
            .bind(renewed.new.as_bytes())
            .bind(renewed.data)
            .bind(renewed.old.as_bytes())
            .execute(&mut *transaction)
            .await
            .map_err(fault(change))?;
        end_all_of(&mut transaction, renewed.user_id, Some(renewed.new))
            .await
            .map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(true)
    }

    /// Lets a user in or keeps one out. Keeping out also ends all sessions and forgets all browsers. `false` if there
    /// is none of that name.
    ///
    /// # Errors
    /// A fault of the database; then nothing has changed.
    pub async fn set_active(&self, user_id: &str, active: bool, now: Timestamp) -> Result<bool, Fault> {
        let change = "enabling or disabling a user";
        let mut transaction = self.writer.begin().await.map_err(fault(change))?;
        let done = sqlx::query(
            "UPDATE users SET active = $1,
               changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
             WHERE user_id = $3",
        )
        .bind(active)
        .bind(now.0)
        .bind(user_id)
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        if !active {
            end_all_of(&mut transaction, user_id, None)
                .await
                .map_err(fault(change))?;
        }
        transaction.commit().await.map_err(fault(change))?;
        Ok(done.rows_affected() == 1)
    }

    /// Deletes a user with all that belongs to one. `false` if there is none of that name.
    ///
    /// # Errors
    /// A fault of the database.
    pub async fn delete_user(&self, user_id: &str) -> Result<bool, Fault> {
        let done = sqlx::query("DELETE FROM users WHERE user_id = $1")
            .bind(user_id)
            .execute(&self.writer)
            .await
            .map_err(fault("deleting a user"))?;
        Ok(done.rows_affected() == 1)
    }
}

/// Ends all sessions of a user but the one with the token `kept`, forgets all browsers, and lets go of all kept calls.
async fn end_all_of(
    connection: &mut sqlx::SqliteConnection,
    user_id: &str,
    kept: Option<&TokenHash>,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND ($2 IS NULL OR token_hash <> $2)")
        .bind(user_id)
        .bind(kept.map(TokenHash::as_bytes))
        .execute(&mut *connection)
        .await?;
    for table in [
        "DELETE FROM remembered WHERE user_id = $1",
        "DELETE FROM kept_calls WHERE user_id = $1",
    ] {
        sqlx::query(table).bind(user_id).execute(&mut *connection).await?;
    }
    Ok(())
}
