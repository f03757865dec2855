//! Stored roles, their permissions and their users. Every change is stored together with its audit event.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{Executor, query, query_as, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    user_rows::has_way_in,
};
use crate::server::{model::event::Event, telemetry::error::InternalError};

/// The built-in role, which has every permission.
pub const ADMIN: &str = "admin";

/// The outcome of a change. Except for `Done`, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum UpdateOutcome {
    Done,
    /// The state is already as requested.
    Unchanged,
    /// There is no such user.
    NoUser,
    /// There is no such role.
    NoRole,
    /// No administrator who can log in would be left.
    LastAdmin,
    /// The role cannot be taken by hand, because the claims of a provider give it.
    Mapped,
}

/// What must be true of a role before it is created or changed.
#[derive(Debug, Clone, Copy)]
pub enum Precondition<'a> {
    /// No condition.
    Anything,
    /// The role does not exist.
    Absent,
    /// The role exists in this [`version`].
    Version(&'a str),
}

/// The outcome of [`Storage::put_role`]. Except for `Done`, nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    Done,
    /// The role exists, against [`Precondition::Absent`].
    AlreadyExists,
    /// The role does not exist in the expected version, or its permissions are not the checked ones.
    Modified,
}

/// The version of a role: a hash of everything that can be changed. `permissions` must be sorted.
pub fn version(description: &str, permissions: &[String]) -> String {
    let mut digest = Sha256::new();
    for part in permissions.iter().map(String::as_str).chain([description]) {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    URL_SAFE_NO_PAD.encode(&digest.finalize()[..12])
}

#[derive(Debug, Clone, FromRow)]
pub struct StoredRole {
    pub role: String,
    pub description: String,
    /// The number of users who have it.
    pub users: i64,
}

/// A role of a user with one of its permissions.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Grant {
    pub role: String,
    /// `None` for a role without permissions, and for the built-in role, whose permissions are not stored.
    pub permission: Option<String>,
}

/// All roles of a user with their permissions.
pub(super) async fn grants_of(database: impl Into<Executor<'_>>, user_id: &str) -> sqlx::Result<Vec<Grant>> {
    query_as(
        "SELECT granted_roles.role AS role, permission FROM granted_roles
         LEFT JOIN role_permissions ON role_permissions.role = granted_roles.role WHERE user_id = $1",
    )
    .bind(user_id)
    .fetch_all(database)
    .await
}

/// Whether a user is the last administrator who can log in, with a password or with an account at one of the `issuers`
/// ([`Storage::issuers`]). `connection` must be a transaction, so that the result stays true until it ends.
pub(super) async fn is_last_admin(
    connection: &mut Transaction,
    issuers: &str,
    user_id: &str,
) -> Result<bool, sqlx::Error> {
    let admins: Vec<String> = query_scalar(concat!(
        "SELECT DISTINCT users.user_id FROM granted_roles JOIN users ON users.user_id = granted_roles.user_id
         WHERE role = $1 AND active AND ",
        has_way_in!("$2"),
        " LIMIT 2",
    ))
    .bind(ADMIN)
    .bind(issuers)
    .fetch_all(connection)
    .await?;
    Ok(matches!(admins.as_slice(), [last] if last == user_id))
}

impl Storage {
    /// All roles of a user with their permissions, in one consistent read.
    pub async fn grants_of(&self, user_id: &str) -> Result<Vec<Grant>, InternalError> {
        grants_of(&self.reader, user_id)
            .await
            .map_err(database_error("looking up the grants of a user"))
    }

    /// Whether any role of a user has a permission.
    pub async fn has_permission(&self, user_id: &str, permission: &str) -> Result<bool, InternalError> {
        query_scalar(
            "SELECT EXISTS (SELECT 1 FROM granted_roles WHERE user_id = $1 AND (role = $2 OR EXISTS
               (SELECT 1 FROM role_permissions WHERE role_permissions.role = granted_roles.role AND permission = $3)))",
        )
        .bind(user_id)
        .bind(ADMIN)
        .bind(permission)
        .fetch_one(&self.reader)
        .await
        .map_err(database_error("looking up a permission"))
    }

    /// The roles of a user, by name.
    pub async fn roles_of(&self, user_id: &str) -> Result<Vec<String>, InternalError> {
        query_scalar("SELECT DISTINCT role FROM granted_roles WHERE user_id = $1 ORDER BY role")
            .bind(user_id)
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("looking up the roles of a user"))
    }

    /// All roles, by name.
    pub async fn list_roles(&self) -> Result<Vec<StoredRole>, InternalError> {
        query_as(
            "SELECT role, description,
               (SELECT count(*) FROM
                 (SELECT user_id FROM user_roles WHERE user_roles.role = roles.role
                  UNION SELECT user_id FROM mapped_roles WHERE mapped_roles.role = roles.role) AS holders) AS users
             FROM roles ORDER BY role",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("listing roles"))
    }

    /// The permissions of a role, by name. Those of the built-in role are not stored.
    pub async fn permissions_of(&self, role: &str) -> Result<Vec<String>, InternalError> {
        permissions_of(&self.reader, role)
            .await
            .map_err(database_error("looking up the permissions of a role"))
    }

    /// Creates a role or replaces its description and permissions, if `precondition` holds. `checked` are the
    /// permissions that the role had when the caller's right to change it was checked; if it has others by now, nothing
    /// is changed.
    pub async fn put_role(
        &self,
        role: &str,
        description: &str,
        permissions: &[String],
        precondition: Precondition<'_>,
        checked: &[String],
        event: &Event,
    ) -> Result<PutOutcome, InternalError> {
        transaction!(self, "changing a role", |transaction| {
            let existing: Option<String> = query_scalar("SELECT description FROM roles WHERE role = $1")
                .bind(role)
                .fetch_optional(&mut transaction)
                .await?;
            let current = permissions_of(&mut transaction, role).await?;
            let is_expected = match precondition {
                Precondition::Absent if existing.is_some() => return Ok(Rollback(PutOutcome::AlreadyExists)),
                Precondition::Anything | Precondition::Absent => true,
                Precondition::Version(expected) => {
                    existing.is_some_and(|description| version(&description, &current) == expected)
                }
            };
            if !is_expected || current != checked {
                return Ok(Rollback(PutOutcome::Modified));
            }
            query(
                "INSERT INTO roles (role, description) VALUES ($1, $2)
                 ON CONFLICT (role) DO UPDATE SET description = $2",
            )
            .bind(role)
            .bind(description)
            .execute(&mut transaction)
            .await?;
            query("DELETE FROM role_permissions WHERE role = $1")
                .bind(role)
                .execute(&mut transaction)
                .await?;
            for permission in permissions {
                query("INSERT INTO role_permissions (role, permission) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(role)
                    .bind(permission)
                    .execute(&mut transaction)
                    .await?;
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(PutOutcome::Done))
        })
    }

    /// Deletes a role and takes it from all users who have it. The built-in role counts as unknown.
    pub async fn delete_role(&self, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "deleting a role", |transaction| {
            let deleted = query("DELETE FROM roles WHERE role = $1 AND role <> $2")
                .bind(role)
                .bind(ADMIN)
                .execute(&mut transaction)
                .await?;
            if deleted == 0 {
                return Ok(Rollback(UpdateOutcome::NoRole));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }

    pub async fn give_role(&self, user_id: &str, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "giving a user a role", |transaction| {
            let inserted = query(
                "INSERT INTO user_roles (user_id, role)
                 SELECT user_id, role FROM users, roles WHERE user_id = $1 AND role = $2
                 ON CONFLICT DO NOTHING",
            )
            .bind(user_id)
            .bind(role)
            .execute(&mut transaction)
            .await?;
            if inserted == 0 {
                return Ok(Rollback(unchanged_outcome(&mut transaction, user_id, role).await?));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }

    /// Takes a role from a user, unless that would leave no administrator. A role that claims give stays.
    pub async fn take_role(&self, user_id: &str, role: &str, event: &Event) -> Result<UpdateOutcome, InternalError> {
        transaction!(self, "taking a role from a user", |transaction| {
            let was_last_admin = role == ADMIN && is_last_admin(&mut transaction, &self.issuers, user_id).await?;
            let deleted = query("DELETE FROM user_roles WHERE user_id = $1 AND role = $2")
                .bind(user_id)
                .bind(role)
                .execute(&mut transaction)
                .await?;
            if deleted == 0 {
                let is_mapped: bool =
                    query_scalar("SELECT EXISTS (SELECT 1 FROM mapped_roles WHERE user_id = $1 AND role = $2)")
                        .bind(user_id)
                        .bind(role)
                        .fetch_one(&mut transaction)
                        .await?;
                return Ok(Rollback(if is_mapped {
                    UpdateOutcome::Mapped
                } else {
                    unchanged_outcome(&mut transaction, user_id, role).await?
                }));
            }
            if was_last_admin && !is_last_admin(&mut transaction, &self.issuers, user_id).await? {
                return Ok(Rollback(UpdateOutcome::LastAdmin));
            }
            add_event(&mut transaction, event).await?;
            Ok(Commit(UpdateOutcome::Done))
        })
    }
}

/// The outcome when giving or taking a role has changed no row.
async fn unchanged_outcome(
    connection: &mut Transaction,
    user_id: &str,
    role: &str,
) -> Result<UpdateOutcome, sqlx::Error> {
    let exist: (bool, bool) = query_as(
        "SELECT EXISTS (SELECT 1 FROM users WHERE user_id = $1), EXISTS (SELECT 1 FROM roles WHERE role = $2)",
    )
    .bind(user_id)
    .bind(role)
    .fetch_one(connection)
    .await?;
    Ok(match exist {
        (false, _) => UpdateOutcome::NoUser,
        (true, false) => UpdateOutcome::NoRole,
        (true, true) => UpdateOutcome::Unchanged,
    })
}

async fn permissions_of(database: impl Into<Executor<'_>>, role: &str) -> sqlx::Result<Vec<String>> {
    query_scalar("SELECT permission FROM role_permissions WHERE role = $1 ORDER BY permission")
        .bind(role)
        .fetch_all(database)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A permission is looked up at almost every call.
    #[tokio::test]
    async fn the_roles_of_a_user_are_found_without_reading_a_whole_table() {
        let storage = Storage::in_sqlite_memory().await.unwrap();
        for query in [
            "EXPLAIN QUERY PLAN SELECT 1 FROM granted_roles WHERE user_id = $1 AND role = $2",
            "EXPLAIN QUERY PLAN SELECT granted_roles.role, permission FROM granted_roles
             LEFT JOIN role_permissions ON role_permissions.role = granted_roles.role WHERE user_id = $1",
        ] {
            let plan: Vec<(i64, i64, i64, String)> = query_as(query)
                .bind("ada")
                .bind("reader")
                .fetch_all(&storage.reader)
                .await
                .unwrap();
            let scans = plan.iter().filter(|(.., step)| step.starts_with("SCAN"));
            assert_eq!(scans.count(), 0, "{plan:?}");
        }
    }
}
