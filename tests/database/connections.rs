//! Connections in the middle of something, and too few of them.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use callgate::server::{model::clock::Timestamp, storage::failed_logins::Count};
use futures::future::join_all;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use super::steps::{NOW, add_user, assert_timed_out, assert_unavailable, event, hash, open, until_done};
use crate::support::{effort::rounds, poll::until, postgres::PostgresServer, random::Random};

const CALLERS: u64 = 4;

#[tokio::test]
async fn calls_that_are_cancelled_at_any_moment_leave_no_open_transaction_to_others_meanwhile() {
    let database = PostgresServer::shared().await.create_database().await;
    let storage = open(&database.url()).await;
    for user_id in ["ada", "bob"] {
        add_user(&storage, user_id, &["admin"]).await;
    }
    let is_over = AtomicBool::new(false);
    let cancelled = join_all((0..CALLERS).map(|caller| {
        let storage = &storage;
        async move {
            let mut random = Random(caller);
            let mut cancelled = 0;
            for number in 0..rounds(500, 5000) {
                let limit = Duration::from_micros(random.below(4000));
                let call = async {
                    match number % 4 {
                        0 => storage.has_permission("ada", "x").await.map(drop),
                        1 => storage.add_events(&[event(), event()], &[]).await,
                        2 => {
                            let (bucket, attempt) = (hash("bucket"), hash(&format!("{caller} {number}")));
                            let counts = [&bucket, &attempt].map(|bucket| Count {
                                bucket,
                                expires_at: NOW,
                            });
                            let decide = |_: [&[Timestamp]; 2]| Ok::<(), ()>(());
                            storage.count_attempt(&attempt, counts, NOW, decide).await.map(drop)
                        }
                        _ => storage
                            .set_active("bob", true, Timestamp(0), &event().to("bob"))
                            .await
                            .map(drop),
                    }
                };
                match timeout(limit, call).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => panic!("{}", error.chain()),
                    Err(_) => cancelled += 1,
                }
            }
            cancelled
        }
    }));
    // A statement that ran in the transaction of a cancelled call would be rolled back with it.
    let others = async {
        let mut hash = "x".to_owned();
        for number in 0.. {
            let new = format!("hash {number}");
            let replaced = storage.replace_hash("ada", &hash, &new).await;
            let stored = until_done(async || storage.find_user("ada").await)
                .await
                .unwrap()
                .password_hash;
            match replaced {
                Ok(()) => assert_eq!(stored, new, "an acknowledged change was rolled back"),
                Err(error) => assert_timed_out(&error),
            }
            hash = stored;
            if is_over.load(Ordering::SeqCst) {
                break;
            }
        }
    };
    let calls = async {
        let cancelled: usize = cancelled.await.into_iter().sum();
        is_over.store(true, Ordering::SeqCst);
        cancelled
    };
    let (cancelled, ()) = tokio::join!(calls, others);
    assert!(cancelled > rounds(500, 5000), "only {cancelled} calls were cancelled");
    until("the transactions of cancelled calls to end", async || {
        let open = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        database.number(open).await == 0
    })
    .await;
    // All or nothing: each change is there with its event.
    let changes = storage.find_user("bob").await.unwrap().unwrap().changed_at - NOW.0;
    let events = database
        .number("SELECT count(*) FROM events WHERE user_id = 'bob'")
        .await;
    assert_eq!(changes, events);
}

#[tokio::test]
async fn a_server_without_free_connections_is_unavailable_until_there_are_some() {
    let server = PostgresServer::start_with(&[("max_connections", "20")]).await;
    let database = server.create_database().await;
    let storage = open(&database.url()).await;
    add_user(&storage, "ada", &[]).await;
    database.terminate_backends().await;
    let mut others = Vec::new();
    while let Ok(connection) = PgConnection::connect(&database.url()).await {
        others.push(connection);
    }
    for _ in 0..2 {
        assert_unavailable(storage.find_user("ada").await, "a read");
        assert_unavailable(storage.set_active("ada", true, NOW, &event()).await, "a change");
    }
    drop(others);
    until("the storage to work", async || {
        storage.find_user("ada").await.is_ok() && storage.set_active("ada", true, NOW, &event()).await.is_ok()
    })
    .await;
}
