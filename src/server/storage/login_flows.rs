//! Stored login flows: logins at a provider that have begun in one browser. Only the hashes of their states and of the
//! browsers' cookies are stored.

use std::time::Duration;

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as},
        transaction::{Commit, Transaction, transaction},
    },
};
use crate::server::{
    model::{clock::Timestamp, token::TokenHash},
    telemetry::error::InternalError,
};

/// How long a person has to log in at the provider.
pub const LIFETIME: Duration = Duration::from_mins(10);

// The maximum numbers of flows. Beyond them, the oldest ones are deleted.
const BROWSER_LIMIT: i64 = 20;
const OWNER_LIMIT: i64 = 60;
const TOTAL_LIMIT: i64 = 10_000;

pub struct NewFlow<'a> {
    pub state: &'a TokenHash,
    /// The hash of the cookie of the browser.
    pub browser: &'a TokenHash,
    /// The key of the limit per owner: the hash of the user who is logged in, or else of the client IP.
    pub counted_as: &'a TokenHash,
    pub issuer: &'a str,
    pub purpose: &'a str,
    pub user_id: Option<&'a str>,
    /// The id of the session that began the flow.
    pub login_id: Option<&'a str>,
    /// The code of a one-time link.
    pub link: Option<&'a TokenHash>,
    pub next: &'a str,
    pub remember: bool,
}

#[derive(Debug, FromRow)]
pub struct StoredFlow {
    pub purpose: String,
    pub user_id: Option<String>,
    pub login_id: Option<String>,
    pub link_hash: Option<Vec<u8>>,
    pub next: String,
    pub remember: bool,
    /// Milliseconds since 1970.
    pub began_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

impl StoredFlow {
    /// Whether the flow can still be finished. A flow from the future is from before the clock was set back.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at > now.0 && self.began_at <= now.latest_plausible().0
    }
}

impl Storage {
    /// Stores a flow, and deletes the oldest ones beyond the limits. Stores nothing for a user who was deleted meanwhile.
    pub async fn add_login_flow(&self, flow: &NewFlow<'_>, now: Timestamp) -> Result<(), InternalError> {
        transaction!(concurrent self, "storing a login flow", |transaction| {
            query(
                "INSERT INTO login_flows (state_hash, browser_hash, address_hash, issuer, purpose, user_id, login_id,
                   link_hash, next, remember, began_at, expires_at)
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
                 WHERE $6 IS NULL OR EXISTS (SELECT 1 FROM users WHERE user_id = $6)",
            )
            .bind(flow.state.as_bytes())
            .bind(flow.browser.as_bytes())
            .bind(flow.counted_as.as_bytes())
            .bind(flow.issuer)
            .bind(flow.purpose)
            .bind(flow.user_id)
            .bind(flow.login_id)
            .bind(flow.link.map(TokenHash::as_bytes))
            .bind(flow.next)
            .bind(flow.remember)
            .bind(now.0)
            .bind(now.plus(LIFETIME).0)
            .execute(&mut transaction)
            .await?;
            trim(&mut transaction, flow).await?;
            Ok(Commit(()))
        })
    }

    /// Deletes a flow and returns it, even if it has expired. A single statement, so of concurrent requests only one gets
    /// it. A flow of another browser or issuer stays.
    pub async fn take_login_flow(
        &self,
        state: &TokenHash,
        browser: &TokenHash,
        issuer: &str,
    ) -> Result<Option<StoredFlow>, InternalError> {
        query_as(
            "DELETE FROM login_flows WHERE state_hash = $1 AND browser_hash = $2 AND issuer = $3
             RETURNING purpose, user_id, login_id, link_hash, next, remember, began_at, expires_at",
        )
        .bind(state.as_bytes())
        .bind(browser.as_bytes())
        .bind(issuer)
        .fetch_optional(&self.writer)
        .await
        .map_err(database_error("using a login flow"))
    }

    /// Deletes expired flows and returns their number.
    pub async fn sweep_login_flows(&self, now: Timestamp) -> Result<u64, InternalError> {
        let deleted = query("DELETE FROM login_flows WHERE expires_at <= $1 OR expires_at > $2")
            .bind(now.0)
            .bind(now.latest_plausible().plus(LIFETIME).0)
            .execute(&self.writer)
            .await
            .map_err(database_error("sweeping login flows"))?;
        Ok(deleted)
    }
}

/// Deletes the oldest flows beyond the limits: of the browser, of the owner, and of all. The new flow stays.
async fn trim(connection: &mut Transaction, new: &NewFlow<'_>) -> sqlx::Result<()> {
    for (statement, key, limit) in [
        (
            "DELETE FROM login_flows WHERE browser_hash = $1 AND state_hash NOT IN
             (SELECT state_hash FROM login_flows WHERE browser_hash = $1
              ORDER BY state_hash = $2 DESC, began_at DESC LIMIT $3)",
            new.browser,
            BROWSER_LIMIT,
        ),
        (
            "DELETE FROM login_flows WHERE address_hash = $1 AND state_hash NOT IN
             (SELECT state_hash FROM login_flows WHERE address_hash = $1
              ORDER BY state_hash = $2 DESC, began_at DESC LIMIT $3)",
            new.counted_as,
            OWNER_LIMIT,
        ),
    ] {
        query(statement)
            .bind(key.as_bytes())
            .bind(new.state.as_bytes())
            .bind(limit)
            .execute(&mut *connection)
            .await?;
    }
    // All flows have the same lifetime, so the index on the expiry orders them by age.
    query(
        "DELETE FROM login_flows WHERE state_hash <> $1 AND expires_at <=
         (SELECT expires_at FROM login_flows ORDER BY expires_at DESC LIMIT 1 OFFSET $2)",
    )
    .bind(new.state.as_bytes())
    .bind(TOTAL_LIMIT)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::storage::database::query::query_scalar;

    const ISSUER: &str = "https://id.example.org";

    fn hash(name: &str) -> TokenHash {
        TokenHash::of(name.as_bytes())
    }

    async fn add(storage: &Storage, state: &str, browser: &str, owner: &str, now: i64) {
        let flow = NewFlow {
            state: &hash(state),
            browser: &hash(browser),
            counted_as: &hash(owner),
            issuer: ISSUER,
            purpose: "login",
            user_id: None,
            login_id: None,
            link: None,
            next: "/",
            remember: false,
        };
        storage.add_login_flow(&flow, Timestamp(now)).await.unwrap();
    }

    async fn count(storage: &Storage) -> i64 {
        query_scalar("SELECT count(*) FROM login_flows")
            .fetch_one(&storage.reader)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_flow_is_used_once_by_its_browser_and_its_provider() {
        let storage = Storage::in_memory().await.unwrap();
        add(&storage, "state", "browser", "address", 1).await;
        let take = async |state, browser, issuer| {
            let taken = storage.take_login_flow(&hash(state), &hash(browser), issuer).await;
            taken.unwrap()
        };
        assert!(take("other", "browser", ISSUER).await.is_none());
        assert!(take("state", "other", ISSUER).await.is_none());
        assert!(take("state", "browser", "https://other.example.org").await.is_none());
        let flow = take("state", "browser", ISSUER).await.unwrap();
        assert!(take("state", "browser", ISSUER).await.is_none());

        let end = Timestamp(1).plus(LIFETIME);
        assert!(flow.is_valid(Timestamp(1)) && flow.is_valid(Timestamp(end.0 - 1)));
        assert!(!flow.is_valid(end) && !flow.is_valid(Timestamp(-60_000)));
    }

    #[tokio::test]
    async fn too_many_flows_delete_the_oldest_of_the_same_browser_or_address() {
        let storage = Storage::in_memory().await.unwrap();
        add(&storage, "first", "other browser", "other address", 0).await;
        for number in 0..30 {
            add(&storage, &format!("a{number}"), "browser", "address", number).await;
        }
        assert_eq!(count(&storage).await, 1 + BROWSER_LIMIT);
        for number in 30..130 {
            add(&storage, &format!("b{number}"), &number.to_string(), "address", number).await;
        }
        assert_eq!(count(&storage).await, 1 + OWNER_LIMIT);
        let newest = storage.take_login_flow(&hash("b129"), &hash("129"), ISSUER).await;
        assert!(newest.unwrap().is_some());
        // The clock was set back: the new flow is the oldest one, and stays.
        add(&storage, "back", "200", "address", -5).await;
        let back = storage.take_login_flow(&hash("back"), &hash("200"), ISSUER).await;
        assert!(back.unwrap().is_some());
    }

    #[tokio::test]
    async fn expired_flows_are_swept() {
        let storage = Storage::in_memory().await.unwrap();
        add(&storage, "old", "a", "a", 0).await;
        add(&storage, "new", "b", "b", 1).await;
        let end = Timestamp(0).plus(LIFETIME);
        assert_eq!(storage.sweep_login_flows(end).await.unwrap(), 1);
        assert_eq!(storage.sweep_login_flows(Timestamp(-100_000)).await.unwrap(), 1);
    }
}
