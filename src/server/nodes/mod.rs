//! The nodes that share a PostgreSQL database. With SQLite there is one node, and nothing here runs.
//!
//! Each node reports to the database several times a second. That serves four purposes: it proves that the database accepts
//! writes, so that nobody is let in by the word of a replica; it sets the clock of the node by that of the database; it
//! lists the nodes for the operator; and it tells nodes apart, so that one of them deletes expired rows for all.

use std::{future::pending, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::{MissedTickBehavior, interval};

use crate::server::{
    config,
    model::clock::{self, Timestamp, machine_time},
    storage::{Storage, database::commits::since_boot, nodes::StoredNode},
    telemetry::error::InternalError,
};

/// How often a node reports.
const INTERVAL: Duration = Duration::from_millis(250);

/// A node that has not reported for so long counts as gone.
pub const GONE_AFTER: Duration = Duration::from_secs(10);

/// A difference between the clocks of the node and the database that is logged.
const NOTABLE_OFFSET: i64 = 1000;

/// This node.
#[derive(Debug, Clone)]
pub struct Node {
    /// Random: another one after each start.
    pub id: String,
    /// For people.
    pub name: String,
}

impl Node {
    /// The node with the name in the settings, or else the name of the machine.
    pub fn new(settings: &config::Database) -> anyhow::Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let name = settings.node.clone().unwrap_or_else(|| {
            let machine = rustix::system::uname();
            machine.nodename().to_string_lossy().into_owned()
        });
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(id),
            name,
        })
    }

    /// Reports for the first time and sets the clock. Does nothing if the database is not shared.
    pub async fn join(&self, storage: &Storage) -> Result<(), InternalError> {
        if !storage.is_shared() {
            return Ok(());
        }
        let offset = self.report(storage).await?;
        if offset.abs() >= NOTABLE_OFFSET {
            tracing::warn!(
                offset_ms = offset,
                "the clock of this machine differs from that of the database, which is used"
            );
        }
        Ok(())
    }

    /// Reports again and again, and never returns.
    pub async fn report_forever(&self, storage: &Storage) {
        if !storage.is_shared() {
            return pending().await;
        }
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            ticks.tick().await;
            match self.report(storage).await {
                Ok(_) if is_failing => {
                    tracing::info!("the database accepts writes again");
                    is_failing = false;
                }
                // Once, not four times a second.
                Err(error) if !is_failing => {
                    error.log();
                    is_failing = true;
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Reports, and returns by how many milliseconds the database is ahead of this machine.
    async fn report(&self, storage: &Storage) -> Result<i64, InternalError> {
        let began = since_boot();
        let before = machine_time();
        let database_time = storage.database_time().await?;
        let after = machine_time();
        // The answer was given at some moment in between.
        let offset = database_time.0 - (before + (after - before) / 2);
        clock::set_offset(offset);
        let node = StoredNode {
            node_id: self.id.clone(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            // The first report stores it.
            started_at: Timestamp::now().0,
            seen_at: Timestamp::now().0,
        };
        storage.put_node(&node).await?;
        storage.heartbeat_committed(began);
        Ok(offset)
    }

    /// Reports that this node stops.
    pub async fn leave(&self, storage: &Storage) {
        if storage.is_shared()
            && let Err(error) = storage.delete_node(&self.id).await
        {
            error.log();
        }
    }
}
