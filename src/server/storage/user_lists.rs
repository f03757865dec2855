//! Lists of stored users, a page at a time. Each page is read from an index from where the last one ended, so a long list
//! costs no more than a short one.

use std::collections::HashMap;

use sqlx::{FromRow, QueryBuilder, Sqlite};

use super::{Storage, fault};
use crate::{contract::user::UserState, server::telemetry::error::InternalError};

/// A user in a list, as stored.
#[derive(Debug, Clone, FromRow)]
pub struct ListedUser {
    /// The name.
    pub user_id: String,
    /// Whether the user may log in.
    pub active: bool,
    /// Whether the user has a password.
    pub has_password: bool,
    /// Whether this is a demo user.
    pub demo: bool,
    /// When the user was added, in milliseconds since 1970.
    pub created_at: i64,
}

impl ListedUser {
    /// Whether the user may log in.
    pub fn state(&self) -> UserState {
        match (self.active, self.has_password) {
            (false, _) => UserState::Disabled,
            (true, false) => UserState::Invited,
            (true, true) => UserState::Active,
        }
    }
}

/// Which users to list. What is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    /// A part of the name, in any case.
    pub part: Option<&'a str>,
    /// The state.
    pub state: Option<UserState>,
    /// A role that they have.
    pub role: Option<&'a str>,
    /// The order, and where in it the page begins.
    pub order: Order<'a>,
}

/// The order of a list, with the user that the last page ended with. Whether there still is such a user does not matter.
#[derive(Debug, Clone, Copy)]
pub enum Order<'a> {
    /// By name, after this one.
    Name(Option<&'a str>),
    /// The newest first, after the user of that name who was added at that time, in milliseconds since 1970.
    Newest(Option<(i64, &'a str)>),
}

impl Default for Order<'_> {
    fn default() -> Self {
        Self::Name(None)
    }
}

impl Storage {
    /// At most so many users.
    pub async fn page_of_users(&self, filter: &UserFilter<'_>, most: u32) -> Result<Vec<ListedUser>, InternalError> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT user_id, active, password_hash <> '' AS has_password, demo, created_at FROM users WHERE TRUE",
        );
        if let Some(part) = filter.part {
            query
                .push(" AND instr(lower(user_id), ")
                .push_bind(part.to_ascii_lowercase())
                .push(") > 0");
        }
        match filter.state {
            None => &mut query,
            Some(UserState::Active) => query.push(" AND active AND password_hash <> ''"),
            Some(UserState::Invited) => query.push(" AND active AND password_hash = ''"),
            Some(UserState::Disabled) => query.push(" AND NOT active"),
        };
        if let Some(role) = filter.role {
            query
                .push(" AND user_id IN (SELECT user_id FROM user_roles WHERE role = ")
                .push_bind(role)
                .push(")");
        }
        match filter.order {
            Order::Name(Some(user_id)) => query.push(" AND user_id > ").push_bind(user_id),
            Order::Newest(Some((created_at, user_id))) => query
                .push(" AND (created_at, user_id) < (")
                .push_bind(created_at)
                .push(", ")
                .push_bind(user_id)
                .push(")"),
            Order::Name(None) | Order::Newest(None) => &mut query,
        };
        query.push(match filter.order {
            Order::Name(_) => " ORDER BY user_id",
            Order::Newest(_) => " ORDER BY created_at DESC, user_id DESC",
        });
        query.push(" LIMIT ").push_bind(most);
        query
            .build_query_as()
            .fetch_all(&self.reader)
            .await
            .map_err(fault("listing users"))
    }

    /// One user, as in a list.
    pub async fn find_listed(&self, user_id: &str) -> Result<Option<ListedUser>, InternalError> {
        sqlx::query_as(
            "SELECT user_id, active, password_hash <> '' AS has_password, demo, created_at FROM users WHERE user_id = $1",
        )
        .bind(user_id)
        .fetch_optional(&self.reader)
        .await
        .map_err(fault("looking up a user"))
    }

    /// The roles of each of these users, by name.
    pub async fn roles_of_all(&self, users: &[ListedUser]) -> Result<HashMap<String, Vec<String>>, InternalError> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT user_id, role FROM user_roles WHERE user_id IN (");
        let mut names = query.separated(", ");
        for user in users {
            names.push_bind(&user.user_id);
        }
        query.push(") ORDER BY role");
        let rows: Vec<(String, String)> = query
            .build_query_as()
            .fetch_all(&self.reader)
            .await
            .map_err(fault("looking up the roles of users"))?;
        let mut roles: HashMap<String, Vec<String>> = HashMap::new();
        for (user_id, role) in rows {
            roles.entry(user_id).or_default().push(role);
        }
        Ok(roles)
    }
}
