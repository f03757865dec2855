//! Stored users.

use sqlx::FromRow;

use super::{
    Storage,
    events::add_event,
    fault,
    links::{NewLink, put_link},
    roles::{UpdateOutcome, is_last_admin},
};
use crate::server::{
    model::{
        clock::Timestamp,
        event::Event,
        user_name::{folded, skeleton},
    },
    storage::user_rows::{end_all_of, end_sessions_of, insert_user},
    telemetry::error::InternalError,
};

/// A user as stored. The hash is for [`passwords`](crate::server::passwords) only.
#[derive(Clone, FromRow)]
pub struct StoredUser {
    /// The name, exactly as it was given.
    pub user_id: String,
    /// The password hash, a PHC string. Empty where the user has no password.
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

/// A user that is to be added.
#[derive(Debug)]
pub struct NewUser<'a> {
    /// The name.
    pub user_id: &'a str,
    /// The password hash. Empty for who has no password yet.
    pub password_hash: &'a str,
    /// Whether this is a demo user, whose password is public.
    pub demo: bool,
    /// The roles. One that comes twice counts as one that is not there.
    pub roles: &'a [String],
    /// The link to choose a password with.
    pub link: Option<NewLink<'a>>,
}

impl StoredUser {
    /// The hash to verify a password against, if the user has one.
    pub fn hash(&self) -> Option<&str> {
        Some(self.password_hash.as_str()).filter(|hash| !hash.is_empty())
    }
}

impl Storage {
    /// Adds a user with roles, and a link to choose a password where there is one. [`UpdateOutcome::Nothing`] if there is a user of
    /// that name, or one that it would be mistaken for.
    pub async fn add_user(
        &self,
        user: &NewUser<'_>,
        now: Timestamp,
        events: &[Event],
    ) -> Result<UpdateOutcome, InternalError> {
        let adding = "adding a user";
        let mut transaction = self.begin(adding).await?;
        let is_new = insert_user(&mut transaction, user.user_id, user.password_hash, user.demo, now)
            .await
            .map_err(fault(adding))?;
        if !is_new {
            return Ok(UpdateOutcome::Nothing);
        }
        for role in user.roles {
            let done = sqlx::query(
                "INSERT INTO user_roles (user_id, role) SELECT $1, role FROM roles WHERE role = $2
                 ON CONFLICT DO NOTHING",
            )
            .bind(user.user_id)
            .bind(role)
            .execute(&mut *transaction)
            .await
            .map_err(fault(adding))?;
            if done.rows_affected() == 0 {
                return Ok(UpdateOutcome::NoRole);
            }
        }
        if let Some(link) = &user.link {
            put_link(&mut transaction, link, now).await.map_err(fault(adding))?;
        }
        for event in events {
            add_event(&mut transaction, event).await.map_err(fault(adding))?;
        }
        transaction.commit().await.map_err(fault(adding))?;
        Ok(UpdateOutcome::Done)
    }

    /// Whether there is any user.
    pub async fn has_users(&self) -> Result<bool, InternalError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(&self.reader)
            .await
            .map_err(fault("looking whether there is a user"))
    }

    /// The name of the user of that name, or else of one that it would be mistaken for.
    pub async fn find_twin(&self, user_id: &str) -> Result<Option<String>, InternalError> {
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

    /// The user who logs in under that name: the one of exactly that name, or else one whose name differs in upper and lower case
    /// only.
    pub async fn find_user_by_login(&self, name: &str) -> Result<Option<StoredUser>, InternalError> {
        sqlx::query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users
             WHERE user_id = $1 OR folded_name = $2 ORDER BY user_id = $1 DESC LIMIT 1",
        )
        .bind(name)
        .bind(folded(name))
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up who logs in"))
    }

    /// The user of that name.
    pub async fn find_user(&self, user_id: &str) -> Result<Option<StoredUser>, InternalError> {
        sqlx::query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = $1",
        )
        .bind(user_id)
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a user"))
    }

    /// All users, by name.
    pub async fn list_users(&self) -> Result<Vec<StoredUser>, InternalError> {
        sqlx::query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users ORDER BY user_id",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(fault("listing users"))
    }

    /// Ends all sessions of a user, forgets all browsers, and lets go of all kept calls. `false` if there is none of that
    /// name.
    pub async fn end_all_sessions(&self, user_id: &str, event: &Event) -> Result<bool, InternalError> {
        let ending = "ending all sessions of a user";
        let mut transaction = self.begin(ending).await?;
        // A login that is under way is overtaken, too.
        let done = sqlx::query("UPDATE users SET changed_at = changed_at + 1 WHERE user_id = $1")
            .bind(user_id)
            .execute(&mut *transaction)
            .await
            .map_err(fault(ending))?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        end_sessions_of(&mut transaction, user_id, None)
            .await
            .map_err(fault(ending))?;
        add_event(&mut transaction, event).await.map_err(fault(ending))?;
        transaction.commit().await.map_err(fault(ending))?;
        Ok(true)
    }

    /// Lets a user in or keeps one out, unless that would leave no administrator. Keeping out also ends all sessions,
    /// forgets all browsers, and makes links useless.
    pub async fn set_active(
        &self,
        user_id: &str,
        active: bool,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        let change = "enabling or disabling a user";
        let mut transaction = self.begin(change).await?;
        if !active && is_last_admin(&mut transaction, user_id).await.map_err(fault(change))? {
            return Ok(UpdateOutcome::LastAdmin);
        }
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
        if done.rows_affected() == 0 {
            return Ok(UpdateOutcome::NoUser);
        }
        if !active {
            end_all_of(&mut transaction, user_id, None)
                .await
                .map_err(fault(change))?;
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }

    /// Deletes a user with all that belongs to one, unless that would leave no administrator.
    pub async fn delete_user(&self, user_id: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        let change = "deleting a user";
        let mut transaction = self.begin(change).await?;
        let is_last = is_last_admin(&mut transaction, user_id);
        if is_last.await.map_err(fault(change))? {
            return Ok(UpdateOutcome::LastAdmin);
        }
        let done = sqlx::query("DELETE FROM users WHERE user_id = $1")
            .bind(user_id)
            .execute(&mut *transaction)
            .await
            .map_err(fault(change))?;
        if done.rows_affected() == 0 {
            return Ok(UpdateOutcome::NoUser);
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }
}
