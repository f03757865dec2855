//! Stored users.

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    links::{NewLink, put_link},
    roles::{UpdateOutcome, is_last_admin},
};
use crate::server::{
    model::{
        clock::Timestamp,
        event::Event,
        user_name::{folded, skeleton},
    },
    storage::user_rows::{insert_user, revoke_access, revoke_sessions},
    telemetry::error::InternalError,
};

#[derive(Clone, FromRow)]
pub struct StoredUser {
    /// The name, in its original spelling.
    pub user_id: String,
    /// A PHC string for [`passwords`](crate::server::passwords). Empty if the user has no password.
    pub password_hash: String,
    /// Whether the user may log in and stay logged in.
    pub active: bool,
    /// Whether this is a demo user, whose password is public.
    pub demo: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// The last change of the password or state, in milliseconds since 1970. It grows with every change, even within
    /// one millisecond, and a login that started before the change fails.
    pub changed_at: i64,
}

#[derive(Debug, Default)]
pub struct NewUser<'a> {
    pub user_id: &'a str,
    /// Empty if the user has no password yet.
    pub password_hash: &'a str,
    /// Whether this is a demo user, whose password is public.
    pub demo: bool,
    /// The roles. A duplicate is refused like an unknown role.
    pub roles: &'a [String],
    /// The link to choose a password with.
    pub link: Option<NewLink<'a>>,
}

impl StoredUser {
    /// The password hash, if the user has a password.
    pub fn hash(&self) -> Option<&str> {
        Some(self.password_hash.as_str()).filter(|hash| !hash.is_empty())
    }
}

impl Storage {
    /// Adds a user with roles and, if given, a link. [`UpdateOutcome::Unchanged`] if the name is taken or can be mistaken
    /// for an existing one.
    pub async fn add_user(
        &self,
        user: &NewUser<'_>,
        now: Timestamp,
        events: &[Event],
    ) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "adding a user", |transaction| {
            let outcome = add_user_in(&mut transaction, user, now, events).await?;
            Ok(if outcome == UpdateOutcome::Done {
                Commit(outcome)
            } else {
                Rollback(outcome)
            })
        })
    }

    pub async fn has_users(&self) -> Result<bool, InternalError> {
        query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(&self.reader)
            .await
            .map_err(database_error("checking whether there are users"))
    }

    /// The user name equal to `user_id`, or else one that can be mistaken for it.
    pub async fn find_twin(&self, user_id: &str) -> Result<Option<String>, InternalError> {
        query_scalar(
            "SELECT user_id FROM users WHERE user_id = $1 OR folded_name = $2 OR skeleton = $3
             ORDER BY user_id = $1 DESC LIMIT 1",
        )
        .bind(user_id)
        .bind(folded(user_id))
        .bind(skeleton(user_id))
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up similar user names"))
    }

    /// The user to log in as `name`: the one with exactly this name, or else one whose name differs only in case.
    pub async fn find_user_by_login(&self, name: &str) -> Result<Option<StoredUser>, InternalError> {
        query_as(
            "SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users
             WHERE user_id = $1 OR folded_name = $2 ORDER BY user_id = $1 DESC LIMIT 1",
        )
        .bind(name)
        .bind(folded(name))
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up the user to log in"))
    }

    pub async fn find_user(&self, user_id: &str) -> Result<Option<StoredUser>, InternalError> {
        query_as("SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = $1")
            .bind(user_id)
            .fetch_optional(&self.reader)
            .await
            .map_err(database_error("looking up a user"))
    }

    /// All users, by name.
    pub async fn list_users(&self) -> Result<Vec<StoredUser>, InternalError> {
        query_as("SELECT user_id, password_hash, active, demo, created_at, changed_at FROM users ORDER BY user_id")
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("listing users"))
    }

    /// Deletes a user's sessions, remembered browsers and pending calls. `false` if there is no such user.
    pub async fn end_all_sessions(&self, user_id: &str, event: &Event) -> Result<bool, InternalError> {
        transaction!(self, "ending all sessions of a user", |transaction| {
            // Makes a login in progress fail, too.
            let updated = query("UPDATE users SET changed_at = changed_at + 1 WHERE user_id = $1")
                .bind(user_id)
                .execute(&mut transaction)
                .await?;
            if updated == 0 {
                return Ok(Rollback(false));
            }
            revoke_sessions(&mut transaction, user_id, None).await?;
            add_event(&mut transaction, event).await?;
            Ok(Commit(true))
        })
    }

    /// Enables or disables a user, unless that would leave no administrator. Disabling also deletes the user's
    /// sessions, remembered browsers, pending calls and links.
    pub async fn set_active(
        &self,
        user_id: &str,
        active: bool,
        now: Timestamp,
        event: &Event,
    ) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "enabling or disabling a user", |transaction| {
            if !active && is_last_admin(&mut transaction, &self.issuers, user_id).await? {
                return Ok(Rollback(UpdateOutcome::LastAdmin));
            }
            let updated = query(
                "UPDATE users SET active = $1,
                   changed_at = CASE WHEN changed_at < $2 THEN $2 ELSE changed_at + 1 END
                 WHERE user_id = $3",
            )
            .bind(active)
            .bind(now.0)
            .bind(user_id)
            .execute(&mut transaction)
            .await?;
            if updated == 0 {
                return Ok(Rollback(UpdateOutcome::NoUser));
            }
            if !active {
                revoke_access(&mut transaction, user_id, None).await?;
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }

    /// Deletes a user with all dependent rows, unless that would leave no administrator.
    pub async fn delete_user(&self, user_id: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "deleting a user", |transaction| {
            if is_last_admin(&mut transaction, &self.issuers, user_id).await? {
                return Ok(Rollback(UpdateOutcome::LastAdmin));
            }
            let deleted = query("DELETE FROM users WHERE user_id = $1")
                .bind(user_id)
                .execute(&mut transaction)
                .await?;
            if deleted == 0 {
                return Ok(Rollback(UpdateOutcome::NoUser));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }
}

/// Adds a user as [`Storage::add_user`] does. Unless the outcome is `Done`, the transaction must be rolled back.
pub(super) async fn add_user_in(
    transaction: &mut Transaction,
    user: &NewUser<'_>,
    now: Timestamp,
    events: &[Event],
) -> sqlx::Result<UpdateOutcome> {
    if !insert_user(transaction, user.user_id, user.password_hash, user.demo, now).await? {
        return Ok(UpdateOutcome::Unchanged);
    }
    for role in user.roles {
        let inserted = query(
            "INSERT INTO user_roles (user_id, role) SELECT $1, role FROM roles WHERE role = $2
             ON CONFLICT DO NOTHING",
        )
        .bind(user.user_id)
        .bind(role)
        .execute(&mut *transaction)
        .await?;
        if inserted == 0 {
            return Ok(UpdateOutcome::NoRole);
        }
    }
    if let Some(link) = &user.link {
        put_link(transaction, link, now).await?;
    }
    for event in events {
        add_event(transaction, event).await?;
    }
    Ok(UpdateOutcome::Done)
}
