//! `callgate node …`: shows the nodes that share the database.

use clap::Subcommand;
use serde::Serialize;

use super::output::{print_as, table};
use crate::server::{model::clock::Timestamp, nodes::GONE_AFTER, state::AppState, storage::nodes::StoredNode};

/// Show the nodes that share the database
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List the nodes that run now
    List,
}

/// A node in the JSON output.
#[derive(Debug, Serialize)]
struct ListedNode {
    name: String,
    version: String,
    started_at: String,
    seen_at: String,
}

impl From<StoredNode> for ListedNode {
    fn from(node: StoredNode) -> Self {
        Self {
            name: node.name,
            version: node.version,
            started_at: Timestamp(node.started_at).to_rfc3339(),
            seen_at: Timestamp(node.seen_at).to_rfc3339(),
        }
    }
}

impl Node {
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let storage = state.storage();
        // By the clock of the database, which the nodes use, too.
        let now = storage.database_time().await?;
        let nodes = storage.list_nodes(now.minus(GONE_AFTER)).await?;
        let nodes: Vec<ListedNode> = nodes.into_iter().map(ListedNode::from).collect();
        let rows = nodes.iter().map(|node| {
            vec![
                node.name.clone(),
                node.version.clone(),
                node.started_at.clone(),
                node.seen_at.clone(),
            ]
        });
        let mut text = table(["NODE", "VERSION", "STARTED", "SEEN"], rows);
        if !storage.is_shared() {
            "With SQLite there is one node, which is not listed. Several nodes need PostgreSQL: set database.url."
                .clone_into(&mut text);
        }
        print_as(json, &nodes, text)
    }
}
