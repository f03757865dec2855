//! PostgreSQL hangs, or is killed and started again.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use crate::{
    cluster::{
        assert_heals, assert_in_time, assert_open_to_anyone, assert_unavailable, client, logged_in, node, status,
    },
    support::{
        client::{Client, REMEMBER, Reply},
        effort::rounds,
        poll::until,
        postgres::{PostgresDatabase, PostgresServer},
        server::Server,
    },
};

async fn log_in(client: &Client) -> Reply {
    let login = json!({"user_id": "user02", "password": "user_02", "remember": false});
    client.call("login", login).await
}

/// Every connection of the node serves again: more calls at once than there are connections are answered.
async fn assert_whole(node: &Server, user: &Client) {
    let replies = join_all((0..24).map(|_| {
        let user = user.clone();
        async move { user.get("/account").await.status }
    }));
    assert!(replies.await.iter().all(|status| *status == 200));
    assert_eq!(log_in(&client(node)).await.status, 200);
}

#[tokio::test]
async fn while_postgresql_hangs_calls_are_refused_soon_and_served_again_at_once() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let node = node(&database.url(), &[]).await;
    let user = logged_in(&node, "user01", "user_01").await;
    let browser = client(&node);
    browser
        .done("login", json!({"user_id": "user02", "password": "user_02"}))
        .await;
    let remembered = browser.with_only(REMEMBER, &browser.cookie(REMEMBER).unwrap());
    for _ in 0..rounds(1, 10) {
        server.pause().await;
        let paused = Instant::now();
        while paused.elapsed() < Duration::from_secs(5) {
            let calls = async || {
                let guest = client(&node);
                tokio::join!(
                    user.call("auth_func", json!({})),
                    user.get("/account"),
                    user.form("/functions/auth_func", &[("arguments", "{}")]),
                    remembered.call("auth_func", json!({})),
                    log_in(&guest),
                )
            };
            let began = Instant::now();
            let (json, page, form, restored, login) = Box::pin(calls()).await;
            for reply in [json, page, form, restored, login] {
                assert_unavailable(&reply);
            }
            assert_in_time("a refusal", began, Duration::from_secs(3));
            assert_open_to_anyone(&node).await;
            assert_eq!(client(&node).get("/readyz").await.status, 503);
        }
        server.resume();
        assert_heals(&user, Duration::from_secs(1)).await;
        assert_eq!(status(&browser).await, 200);
        let is_ready = async || client(&node).get("/readyz").await.status == 200;
        until("the node to be ready", is_ready).await;
        assert_whole(&node, &user).await;
    }
    assert_eq!(status(&remembered.clone()).await, 200);
}

#[tokio::test]
async fn after_a_crash_of_postgresql_meanwhile_everything_acknowledged_is_there() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let node = node(&database.url(), &[]).await;
    assert_crashes_lose_nothing(&mut server, &database, &node, rounds(2, 20)).await;
}

/// Kills the server while users log in and out, and starts it again, several times.
pub async fn assert_crashes_lose_nothing(
    server: &mut PostgresServer,
    database: &PostgresDatabase,
    node: &Server,
    crashes: usize,
) {
    let user = logged_in(node, "user01", "user_01").await;
    for _ in 0..crashes {
        let (mut live, mut ended) = (Vec::new(), Vec::new());
        let load = async {
            loop {
                let client = client(node);
                let login = log_in(&client).await;
                if login.status != 200 {
                    assert_unavailable(&login);
                    break;
                }
                if live.len() <= ended.len() {
                    live.push(client);
                    continue;
                }
                let logout = client.clone().call("logout", json!({})).await;
                if logout.status != 200 {
                    // Not acknowledged: either state is right.
                    assert_unavailable(&logout);
                    break;
                }
                ended.push(client);
            }
        };
        let crash = async {
            until("some logins", async || {
                database
                    .number("SELECT count(*) FROM sessions WHERE user_id = 'user02'")
                    .await
                    >= 5
            })
            .await;
            server.kill().await;
        };
        tokio::join!(Box::pin(load), crash);
        assert_eq!(status(&user).await, 503);
        server.restart().await;
        assert_heals(&user, Duration::from_secs(5)).await;
        for client in &live {
            assert_eq!(status(client).await, 200);
        }
        for client in &ended {
            assert_eq!(status(client).await, 401);
        }
        assert!(live.len() + ended.len() >= 5);
        assert_whole(node, &user).await;
        database.execute("DELETE FROM sessions WHERE user_id = 'user02'").await;
    }
}
