//! Stored one-time links. The code that finds one is known here by its hash only.

use super::{
    Storage,
    events::add_event,
    fault,
    roles::{ADMIN, Grant, UpdateOutcome, grants_of},
    user_rows::{end_all_of, insert_user},
};
use crate::server::{
    model::{clock::Timestamp, event::Event, token::TokenHash},
    telemetry::error::InternalError,
};

/// A link that works.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StoredLink {
    /// Whose password it lets somebody choose; nobody's where it makes the first administrator.
    pub user_id: Option<String>,
}

/// A link that is to be stored.
#[derive(Debug)]
pub struct NewLink<'a> {
    /// The hash of its code.
    pub code: &'a TokenHash,
    /// Whose password it lets somebody choose.
    pub user_id: &'a str,
    /// Who makes it; nobody where that is the operator.
    pub made_by: Option<&'a str>,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl Storage {
    /// The link with that code, if it works.
    pub async fn find_link(&self, code: &TokenHash, now: Timestamp) -> Result<Option<StoredLink>, InternalError> {
        sqlx::query_as("SELECT user_id FROM links WHERE code_hash = $1 AND expires_at > $2 AND created_at <= $3")
            .bind(code.as_bytes())
            .bind(now.0)
            .bind(now.latest_noted().0)
            .fetch_optional(&self.reader)
            .await
            .map_err(fault("looking up a link"))
    }

    /// Until when a link of that user works, if there is one.
    pub async fn link_until(&self, user_id: &str, now: Timestamp) -> Result<Option<Timestamp>, InternalError> {
        sqlx::query_scalar("SELECT expires_at FROM links WHERE user_id = $1 AND expires_at > $2 AND created_at <= $3")
            .bind(user_id)
            .bind(now.0)
            .bind(now.latest_noted().0)
            .fetch_optional(&self.reader)
            .await
            .map(|until| until.map(Timestamp))
            .map_err(fault("looking up a link"))
    }

    /// Stores the link to make the first administrator with, in place of earlier ones, if there is no user. `false` if
    /// there is one.
    pub async fn put_first_link(
        &self,
        code: &TokenHash,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, InternalError> {
        let adding = "storing the link for the first administrator";
        let mut transaction = self.begin(adding).await?;
        sqlx::query("DELETE FROM links WHERE user_id IS NULL")
            .execute(&mut *transaction)
            .await
            .map_err(fault(adding))?;
        let done = sqlx::query(
            "INSERT INTO links (code_hash, user_id, created_at, expires_at)
             SELECT $1, NULL, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM users)",
        )
        .bind(code.as_bytes())
        .bind(now.0)
        .bind(expires_at.0)
        .execute(&mut *transaction)
        .await
        .map_err(fault(adding))?;
        transaction.commit().await.map_err(fault(adding))?;
        Ok(done.rows_affected() == 1)
    }

    /// Uses up the link for the first administrator, and adds that user with this password. `false` if it does not work
    /// any more, or there is a user by now: then nothing has changed.
    pub async fn use_first_link(
        &self,
        code: &TokenHash,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        events: [&Event; 2],
    ) -> Result<bool, InternalError> {
        let using = "making the first administrator";
        let mut transaction = self.begin(using).await?;
        let done = sqlx::query(
            "DELETE FROM links WHERE code_hash = $1 AND user_id IS NULL AND expires_at > $2 AND created_at <= $3
               AND NOT EXISTS (SELECT 1 FROM users)",
        )
        .bind(code.as_bytes())
        .bind(now.0)
        .bind(now.latest_noted().0)
        .execute(&mut *transaction)
        .await
        .map_err(fault(using))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        insert_user(&mut transaction, user_id, password_hash, false, now)
            .await
            .map_err(fault(using))?;
        sqlx::query("INSERT INTO user_roles (user_id, role) VALUES ($1, $2)")
            .bind(user_id)
            .bind(ADMIN)
            .execute(&mut *transaction)
            .await
            .map_err(fault(using))?;
        for event in events {
            add_event(&mut transaction, event).await.map_err(fault(using))?;
        }
        transaction.commit().await.map_err(fault(using))?;
        Ok(true)
    }

    /// Uses up a link and gives its user this password; all that the user had before is over. `false` if the link does not
    /// work any more, or the user was kept out, or the user who made it was, or `may_manage` says no to what that one and
    /// the user of the link hold now: then nothing has changed.
    pub async fn use_link(
        &self,
        code: &TokenHash,
        user_id: &str,
        password_hash: &str,
        now: Timestamp,
        event: &Event,
        may_manage: impl FnOnce(&[Grant], &[Grant]) -> bool,
    ) -> Result<bool, InternalError> {
        let using = "using a link";
        let mut transaction = self.begin(using).await?;
        let used: Option<Option<String>> = sqlx::query_scalar(
            "DELETE FROM links WHERE code_hash = $1 AND user_id = $2 AND expires_at > $3 AND created_at <= $4
               AND (made_by IS NULL OR EXISTS (SELECT 1 FROM users WHERE users.user_id = made_by AND active))
             RETURNING made_by",
        )
        .bind(code.as_bytes())
        .bind(user_id)
        .bind(now.0)
        .bind(now.latest_noted().0)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(fault(using))?;
        let Some(made_by) = used else {
            return Ok(false);
        };
        if let Some(maker) = made_by {
            let held = grants_of(&mut *transaction, &maker).await.map_err(fault(using))?;
            let asked = grants_of(&mut *transaction, user_id).await.map_err(fault(using))?;
            if !may_manage(&held, &asked) {
                return Ok(false);
            }
        }
        let changed = sqlx::query(
            "UPDATE users SET password_hash = $1, demo = FALSE,
               changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
             WHERE user_id = $3 AND active",
        )
        .bind(password_hash)
        .bind(now.0)
        .bind(user_id)
        .execute(&mut *transaction)
        .await
        .map_err(fault(using))?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        end_all_of(&mut transaction, user_id, None)
            .await
            .map_err(fault(using))?;
        add_event(&mut transaction, event).await.map_err(fault(using))?;
        transaction.commit().await.map_err(fault(using))?;
        Ok(true)
    }

    /// Stores a link in place of an earlier one, for a user who may log in and has no password; [`UpdateOutcome::NoUser`] where
    /// there is none.
    pub async fn renew_invitation(
        &self,
        link: &NewLink<'_>,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        let making = "storing a link";
        let mut transaction = self.begin(making).await?;
        let is_invited: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND active AND password_hash = '')",
        )
        .bind(link.user_id)
        .fetch_one(&mut *transaction)
        .await
        .map_err(fault(making))?;
        if !is_invited {
            return Ok(UpdateOutcome::NoUser);
        }
        put_link(&mut transaction, link, now).await.map_err(fault(making))?;
        add_event(&mut transaction, event).await.map_err(fault(making))?;
        transaction.commit().await.map_err(fault(making))?;
        Ok(UpdateOutcome::Done)
    }

    /// Removes the links that are over. Gives their number.
    pub async fn sweep_links(&self, now: Timestamp) -> Result<u64, InternalError> {
        let done = sqlx::query("DELETE FROM links WHERE expires_at <= $1 OR created_at > $2")
            .bind(now.0)
            .bind(now.latest_noted().0)
            .execute(&self.writer)
            .await
            .map_err(fault("sweeping links"))?;
        Ok(done.rows_affected())
    }
}

/// Stores a link in place of an earlier one of the same user.
pub(super) async fn put_link(
    connection: &mut sqlx::SqliteConnection,
    link: &NewLink<'_>,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO links (code_hash, user_id, created_at, expires_at, made_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE SET code_hash = $1, created_at = $3, expires_at = $4, made_by = $5",
    )
    .bind(link.code.as_bytes())
    .bind(link.user_id)
    .bind(now.0)
    .bind(link.expires_at.0)
    .bind(link.made_by)
    .execute(connection)
    .await
    .map(drop)
}
