//! Limits that hold for all nodes together.

use futures::future::join_all;
use serde_json::json;

use crate::{
    cluster::{Cluster, client},
    support::effort::rounds,
};

#[tokio::test]
async fn pending_calls_are_limited_at_all_nodes_together() {
    const PER_MINUTE: i64 = 10;
    let cluster = Cluster::start(2, &[("CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", "10")]).await;
    let mut stored = 0;
    for number in 0..30 {
        let caller = client(&cluster.nodes[number % 2]);
        let reply = caller.form("/functions/auth_func", &[("arguments", "{}")]).await;
        match reply.status {
            303 => stored += 1,
            _ => assert_eq!(reply.status, 503, "{}", reply.body),
        }
    }
    let database = &cluster.database;
    assert_eq!(database.number("SELECT count(*) FROM kept_calls").await, stored);
    // A new minute may have begun.
    let minutes = database.number("SELECT count(*) FROM call_rates").await;
    assert!(
        (PER_MINUTE..=PER_MINUTE * minutes).contains(&stored),
        "{stored} in {minutes}"
    );
}

#[tokio::test]
async fn of_wrong_passwords_at_several_nodes_at_once_no_more_are_checked_than_at_one() {
    const FAILURES: usize = 5;
    let cluster = Cluster::start(3, &[("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "5")]).await;
    for user in ["user01", "user02"] {
        let replies = join_all((0..60).map(async |number| {
            let wrong = json!({"user_id": user, "password": format!("wrong {number}")});
            client(&cluster.nodes[number % 3]).call("login", wrong).await
        }))
        .await;
        let mut checked = 0;
        for reply in replies {
            match reply.status {
                401 => checked += 1,
                status => assert!([429, 503].contains(&status), "{}", reply.body),
            }
        }
        assert!((1..=FAILURES).contains(&checked), "{checked}");
        let right = json!({"user_id": user, "password": user.replace("user", "user_")});
        for node in &cluster.nodes {
            let reply = client(node).call("login", right.clone()).await;
            let expected = if checked == FAILURES { 429 } else { reply.status };
            assert_eq!(reply.status, expected, "{}", reply.body);
        }
    }
}

/// Attempts in flight count as failed until they succeed. Those of another node are waited for as those of the same node are.
#[tokio::test]
async fn right_passwords_at_several_nodes_at_once_wait_for_each_other_and_none_is_refused() {
    let cluster = Cluster::start(3, &[("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "2")]).await;
    for _ in 0..rounds(2, 50) {
        let replies = join_all((0..24).map(async |number| {
            let right = json!({"user_id": "user01", "password": "user_01", "remember": false});
            client(&cluster.nodes[number % 3]).call("login", right).await
        }))
        .await;
        for reply in replies {
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
    }
}
