//! The sweeper: removes what is over, so that the tables stay small.
//!
//! It is not what makes an expired session useless: that is checked at every use. A failed sweep is logged, and the
//! next one comes in its turn.

use std::time::Duration;

use crate::server::{clock::Timestamp, fault::Fault, services::Services};

/// Sweeps for as long as the server runs, every `period`.
pub async fn sweep_forever(services: &Services, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match sweep(services, Timestamp::now()).await {
            Ok(0) => {}
            Ok(gone) => tracing::debug!(gone, "swept what was over"),
            Err(fault) => {
                fault.log();
            }
        }
    }
}

async fn sweep(services: &Services, now: Timestamp) -> Result<u64, Fault> {
    let storage = services.storage();
    let sessions = storage.sweep_sessions(services.sessions().limits(now)).await?;
    let series = storage.sweep_series(now).await?;
    let calls = storage.sweep_kept_calls(now).await?;
    let most = services.settings().throttle.stored_failures;
    let failures = storage.sweep_failed_logins(now, most).await?;
    let links = storage.sweep_links(now).await?;
    // A second more: the database counts the day that everything stays for in whole seconds.
    let kept_from = now.minus(services.settings().audit.retention() + Duration::from_secs(1));
    let events = storage
        .sweep_events(kept_from, services.settings().audit.most_calls)
        .await?;
    Ok(sessions + series + calls + failures + links + events)
}
