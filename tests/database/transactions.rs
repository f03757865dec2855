//! Transactions that wait for others.

use std::time::Duration;

use callgate::server::storage::roles::UpdateOutcome;
use tokio::time::{Instant, timeout};

use super::steps::{NOW, add_user, assert_unavailable, event, open};
use crate::support::{faulty_proxy::FaultyProxy, poll::until, postgres::PostgresServer};

#[tokio::test]
async fn a_node_that_freezes_with_the_write_lock_holds_others_up_for_a_short_time_only() {
    let server = PostgresServer::shared().await;
    let database = server.create_database().await;
    let proxy = FaultyProxy::start(server.address()).await;
    let frozen = open(&database.url_at("127.0.0.1", proxy.address().port())).await;
    let other = open(&database.url()).await;
    add_user(&other, "ada", &[]).await;

    // The transaction stops in the middle, at the counter of events, and the node never hears that it could go on.
    let mut counter = database.connect().await;
    let lock = "BEGIN; SELECT value FROM counters WHERE name = 'events' FOR UPDATE";
    sqlx::raw_sql(lock).execute(&mut counter).await.unwrap();
    let stuck = tokio::spawn(async move { frozen.end_all_sessions("ada", &event()).await });
    until("the transaction to wait for the counter", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%counters%'";
        database.number(waiting).await == 1
    })
    .await;
    proxy.stop();
    sqlx::raw_sql("COMMIT").execute(&mut counter).await.unwrap();

    // The server ends the transaction after two seconds. Twice that and more, for a machine that is busy.
    let began = Instant::now();
    let event = event();
    timeout(Duration::from_secs(6), async {
        let mut outcome = None;
        while outcome.is_none() {
            other.find_user("ada").await.unwrap().unwrap();
            match other.set_active("ada", false, NOW, &event).await {
                Ok(done) => outcome = Some(done),
                Err(error) => assert!(error.is_unavailable(), "{}", error.chain()),
            }
        }
        assert_eq!(outcome, Some(UpdateOutcome::Done));
    })
    .await
    .expect("others get the write lock");
    assert!(
        began.elapsed() >= Duration::from_millis(500),
        "the other node held no lock"
    );
    assert_unavailable(stuck.await.unwrap(), "the frozen node");
    // Nothing of the transaction was kept.
    assert_eq!(database.number("SELECT count(*) FROM events").await, 1);
}

#[tokio::test]
async fn a_deadlock_with_somebody_elses_transaction_is_tried_again() {
    let database = PostgresServer::shared().await.create_database().await;
    let storage = open(&database.url()).await;
    add_user(&storage, "ada", &[]).await;
    // The server ends the transaction whose wait is over first: not this one.
    let mut operator = database.connect().await;
    let update = "SET deadlock_timeout = '1min'; BEGIN; UPDATE users SET changed_at = changed_at + 1";
    sqlx::raw_sql(update).execute(&mut operator).await.unwrap();
    let change = tokio::spawn(async move { storage.set_active("ada", false, NOW, &event()).await });
    until("the transaction to wait for the row", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE users%'";
        database.number(waiting).await == 1
    })
    .await;
    let lock = "SELECT changes FROM write_lock FOR UPDATE; COMMIT";
    sqlx::raw_sql(lock).execute(&mut operator).await.unwrap();
    assert_eq!(change.await.unwrap().unwrap(), UpdateOutcome::Done);
    until("the deadlock to be counted", async || {
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        database.number(deadlocks).await >= 1
    })
    .await;
}
