//! Stored roles that the claims of providers give.

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_scalar},
        transaction::{Commit, Rollback, Transaction, transaction},
    },
    events::add_event,
    roles::{ADMIN, is_last_admin},
};
use crate::server::{model::event::Event, telemetry::error::InternalError};

/// What the claims say about the roles that the settings of a provider name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RoleClaims {
    /// The roles that the claims give.
    pub given: Vec<String>,
    /// The roles that the claims say nothing about. They stay as they are.
    pub unknown: Vec<String>,
}

/// How the roles of a user have changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RoleChange {
    pub given: Vec<String>,
    pub taken: Vec<String>,
    /// Roles that were not given, because they do not exist.
    pub missing: Vec<String>,
    /// Whether the user keeps the role [`ADMIN`] as the last administrator, although the claims do not give it.
    pub keeps_admin: bool,
}

impl RoleChange {
    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.taken.is_empty()
    }

    /// For the audit log.
    pub fn in_words(&self) -> String {
        let words = |verb: &str, roles: &[String]| match roles {
            [] => None,
            roles => Some(format!("{verb} {}", roles.join(", "))),
        };
        let parts = [words("given", &self.given), words("taken", &self.taken)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

impl Storage {
    /// Gives a user the roles that the claims of `issuer` give, and takes those that it gave earlier, unless that would
    /// leave no administrator. Roles that were given by hand or by another issuer stay. If something changes, stores
    /// `event` with a description of the change.
    pub async fn map_roles(
        &self,
        user_id: &str,
        issuer: &str,
        claims: &RoleClaims,
        event: &Event,
    ) -> Result<RoleChange, InternalError> {
        // At most logins nothing changes. Then no write lock is taken.
        let held: Vec<String> = query_scalar("SELECT role FROM mapped_roles WHERE user_id = $1 AND issuer = $2")
            .bind(user_id)
            .bind(issuer)
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("looking up mapped roles"))?;
        let is_kept = |role: &String| claims.given.contains(role) || claims.unknown.contains(role);
        if held.iter().all(is_kept) && claims.given.iter().all(|role| held.contains(role)) {
            return Ok(RoleChange::default());
        }
        transaction!(self, "mapping roles", |transaction| {
            let mut change = RoleChange::default();
            for role in &claims.given {
                let inserted = query(
                    "INSERT INTO mapped_roles (user_id, role, issuer)
                     SELECT user_id, role, $3 FROM users, roles WHERE user_id = $1 AND role = $2
                     ON CONFLICT DO NOTHING",
                )
                .bind(user_id)
                .bind(role)
                .bind(issuer)
                .execute(&mut transaction)
                .await?;
                let exists: bool = query_scalar("SELECT EXISTS (SELECT 1 FROM roles WHERE role = $1)")
                    .bind(role)
                    .fetch_one(&mut transaction)
                    .await?;
                match (inserted, exists) {
                    (0, false) => change.missing.push(role.clone()),
                    (0, true) => {}
                    _ => change.given.push(role.clone()),
                }
            }
            let held: Vec<String> =
                query_scalar("SELECT role FROM mapped_roles WHERE user_id = $1 AND issuer = $2 ORDER BY role")
                    .bind(user_id)
                    .bind(issuer)
                    .fetch_all(&mut transaction)
                    .await?;
            for role in held.into_iter().filter(|role| !is_kept(role)) {
                if role == ADMIN
                    && is_last_admin(&mut transaction, &self.issuers, user_id).await?
                    && !is_given_otherwise(&mut transaction, user_id, &role, issuer).await?
                {
                    change.keeps_admin = true;
                    continue;
                }
                query("DELETE FROM mapped_roles WHERE user_id = $1 AND role = $2 AND issuer = $3")
                    .bind(user_id)
                    .bind(&role)
                    .bind(issuer)
                    .execute(&mut transaction)
                    .await?;
                change.taken.push(role);
            }
            if change.is_empty() {
                return Ok(Rollback(change));
            }
            let about = format!("{}: {}", event.about, change.in_words());
            add_event(&mut transaction, &event.clone().about(about)).await?;
            Ok(Commit(change))
        })
    }
}

/// Whether a user has a role by hand or by another issuer.
async fn is_given_otherwise(
    connection: &mut Transaction,
    user_id: &str,
    role: &str,
    issuer: &str,
) -> sqlx::Result<bool> {
    query_scalar(
        "SELECT EXISTS (SELECT 1 FROM user_roles WHERE user_id = $1 AND role = $2)
           OR EXISTS (SELECT 1 FROM mapped_roles WHERE user_id = $1 AND role = $2 AND issuer <> $3)",
    )
    .bind(user_id)
    .bind(role)
    .bind(issuer)
    .fetch_one(connection)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::audit::Action,
        server::{
            model::clock::Timestamp,
            storage::{
                roles::{Precondition, PutOutcome, UpdateOutcome},
                users::NewUser,
            },
        },
    };

    const ISSUER: &str = "https://id.example.org";

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn event() -> Event {
        Event::by_operator(Action::RolesMapped)
            .to("ada")
            .about("provider example")
    }

    async fn storage(roles: &[&str]) -> Storage {
        let storage = Storage::in_memory().await.unwrap();
        for role in ["ops", "support"] {
            let event = event();
            let put = storage.put_role(role, "", &[], Precondition::Absent, &[], &event);
            assert_eq!(put.await.unwrap(), PutOutcome::Done);
        }
        let ada = NewUser {
            user_id: "ada",
            password_hash: "x",
            demo: false,
            roles: &names(roles),
            link: None,
        };
        let added = storage.add_user(&ada, Timestamp(1), &[]).await.unwrap();
        assert_eq!(added, UpdateOutcome::Done);
        storage
    }

    async fn map(storage: &Storage, given: &[&str], unknown: &[&str]) -> RoleChange {
        let claims = RoleClaims {
            given: names(given),
            unknown: names(unknown),
        };
        storage.map_roles("ada", ISSUER, &claims, &event()).await.unwrap()
    }

    #[tokio::test]
    async fn claims_take_what_they_gave_and_nothing_else() {
        let storage = storage(&["support"]).await;
        let change = map(&storage, &["ops", "support", "no-such-role"], &[]).await;
        assert_eq!(
            (change.given, change.missing),
            (names(&["ops", "support"]), names(&["no-such-role"]))
        );
        assert_eq!(map(&storage, &["ops", "support"], &[]).await, RoleChange::default());
        assert_eq!(storage.roles_of("ada").await.unwrap(), ["ops", "support"]);
        // Claims that are absent change nothing.
        assert_eq!(map(&storage, &[], &["ops", "support"]).await, RoleChange::default());
        let taken = storage.take_role("ada", "ops", &event()).await.unwrap();
        assert_eq!(taken, UpdateOutcome::Mapped);
        assert_eq!(map(&storage, &[], &[]).await.taken, ["ops", "support"]);
        assert_eq!(storage.roles_of("ada").await.unwrap(), ["support"]);
        let events: Vec<String> =
            query_scalar("SELECT about FROM events WHERE about LIKE 'provider example: %' ORDER BY id")
                .fetch_all(&storage.reader)
                .await
                .unwrap();
        assert_eq!(
            events,
            [
                "provider example: given ops, support",
                "provider example: taken ops, support"
            ]
        );
    }

    #[tokio::test]
    async fn the_last_administrator_keeps_the_role() {
        let storage = storage(&[]).await;
        assert_eq!(map(&storage, &["admin"], &[]).await.given, ["admin"]);
        let change = map(&storage, &[], &[]).await;
        assert!(change.keeps_admin && change.is_empty());
        assert_eq!(storage.roles_of("ada").await.unwrap(), ["admin"]);
        let given = storage.give_role("ada", "admin", &event()).await.unwrap();
        assert_eq!(given, UpdateOutcome::Done);
        assert_eq!(map(&storage, &[], &[]).await.taken, ["admin"]);
        assert_eq!(storage.roles_of("ada").await.unwrap(), ["admin"]);
    }
}
