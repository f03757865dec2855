//! The sweeper: a background task that deletes expired rows, so that the tables stay small.
//!
//! Correctness does not depend on it: expiry is checked at every use. If one table cannot be swept, the error is logged
//! and the others are still swept, unless the database is unavailable. The next run tries again.

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};

use crate::server::{
    model::clock::Timestamp, nodes, state::AppState, storage::program_files, telemetry::error::InternalError,
};

/// How much longer than the period a node is responsible after a sweep, at most.
const MAX_LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Sweeps every `period` and never returns.
pub async fn sweep_forever(state: &AppState, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !is_responsible(state, period).await {
            continue;
        }
        let deleted = sweep(state, Timestamp::now()).await;
        if deleted > 0 {
            tracing::debug!(gone = deleted, "deleted expired rows");
        }
    }
}

/// Whether this node sweeps. Of several nodes on one database, one does, and another one if it stops.
async fn is_responsible(state: &AppState, period: Duration) -> bool {
    let storage = state.storage();
    if !storage.is_shared() {
        return true;
    }
    let now = Timestamp::now();
    let until = now.plus(period + MAX_LEASE_MARGIN.min(period * 3));
    storage
        .take_lease("sweeper", &state.node().id, now, until)
        .await
        .unwrap_or_else(|error| {
            error.log();
            false
        })
}

/// Deletes expired rows and returns their number.
async fn sweep(state: &AppState, now: Timestamp) -> u64 {
    let (storage, settings) = (state.storage(), state.settings());
    // One extra second: the trigger that protects events for a day counts in whole seconds, and retention may be one
    // day.
    let before = now.minus(settings.audit.retention_days.duration() + Duration::from_secs(1));
    let tables: [BoxFuture<'_, Result<u64, InternalError>>; 11] = [
        storage.sweep_sessions(state.sessions().limits(now)).boxed(),
        storage.sweep_series(now).boxed(),
        storage.sweep_pending_calls(now).boxed(),
        storage
            .sweep_failed_logins(now, settings.throttle.stored_failures.get())
            .boxed(),
        storage.sweep_links(now).boxed(),
        storage.sweep_login_flows(now).boxed(),
        storage.sweep_logout_tokens(now).boxed(),
        storage.sweep_changes().boxed(),
        storage.sweep_nodes(now.minus(nodes::GONE_AFTER)).boxed(),
        storage.sweep_program_files(now.minus(program_files::KEPT_FOR)).boxed(),
        storage.sweep_events(before, settings.audit.most_calls.get()).boxed(),
    ];
    let mut deleted = 0;
    for table in tables {
        match table.await {
            Ok(rows) => deleted += rows,
            Err(error) => {
                error.log();
                // The other tables would fail as well, each after its own timeout.
                if error.is_unavailable() {
                    break;
                }
            }
        }
    }
    deleted
}
