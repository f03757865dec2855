//! PostgreSQL that freezes, is killed, or ends its connections: calls are refused for a while, and everything works
//! again without a restart.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use callgate::server::storage::{Storage, roles::UpdateOutcome, users::NewUser};
use futures::future::{FutureExt as _, join_all};
use tokio::time::{interval, timeout};

use super::steps::{NOW, add_user, assert_unavailable, event, log_in, open};
use crate::support::{
    effort::rounds,
    poll::until,
    postgres::{PostgresDatabase, PostgresServer},
};

/// Calls wait for three seconds at most. Twice that, for a machine that is busy.
const MAX_WAIT: Duration = Duration::from_secs(6);

const READ_CONNECTIONS: i64 = 8;
const WRITE_CONNECTIONS: i64 = 3;

/// Waits until all places of the pools can be used at once.
async fn use_all_places(storage: &Storage, database: &PostgresDatabase) {
    let mut lock = database.connect().await;
    until("all places of the pools to work", async || {
        sqlx::raw_sql("BEGIN; LOCK TABLE users")
            .execute(&mut lock)
            .await
            .unwrap();
        // Each call needs a connection, on which it waits for the lock.
        let reads = (0..READ_CONNECTIONS).map(|_| async { storage.find_user("ada").await.map(drop) }.boxed());
        let writes = (0..WRITE_CONNECTIONS)
            .map(|_| async { storage.set_active("ada", true, NOW, &event()).await.map(drop) }.boxed());
        let calls = join_all(reads.chain(writes));
        let wait = async {
            let waiting = "SELECT count(*) FROM pg_stat_activity
                           WHERE datname = current_database() AND usename = 'callgate' AND wait_event_type = 'Lock'";
            let all = async || database.number(waiting).await == READ_CONNECTIONS + WRITE_CONNECTIONS;
            // Those that wait for too long are ended by their timeout.
            let are_all_used = timeout(Duration::from_secs(2), until("all places", all)).await.is_ok();
            sqlx::raw_sql("COMMIT").execute(&mut lock).await.unwrap();
            are_all_used
        };
        let (results, are_all_used) = tokio::join!(calls, wait);
        are_all_used && results.iter().all(Result::is_ok)
    })
    .await;
}

/// Makes more calls of every kind than there are places.
async fn assert_all_unavailable(storage: &Storage) {
    let reads = (0..20).map(|_| async {
        let result = timeout(MAX_WAIT, storage.find_user("ada")).await;
        assert_unavailable(result.expect("it does not wait"), "a read");
    });
    let writes = (0..10).map(|number| async move {
        let result = timeout(MAX_WAIT, storage.set_active("ada", true, NOW, &event())).await;
        assert_unavailable(result.expect("it does not wait"), "a change");
        let token = number.to_string();
        let login = log_in(storage, "ada", NOW.0, &token, None, false);
        let result = timeout(MAX_WAIT, login).await;
        assert_unavailable(result.expect("it does not wait"), "a login");
    });
    tokio::join!(join_all(reads), join_all(writes));
}

async fn works(storage: &Storage) -> bool {
    let read = storage.find_user("ada").await.is_ok();
    read && storage.set_active("ada", true, NOW, &event()).await.is_ok()
}

#[tokio::test]
async fn a_frozen_server_is_waited_for_no_longer_than_promised_and_leaves_all_places() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let storage = open(&database.url()).await;
    add_user(&storage, "ada", &[]).await;
    use_all_places(&storage, &database).await;
    // Then they are tested before they are used.
    until("the connections to be idle for some time", async || {
        let idle = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND usename = 'callgate' AND state_change < now() - interval '1.2 s'";
        database.number(idle).await >= READ_CONNECTIONS + WRITE_CONNECTIONS
    })
    .await;

    server.pause().await;
    assert_all_unavailable(&storage).await;
    server.resume();
    let back = timeout(MAX_WAIT, until("the storage to work", async || works(&storage).await));
    back.await.expect("it is back at once");
    use_all_places(&storage, &database).await;

    // Open connections go on, but no new ones can be made.
    server.pause_postmaster().await;
    for _ in 0..3 {
        assert!(works(&storage).await);
    }
    server.resume();
    database.terminate_backends().await;
    server.pause_postmaster().await;
    assert_all_unavailable(&storage).await;
    server.resume();
    let back = timeout(MAX_WAIT, until("the storage to work", async || works(&storage).await));
    back.await.expect("it is back at once");
    use_all_places(&storage, &database).await;
}

#[tokio::test]
async fn a_killed_server_loses_nothing_that_was_acknowledged() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let storage = open(&database.url()).await;
    add_user(&storage, "ada", &[]).await;
    for round in 0..rounds(2, 20) {
        let is_over = AtomicBool::new(false);
        let acknowledged = AtomicUsize::new(0);
        let writes = join_all((0..4).map(|writer| {
            let (storage, is_over, acknowledged) = (&storage, &is_over, &acknowledged);
            async move {
                let mut names = Vec::new();
                for number in 0.. {
                    if is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let name = format!("{round} {writer} {number}");
                    let user = NewUser {
                        user_id: &name,
                        ..NewUser::default()
                    };
                    match storage.add_user(&user, NOW, &[event()]).await {
                        Ok(outcome) => {
                            assert_eq!(outcome, UpdateOutcome::Done);
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            names.push(name);
                        }
                        Err(error) => assert!(error.is_unavailable(), "{}", error.chain()),
                    }
                }
                names
            }
        }));
        let kill = async {
            until("some writes", async || acknowledged.load(Ordering::SeqCst) > 40).await;
            server.kill().await;
            assert_unavailable(storage.find_user("ada").await, "a read");
            server.restart().await;
            let before = acknowledged.load(Ordering::SeqCst);
            until("more writes", async || {
                acknowledged.load(Ordering::SeqCst) > before + 10
            })
            .await;
            is_over.store(true, Ordering::SeqCst);
        };
        let (names, ()) = tokio::join!(writes, kill);
        for name in names.iter().flatten() {
            assert!(storage.find_user(name).await.unwrap().is_some(), "{name} is lost");
        }
    }
    use_all_places(&storage, &database).await;
}

#[tokio::test]
async fn connections_that_the_server_ends_are_unavailable_and_nothing_else() {
    let server = PostgresServer::shared().await;
    let database = server.create_database().await;
    let storage = open(&database.url()).await;
    add_user(&storage, "ada", &[]).await;
    let is_over = AtomicBool::new(false);
    let calls = join_all((0..8).map(|caller| {
        let (storage, is_over) = (&storage, &is_over);
        async move {
            let (mut done, mut refused) = (0, 0);
            while !is_over.load(Ordering::SeqCst) {
                let result = match caller % 4 {
                    0 => storage.find_user("ada").await.map(drop),
                    1 => storage.set_active("ada", true, NOW, &event()).await.map(drop),
                    2 => storage.add_events(&[event()], &[]).await,
                    _ => storage.replace_hash("ada", "x", "x").await,
                };
                match result {
                    Ok(()) => done += 1,
                    Err(error) => {
                        assert!(error.is_unavailable(), "{}", error.chain());
                        refused += 1;
                    }
                }
            }
            (done, refused)
        }
    }));
    let terminate = async {
        let mut ticks = interval(Duration::from_millis(100));
        for _ in 0..rounds(25, 200) {
            ticks.tick().await;
            database.terminate_backends().await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let (counts, ()) = tokio::join!(calls, terminate);
    for (caller, (done, _)) in counts.iter().enumerate() {
        assert!(*done > 0, "caller {caller} was never served");
    }
    assert!(counts.iter().any(|(_, refused)| *refused > 0), "no call was refused");
    use_all_places(&storage, &database).await;
}
