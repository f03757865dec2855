//! The sweeper: removes what is over, so that the tables stay small.
//!
//! It is not what makes an expired session useless: that is checked at every use. What could not be swept is logged
//! and has its turn again, and does not keep the rest from being swept, unless the whole database takes nothing just now.

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};

use crate::server::{model::clock::Timestamp, state::AppState, telemetry::error::InternalError};

/// Sweeps for as long as the server runs, every `period`.
pub async fn sweep_forever(state: &AppState, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let gone = sweep(state, Timestamp::now()).await;
        if gone > 0 {
            tracing::debug!(gone, "swept what was over");
        }
    }
}

/// Removes what is over, and gives its number.
async fn sweep(state: &AppState, now: Timestamp) -> u64 {
    let (storage, settings) = (state.storage(), state.settings());
    // A second more: the database counts the day that everything stays for in whole seconds.
    let kept_from = now.minus(settings.audit.retention() + Duration::from_secs(1));
    let tables: [BoxFuture<'_, Result<u64, InternalError>>; 6] = [
        storage.sweep_sessions(state.sessions().limits(now)).boxed(),
        storage.sweep_series(now).boxed(),
        storage.sweep_pending_calls(now).boxed(),
        storage
            .sweep_failed_logins(now, settings.throttle.stored_failures.get())
            .boxed(),
        storage.sweep_links(now).boxed(),
        storage.sweep_events(kept_from, settings.audit.most_calls.get()).boxed(),
    ];
    let mut gone = 0;
    for table in tables {
        match table.await {
            Ok(number) => gone += number,
            Err(fault) => {
                fault.log();
                // It would be the same for the others, each after a long wait.
                if fault.is_unavailable() {
                    break;
                }
            }
        }
    }
    gone
}
