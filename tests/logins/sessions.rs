//! Sessions: how one begins and ends, how many a user may have, what a restart does to them, and how they are swept.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::steps::{
    is_in, last_used, log_in, remembered, remembered_as, token, use_until_recorded, without_session, works,
};
use crate::support::{
    client::{Client, REMEMBER, SESSION},
    place::Place,
    poll,
    server::{Server, THREE_SESSIONS},
};

#[tokio::test]
async fn logging_in_again_changes_the_token_and_leaves_nothing_of_the_user_before() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    let remember = token(&client);
    let reply = log_in(&client, "user01", "user_01").await;
    assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
    assert_eq!(client.cookie(REMEMBER), None, "it is not remembered any more");
    assert!(!works(&client, REMEMBER, &remember).await);
    for (user, password) in [("user01", "user_01"), ("user02", "user_02")] {
        let before = client.session();
        assert_eq!(log_in(&client, user, password).await.cookie_names(), [SESSION]);
        assert_ne!(client.session(), before);
        assert!(!works(&client, SESSION, &before).await);
        assert_eq!(client.who().await.as_deref(), Some(user));
    }
    let mut database = server.place.database().await;
    assert_eq!(database.count("sessions").await, 1);
    let of_user01 = "sessions WHERE user_id <> 'user02' OR data LIKE '%user01%'";
    assert_eq!(database.count(of_user01).await, 0);
}

#[tokio::test]
async fn the_use_of_a_session_is_recorded_at_most_once_a_minute() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    database.rest_sessions(20).await;
    let before = last_used(&mut database).await;
    assert!(is_in(&client).await);
    assert_eq!(last_used(&mut database).await, before);
    database.rest_sessions(60).await;
    use_until_recorded(&mut database, before - 60_000, async || assert!(is_in(&client).await)).await;
}

/// Holds for sessions and remembered browsers. What counts is the last use of a session, not its login.
#[tokio::test]
async fn a_login_beyond_the_limit_ends_the_session_that_was_used_longest_ago() {
    for is_remembered in [false, true] {
        let server = Place::new().demo(THREE_SESSIONS).await;
        let login = async |user: &str| {
            let client = server.client();
            let password = user.replace("user", "user_");
            let arguments = json!({"user_id": user, "password": password, "remember": is_remembered});
            client.done("login", arguments).await;
            // Kept in memory from here on.
            assert!(is_in(&client).await);
            client
        };
        // The oldest of all is of another user.
        let other = login("user02").await;
        let [first, second, third] = [login("user01").await, login("user01").await, login("user01").await];
        let mut database = server.place.database().await;
        let used = "UPDATE sessions SET last_used_at = last_used_at + 1000 WHERE user_id = 'user01' AND token_hash <>
                    (SELECT token_hash FROM sessions WHERE user_id = 'user01' ORDER BY logged_in_at LIMIT 1 OFFSET 1)";
        assert_eq!(database.change(used).await, 2);
        let fourth = login("user01").await;
        let log = server.place.log();
        let mut logged = log.lines().filter(|line| line.contains("surplus"));
        let line = logged.next().expect("a line");
        assert!(line.contains("user01") && logged.next().is_none(), "{log}");
        let events = "events WHERE action = 'surplus_ended' AND actor = 'user01' AND about = '1' AND request_id <> ''";
        assert_eq!(database.count(events).await, 1);
        for name in [SESSION, REMEMBER] {
            let cookie = second.cookie(name).unwrap_or_default();
            assert!(!works(&second, name, &cookie).await, "{name}");
        }
        let reply = second.json("/api/auth_func", "{}").await;
        reply.assert_refused(401, "not_logged_in");
        assert_eq!(reply.cookie_names().contains(&REMEMBER.to_owned()), is_remembered);
        for client in [&first, &third, &fourth, &other] {
            assert!(is_in(client).await);
            assert_eq!(is_in(&without_session(client)).await, is_remembered);
        }
    }
}

#[tokio::test]
async fn neither_a_restart_nor_a_crash_logs_anybody_out_or_undoes_a_logout() {
    let server = Server::demo().await;
    let (client, browser) = (server.user01().await, remembered(&server).await);
    let ended = server.user01().await;
    let place = server.stop().await;
    let server = place.demo(&[]).await;
    assert!(is_in(&client.moved_to(&server.client())).await);
    ended.moved_to(&server.client()).done("logout", json!({})).await;
    server.kill().await;
    let server = place.demo(&[]).await;
    let moved = |client: &Client| client.moved_to(&server.client());
    assert!(!is_in(&moved(&ended)).await);
    let client = moved(&client);
    assert!(is_in(&client).await && is_in(&without_session(&moved(&browser))).await);
    client.done("logout", json!({})).await;
}

#[tokio::test]
async fn what_is_over_is_swept_from_the_database_also_after_it_was_locked() {
    let server = Place::new().demo(&[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let (over, live) = (remembered_as(&server, "user02").await, server.user01().await);
    over.form("/functions/notauth_func", &[("arguments", "{}")]).await;
    let mut database = server.place.database().await;
    let rested = "UPDATE sessions SET last_used_at = last_used_at - 1800000 WHERE user_id = 'user02'";
    for (statement, table, left) in [
        (rested, "sessions", 1),
        ("UPDATE remembered SET expires_at = 1", "remembered", 0),
        ("UPDATE kept_calls SET expires_at = 1", "kept_calls", 0),
    ] {
        assert_eq!(database.change(statement).await, 1, "{table}");
        poll::until(table, async || database.count(table).await == left).await;
    }
    assert!(is_in(&live).await);

    let mut lock = server.place.database().await;
    let logged = server.place.log().len();
    let has_failed = async || server.place.log()[logged..].contains("sweeping");
    // It ends while the database is locked.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let ends = format!("UPDATE sessions SET ends_at = {}", now + 3000);
    assert_eq!(database.change(&ends).await, 1);
    lock.lock().await;
    poll::until("a sweep to fail", has_failed).await;
    lock.change("COMMIT").await;
    poll::until("a sweep to work again", async || database.count("sessions").await == 0).await;
}

#[tokio::test]
async fn a_table_that_cannot_be_swept_does_not_keep_the_others_from_it_however_much_there_is() {
    let place = Place::new();
    let _server = place.demo(&[("CALLGATE_SESSIONS_SWEEP_SECONDS", "1")]).await;
    let mut database = place.database().await;
    database.change("ALTER TABLE remembered RENAME TO gone").await;
    let random = database.random_bytes();
    let many = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 12000)
         INSERT INTO failed_logins (attempt, bucket, failed_at, expires_at) SELECT {random}, {random}, 1, 2 FROM numbers"
    );
    assert_eq!(database.change(&many).await, 12_000);
    let call = format!(
        "INSERT INTO calls (id, at, function, user_id, outcome, calls, took_us, address, request_id)
         VALUES ({}, 1, 'auth_func', '', 'ok', 1, 1, '', '')",
        database.reserve_ids("calls", 1).await
    );
    database.change(&call).await;
    poll::until("the tables after it to be swept", async || {
        database.count("failed_logins").await == 0 && database.count("calls").await == 0
    })
    .await;
    poll::until("the failure to be logged", async || {
        place.log().contains("sweeping remembered browsers")
    })
    .await;
}
