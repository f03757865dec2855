//! Sessions that are kept in memory: the database is not asked for nothing, and what changes holds at the very next call.

use std::collections::HashMap;

use crate::{
    client::Client,
    poll,
    server::{Place, QUICK, Server},
};

/// How many queries each request has made, by its reference.
fn queries(server: &Server) -> HashMap<String, usize> {
    let mut queries = HashMap::new();
    for line in server.place.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(reference) = line["request_id"].as_str() {
            *queries.entry(reference.to_owned()).or_default() += usize::from(line["target"] == "sqlx::query");
        }
    }
    queries
}

/// A demo that logs each query, and keeps so many sessions.
async fn telling(most: &str) -> Server {
    let settings = [
        ("CALLGATE_LOG_FORMAT", "json"),
        ("CALLGATE_LOG_FILTER", "info,sqlx::query=debug,callgate=debug"),
        ("CALLGATE_SESSIONS_IN_MEMORY", most),
    ];
    Place::new().demo(&[QUICK, &settings].concat()).await
}

async fn user(server: &Server, name: &str) -> Client {
    let client = server.client();
    let password = name.replace("user", "user_");
    let body = serde_json::json!({"user_id": name, "password": password, "remember": false});
    assert_eq!(client.json("/api/login", &body.to_string()).await.status, 200);
    client
}

#[tokio::test]
async fn where_nothing_has_changed_a_guarded_call_asks_nothing_of_the_database() {
    let server = telling("100").await;
    let client = user(&server, "user01").await;
    // What earlier calls leave in the call log is a commit, after which it is asked, once, what it was about.
    poll::until("a call that asks nothing", async || {
        let reply = client.json("/api/auth_func", "{}").await;
        assert_eq!(reply.status, 200);
        queries(&server)[reply.reference()] == 0
    })
    .await;
    // A login of somebody else changes nothing for this session: at most it is asked whether anything has changed.
    let other = user(&server, "user02").await;
    let reply = client.json("/api/auth_func", "{}").await;
    assert!(queries(&server)[reply.reference()] <= 1);
    // Where something has, the session is looked up again, and found.
    assert_eq!(other.json("/api/logout", "{}").await.status, 200);
    let reply = client.json("/api/auth_func", "{}").await;
    assert_eq!(reply.status, 200);
    assert!(queries(&server)[reply.reference()] >= 1);
}

#[tokio::test]
async fn what_another_process_changes_holds_at_the_very_next_call() {
    let server = telling("100").await;
    let admin = user(&server, "user03").await;
    let client = user(&server, "user01").await;
    for _ in 0..20 {
        assert_eq!(client.json("/api/auth_func", "{}").await.status, 200);
        assert_eq!(admin.json("/api/list_users", "{}").await.status, 200);
    }
    server.place.done(&["role", "give", "user01", "admin"], "").await;
    assert_eq!(client.json("/api/list_users", "{}").await.status, 200);
    server.place.done(&["role", "take", "user01", "admin"], "").await;
    assert_eq!(client.json("/api/list_users", "{}").await.status, 403);
    server.place.done(&["user", "disable", "user01"], "").await;
    assert_eq!(client.json("/api/auth_func", "{}").await.status, 401);
    assert_eq!(admin.json("/api/auth_func", "{}").await.status, 200);
    server.place.done(&["session", "revoke", "user03"], "").await;
    assert_eq!(admin.json("/api/auth_func", "{}").await.status, 401);
}

/// Security check 39 asks for the same of a crowd: no call that begins after an answer is let in by what was before it.
#[tokio::test]
async fn of_calls_under_load_none_that_begins_after_a_logout_is_let_in() {
    let server = telling("2").await;
    for _ in 0..5 {
        let client = user(&server, "user01").await;
        let callers: Vec<Client> = (0..4).map(|_| client.clone()).collect();
        let load = async {
            for _ in 0..10 {
                for caller in &callers {
                    let status = caller.json("/api/auth_func", "{}").await.status;
                    assert!([200, 401].contains(&status), "{status}");
                }
            }
        };
        let ends = async {
            assert_eq!(client.json("/api/logout", "{}").await.status, 200);
            for caller in &callers {
                assert_eq!(caller.json("/api/auth_func", "{}").await.status, 401);
            }
        };
        tokio::join!(load, ends);
    }
}
