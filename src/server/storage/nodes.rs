//! Stored nodes, and which of them does a task for all.

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        clock,
        errors::database_error,
        query::{query, query_as},
    },
};
use crate::server::{model::clock::Timestamp, telemetry::error::InternalError};

/// A node that has reported.
#[derive(Debug, Clone, FromRow)]
pub struct StoredNode {
    pub node_id: String,
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// Milliseconds since 1970.
    pub started_at: i64,
    /// When it last reported, in milliseconds since 1970.
    pub seen_at: i64,
}

impl Storage {
    /// The clock of the database.
    pub async fn database_time(&self) -> Result<Timestamp, InternalError> {
        clock::time(&self.background)
            .await
            .map_err(database_error("reading the clock of the database"))
    }

    /// Adds a node, or records that it has reported again.
    pub async fn put_node(&self, node: &StoredNode) -> Result<(), InternalError> {
        query(
            "INSERT INTO nodes (node_id, name, version, started_at, seen_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (node_id) DO UPDATE SET seen_at = $5",
        )
        .bind(&node.node_id)
        .bind(&node.name)
        .bind(&node.version)
        .bind(node.started_at)
        .bind(node.seen_at)
        .execute(&self.background)
        .await
        .map(drop)
        .map_err(database_error("reporting to the database"))
    }

    /// Deletes a node and its leases, which another node can then take at once.
    pub async fn delete_node(&self, node_id: &str) -> Result<(), InternalError> {
        for statement in [
            "DELETE FROM leases WHERE held_by = $1",
            "DELETE FROM nodes WHERE node_id = $1",
        ] {
            query(statement)
                .bind(node_id)
                .execute(&self.background)
                .await
                .map_err(database_error("leaving the database"))?;
        }
        Ok(())
    }

    /// The nodes that have reported since `since`, by name.
    pub async fn list_nodes(&self, since: Timestamp) -> Result<Vec<StoredNode>, InternalError> {
        query_as(
            "SELECT node_id, name, version, started_at, seen_at FROM nodes WHERE seen_at >= $1 ORDER BY name, started_at",
        )
        .bind(since.0)
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("listing nodes"))
    }

    /// Deletes the nodes that have not reported since `before`, and returns their number.
    pub async fn sweep_nodes(&self, before: Timestamp) -> Result<u64, InternalError> {
        let delete = query("DELETE FROM nodes WHERE seen_at < $1").bind(before.0);
        self.execute("sweeping nodes", delete).await
    }

    /// Takes or prolongs a lease for a task. `false` if another node has it. When a node is late, two can have it for a
    /// moment, so the task must be harmless if two do it.
    pub async fn take_lease(
        &self,
        task: &'static str,
        node_id: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, InternalError> {
        let take = query(
            "INSERT INTO leases (name, held_by, until) VALUES ($1, $2, $4)
             ON CONFLICT (name) DO UPDATE SET held_by = $2, until = $4
             WHERE leases.held_by = $2 OR leases.until < $3 OR leases.until > $5",
        )
        .bind(task)
        .bind(node_id)
        .bind(now.0)
        .bind(until.0)
        // From before the clock was set back.
        .bind(until.latest_plausible().0);
        Ok(self.execute("taking a lease", take).await? == 1)
    }
}
