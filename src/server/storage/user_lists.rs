//! Paginated lists of users. Keyset pagination: each page continues in an index after the last user of the previous
//! page, so late pages cost no more than early ones.

use std::collections::HashMap;

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{QueryBuilder, query_as},
    },
    user_rows::has_way_in,
};
use crate::{contract::user::UserState, server::telemetry::error::InternalError};

#[derive(Debug, Clone, FromRow)]
pub struct ListedUser {
    pub user_id: String,
    pub display_name: Option<String>,
    /// `false` for a disabled user.
    pub active: bool,
    /// Whether the user has a password, or an account at a configured provider.
    pub has_way_in: bool,
    pub demo: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl ListedUser {
    pub fn state(&self) -> UserState {
        match (self.active, self.has_way_in) {
            (false, _) => UserState::Disabled,
            (true, false) => UserState::Invited,
            (true, true) => UserState::Active,
        }
    }
}

/// Selects the users of a page. `None` matches everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    /// A part of the name, case-insensitive for ASCII.
    pub part: Option<&'a str>,
    pub state: Option<UserState>,
    pub role: Option<&'a str>,
    /// The order, and where in it the page starts.
    pub order: Order<'a>,
}

/// The order of a list, with the last user of the previous page. That user need not exist any more.
#[derive(Debug, Clone, Copy)]
pub enum Order<'a> {
    /// By name. The page starts after this name.
    Name(Option<&'a str>),
    /// The newest first. The page starts after the user with this `created_at` and name.
    Newest(Option<(i64, &'a str)>),
}

impl Default for Order<'_> {
    fn default() -> Self {
        Self::Name(None)
    }
}

impl Storage {
    /// Up to `limit` users.
    pub async fn list_user_page(&self, filter: &UserFilter<'_>, limit: u32) -> Result<Vec<ListedUser>, InternalError> {
        let mut query = self.matching("*", filter);
        match filter.order {
            Order::Name(after) => {
                if let Some(user_id) = after {
                    query.push(" AND user_id > ").push_bind(user_id);
                }
                query.push(" ORDER BY user_id");
            }
            Order::Newest(after) => {
                if let Some((created_at, user_id)) = after {
                    query.push(" AND (created_at, user_id) < (").push_bind(created_at);
                    query.push(", ").push_bind(user_id).push(")");
                }
                query.push(" ORDER BY created_at DESC, user_id DESC");
            }
        }
        query.push(" LIMIT ").push_bind(limit);
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("listing users"))
    }

    /// The number of users on all pages.
    pub async fn count_users(&self, filter: &UserFilter<'_>) -> Result<u64, InternalError> {
        let query = self.matching("count(*)", filter).build();
        let count: Option<(i64,)> = query
            .fetch_optional(&self.reader)
            .await
            .map_err(database_error("counting users"))?;
        Ok(count.and_then(|(count,)| count.try_into().ok()).unwrap_or_default())
    }

    /// A statement about the users that match the filter, wherever a page starts.
    fn matching(&self, columns: &'static str, filter: &UserFilter<'_>) -> QueryBuilder {
        // A subquery, so that conditions can name `has_way_in`.
        let mut query = QueryBuilder::new("SELECT ");
        query
            .push(columns)
            .push(concat!(
                " FROM (SELECT user_id, display_name, active, demo, created_at, ",
                has_way_in!("$1"),
                " AS has_way_in FROM users) AS listed WHERE TRUE",
            ))
            .bind(&*self.issuers);
        if let Some(part) = filter.part.filter(|part| !part.is_empty()) {
            // The name contains the part if removing the part changes it. `LIKE` would need escapes.
            query.push(" AND replace(lower(user_id), ");
            query
                .push_bind(part.to_ascii_lowercase())
                .push(", '') <> lower(user_id)");
        }
        query.push(match filter.state {
            None => "",
            Some(UserState::Active) => " AND active AND has_way_in",
            Some(UserState::Invited) => " AND active AND NOT has_way_in",
            Some(UserState::Disabled) => " AND NOT active",
        });
        if let Some(role) = filter.role {
            query.push(" AND user_id IN (SELECT user_id FROM granted_roles WHERE role = ");
            query.push_bind(role).push(")");
        }
        query
    }

    /// One user, in the form of a list entry.
    pub async fn find_listed(&self, user_id: &str) -> Result<Option<ListedUser>, InternalError> {
        query_as(concat!(
            "SELECT user_id, display_name, active, demo, created_at, ",
            has_way_in!("$2"),
            " AS has_way_in FROM users WHERE user_id = $1",
        ))
        .bind(user_id)
        .bind(&*self.issuers)
        .fetch_optional(&self.reader)
        .await
        .map_err(database_error("looking up a user"))
    }

    /// The roles of each of `users`, by user name.
    pub async fn roles_of_all(&self, users: &[ListedUser]) -> Result<HashMap<String, Vec<String>>, InternalError> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = QueryBuilder::new("SELECT DISTINCT user_id, role FROM granted_roles WHERE user_id IN ");
        query
            .push_list(users.iter().map(|user| &user.user_id))
            .push(" ORDER BY role");
        let rows: Vec<(String, String)> = query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("looking up the roles of users"))?;
        let mut roles: HashMap<String, Vec<String>> = HashMap::new();
        for (user_id, role) in rows {
            roles.entry(user_id).or_default().push(role);
        }
        Ok(roles)
    }

    /// The time of the last login of each of `users` in the audit log, in milliseconds since 1970, by user name.
    pub async fn last_logins(&self, users: &[ListedUser]) -> Result<HashMap<String, i64>, InternalError> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        // Logins before the user was added are those of a deleted user with the same name. `action || ''` makes SQLite use the
        // index on users, where the last login is among the last events.
        let mut query = QueryBuilder::new(
            "SELECT user_id, (SELECT at FROM events WHERE events.user_id = users.user_id AND action || '' = 'login'
               AND outcome = 'ok' AND at >= users.created_at ORDER BY id DESC LIMIT 1) AS last_login_at
             FROM users WHERE user_id IN ",
        );
        query.push_list(users.iter().map(|user| &user.user_id));
        let rows: Vec<(String, Option<i64>)> = query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("looking up the last logins of users"))?;
        Ok(rows
            .into_iter()
            .filter_map(|(user_id, at)| Some((user_id, at?)))
            .collect())
    }
}
