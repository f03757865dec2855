//! Stored roles: what they may do, and who has them. Every change is stored together with its event.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, SqliteConnection, SqliteExecutor};

use super::{Storage, events::add_event, fault};
use crate::server::{model::event::Event, telemetry::error::InternalError};

/// The role that is built in and holds every permission.
pub const ADMIN: &str = "admin";

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum UpdateOutcome {
    /// It was made.
    Done,
    /// There was nothing to change: it is so already.
    Nothing,
    /// There is no such user.
    NoUser,
    /// There is no such role.
    NoRole,
    /// It would leave nobody who is an administrator and can log in. Nothing was changed.
    LastAdmin,
}

/// What has to be there of a role that is put.
#[derive(Debug, Clone, Copy)]
pub enum Precondition<'a> {
    /// Whatever there is.
    Anything,
    /// No role of that name.
    Nothing,
    /// The role in that version.
    Version(&'a str),
}

/// What became of a role that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    /// It is as it was to be.
    Done,
    /// It had to be new and is there already.
    AlreadyExists,
    /// It is not, or no longer, there in that version, or holds something else than was judged.
    Modified,
}

/// Stands for what can be changed of a role. The permissions are in the order of their names.
pub fn version(description: &str, permissions: &[String]) -> String {
    let mut digest = Sha256::new();
    for part in permissions.iter().map(String::as_str).chain([description]) {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    URL_SAFE_NO_PAD.encode(&digest.finalize()[..12])
}

/// A role as stored.
#[derive(Debug, Clone, FromRow)]
pub struct StoredRole {
    /// The name.
    pub role: String,
    /// What it is for.
    pub description: String,
    /// How many users have it.
    pub users: i64,
}

/// One of the roles of a user, with one of its permissions where it has any.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Grant {
    /// The name of the role.
    pub role: String,
    /// The name of the permission. Those of the built-in role are not stored.
    pub permission: Option<String>,
}

/// All that a user is given.
pub(super) async fn grants_of<'c>(database: impl SqliteExecutor<'c>, user_id: &str) -> sqlx::Result<Vec<Grant>> {
    sqlx::query_as(
        "SELECT user_roles.role AS role, permission FROM user_roles
         LEFT JOIN role_permissions ON role_permissions.role = user_roles.role WHERE user_id = $1",
    )
    .bind(user_id)
    .fetch_all(database)
    .await
}

/// Whether a user is the last one who is an administrator and can log in. It stays true until the transaction ends.
pub(super) async fn is_last_admin(connection: &mut SqliteConnection, user_id: &str) -> Result<bool, sqlx::Error> {
    let able: Vec<String> = sqlx::query_scalar(
        "SELECT users.user_id FROM user_roles JOIN users ON users.user_id = user_roles.user_id
         WHERE role = $1 AND active AND password_hash <> '' LIMIT 2",
    )
    .bind(ADMIN)
    .fetch_all(connection)
    .await?;
    Ok(matches!(able.as_slice(), [last] if last == user_id))
}

impl Storage {
    /// All that a user is given, at one moment.
    pub async fn grants_of(&self, user_id: &str) -> Result<Vec<Grant>, InternalError> {
        grants_of(&self.reader, user_id)
            .await
            .map_err(fault("looking up what a user may do"))
    }

    /// Whether a user has a permission, by any role.
    pub async fn has_permission(&self, user_id: &str, permission: &str) -> Result<bool, InternalError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM user_roles WHERE user_id = $1 AND (role = $2 OR EXISTS
               (SELECT 1 FROM role_permissions WHERE role_permissions.role = user_roles.role AND permission = $3)))",
        )
        .bind(user_id)
        .bind(ADMIN)
        .bind(permission)
        .fetch_one(&self.reader)
        .await
        .map_err(fault("looking up a permission"))
    }

    /// The roles of a user, by name.
    pub async fn roles_of(&self, user_id: &str) -> Result<Vec<String>, InternalError> {
        sqlx::query_scalar("SELECT role FROM user_roles WHERE user_id = $1 ORDER BY role")
            .bind(user_id)
            .fetch_all(&self.reader)
            .await
            .map_err(fault("looking up the roles of a user"))
    }

    /// All roles, by name.
    pub async fn list_roles(&self) -> Result<Vec<StoredRole>, InternalError> {
        sqlx::query_as(
            "SELECT role, description, (SELECT count(*) FROM user_roles WHERE user_roles.role = roles.role) AS users
             FROM roles ORDER BY role",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(fault("listing roles"))
    }

    /// The permissions that a role holds, by name. Those of the built-in role are not stored.
    pub async fn permissions_of(&self, role: &str) -> Result<Vec<String>, InternalError> {
        permissions_of(&self.reader, role)
            .await
            .map_err(fault("looking up the permissions of a role"))
    }

    /// Makes a role, or changes it to be like this, if what is there is what was expected, and holds what was judged to be
    /// within the reach of whoever asks for it.
    pub async fn put_role(
        &self,
        role: &str,
        description: &str,
        permissions: &[String],
        before: Precondition<'_>,
        judged: &[String],
        event: &Event,
    ) -> Result<PutOutcome, InternalError> {
        let change = "changing a role";
        let mut transaction = self.begin(change).await?;
        let there: Option<String> = sqlx::query_scalar("SELECT description FROM roles WHERE role = $1")
            .bind(role)
            .fetch_optional(&mut *transaction)
            .await
            .map_err(fault(change))?;
        let held = permissions_of(&mut *transaction, role).await.map_err(fault(change))?;
        let is_expected = match before {
            Precondition::Nothing if there.is_some() => return Ok(PutOutcome::AlreadyExists),
            Precondition::Anything | Precondition::Nothing => true,
            Precondition::Version(expected) => {
                there.is_some_and(|description| version(&description, &held) == expected)
            }
        };
        if !is_expected || held != judged {
            return Ok(PutOutcome::Modified);
        }
        sqlx::query(
            "INSERT INTO roles (role, description) VALUES ($1, $2)
             ON CONFLICT (role) DO UPDATE SET description = $2",
        )
        .bind(role)
        .bind(description)
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        sqlx::query("DELETE FROM role_permissions WHERE role = $1")
            .bind(role)
            .execute(&mut *transaction)
            .await
            .map_err(fault(change))?;
        for permission in permissions {
            sqlx::query("INSERT INTO role_permissions (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(role)
                .bind(permission)
                .execute(&mut *transaction)
                .await
                .map_err(fault(change))?;
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(PutOutcome::Done)
    }

    /// Deletes a role, and takes it from all users who have it. The built-in role is not deleted here.
    pub async fn delete_role(&self, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        let change = "deleting a role";
        let mut transaction = self.begin(change).await?;
        let done = sqlx::query("DELETE FROM roles WHERE role = $1 AND role <> $2")
            .bind(role)
            .bind(ADMIN)
            .execute(&mut *transaction)
            .await
            .map_err(fault(change))?;
        if done.rows_affected() == 0 {
            return Ok(UpdateOutcome::NoRole);
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }

    /// Gives a user a role.
    pub async fn give_role(&self, user_id: &str, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        let change = "giving a role";
        let mut transaction = self.begin(change).await?;
        let done = sqlx::query(
            "INSERT INTO user_roles (user_id, role)
             SELECT user_id, role FROM users, roles WHERE user_id = $1 AND role = $2
             ON CONFLICT DO NOTHING",
        )
        .bind(user_id)
        .bind(role)
        .execute(&mut *transaction)
        .await
        .map_err(fault(change))?;
        if done.rows_affected() == 0 {
            return why_nothing(&mut transaction, user_id, role)
                .await
                .map_err(fault(change));
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }

    /// Takes a role from a user, unless that would leave no administrator.
    pub async fn take_role(&self, user_id: &str, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        let change = "taking a role";
        let mut transaction = self.begin(change).await?;
        if role == ADMIN && is_last_admin(&mut transaction, user_id).await.map_err(fault(change))? {
            return Ok(UpdateOutcome::LastAdmin);
        }
        let done = sqlx::query("DELETE FROM user_roles WHERE user_id = $1 AND role = $2")
            .bind(user_id)
            .bind(role)
            .execute(&mut *transaction)
            .await
            .map_err(fault(change))?;
        if done.rows_affected() == 0 {
            return why_nothing(&mut transaction, user_id, role)
                .await
                .map_err(fault(change));
        }
        add_event(&mut transaction, event).await.map_err(fault(change))?;
        transaction.commit().await.map_err(fault(change))?;
        Ok(UpdateOutcome::Done)
    }
}

/// Why a role could neither be given nor taken.
async fn why_nothing(
    connection: &mut SqliteConnection,
    user_id: &str,
    role: &str,
) -> Result<UpdateOutcome, sqlx::Error> {
    for (query, name, lack) in [
        (
            "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1)",
            user_id,
            UpdateOutcome::NoUser,
        ),
        (
            "SELECT EXISTS (SELECT 1 FROM roles WHERE role = $1)",
            role,
            UpdateOutcome::NoRole,
        ),
    ] {
        let is_there: bool = sqlx::query_scalar(query).bind(name).fetch_one(&mut *connection).await?;
        if !is_there {
            return Ok(lack);
        }
    }
    Ok(UpdateOutcome::Nothing)
}

async fn permissions_of<'c>(database: impl SqliteExecutor<'c>, role: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar("SELECT permission FROM role_permissions WHERE role = $1 ORDER BY permission")
        .bind(role)
        .fetch_all(database)
        .await
}
