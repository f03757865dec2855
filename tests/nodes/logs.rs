//! The audit log that several nodes write, and the queries of a call.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, logged_in},
    support::{client::Client, effort::rounds, poll::until, server::Server},
};

/// An export reads on after the last event that it has seen. An event with a lower number that appeared later would be in the
/// next export in between.
#[tokio::test]
async fn exports_while_two_nodes_write_have_every_event_once_and_in_one_order() {
    let cluster = Cluster::start(2, &[]).await;
    let (is_over, logins) = (AtomicBool::new(false), AtomicUsize::new(0));
    let writers = join_all(cluster.nodes.iter().cycle().take(6).map(async |node| {
        while !is_over.load(Ordering::Relaxed) {
            let user = logged_in(node, "user01", "user_01").await;
            logins.fetch_add(1, Ordering::Relaxed);
            user.done("logout", json!({})).await;
        }
    }));
    let reader = async {
        let mut seen = String::new();
        for _ in 0..rounds(6, 100) {
            let exported = cluster.command("audit export", "").await;
            assert!(exported.starts_with(&seen), "an event has appeared before others");
            seen = exported;
        }
        is_over.store(true, Ordering::Relaxed);
        seen
    };
    let (_, seen) = tokio::join!(Box::pin(writers), Box::pin(reader));
    let logins = logins.load(Ordering::Relaxed);
    let mut exported = String::new();
    // The last ones are written a moment after the calls.
    until("all events", async || {
        exported = cluster.command("audit export", "").await;
        exported.lines().filter(|line| line.contains(r#""logout""#)).count() >= logins
    })
    .await;
    assert!(exported.starts_with(&seen));
    let events: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for action in ["login", "logout"] {
        let of_action = events.iter().filter(|event| event["action"] == action);
        let requests: Vec<&str> = of_action.map(|event| event["request_id"].as_str().unwrap()).collect();
        assert_eq!(requests.len(), logins, "{action}");
        assert_eq!(requests.iter().collect::<HashSet<_>>().len(), logins, "{action}");
    }
}

/// The statements of a call that contain `part`.
async fn statements(node: &Server, user: &Client, part: &str) -> usize {
    let reply = user.call("auth_func", json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let log = node.place.log();
    let lines = log.lines().filter(|line| line.contains(reply.reference()));
    let statements = lines.filter(|line| line.contains("sqlx::query"));
    statements.filter(|line| line.contains(part)).count()
}

#[tokio::test]
async fn while_others_log_in_and_out_elsewhere_a_cached_session_is_served_without_a_look_at_it() {
    let settings = [
        ("CALLGATE_LOG_FORMAT", "json"),
        ("CALLGATE_LOG_FILTER", "info,sqlx::query=debug,callgate=debug"),
    ];
    let cluster = Cluster::start(2, &settings).await;
    let [first, second] = &cluster.nodes[..] else {
        unreachable!("two were started")
    };
    let user = logged_in(second, "user01", "user_01").await;
    until("a call without a look at the session", async || {
        statements(second, &user, "sessions").await == 0
    })
    .await;
    for _ in 0..rounds(20, 500) {
        let other = logged_in(first, "user02", "user_02").await;
        assert_eq!(statements(second, &user, "sessions").await, 0);
        other.done("logout", json!({})).await;
        assert_eq!(statements(second, &user, "sessions").await, 0);
    }
    // Every call asks what has changed.
    assert!(statements(second, &user, "guard_changes").await >= 1);
    // A change that concerns the user has the session looked up again.
    logged_in(first, "user01", "user_01")
        .await
        .done("logout", json!({}))
        .await;
    assert!(statements(second, &user, "sessions").await >= 1);
}
