//! Faults of the network between a node and the database. While the node cannot ask what was revoked, it lets nobody in.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    cluster::{
        Cluster, assert_heals, assert_in_time, assert_open_to_anyone, assert_unavailable, client, logged_in, node,
        status,
    },
    support::{
        client::{Client, REMEMBER, SESSION},
        effort::rounds,
        faulty_proxy::FaultyProxy,
        postgres::PostgresServer,
        server::Server,
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// A node that is connected directly, and one that is connected through a faulty network.
async fn nodes() -> (Cluster, FaultyProxy) {
    let server = PostgresServer::shared().await;
    let mut cluster = Cluster::start(1, &[]).await;
    let proxy = FaultyProxy::start(server.address()).await;
    let url = cluster.database.url_at("127.0.0.1", proxy.address().port());
    cluster.nodes.push(node(&url, &[]).await);
    (cluster, proxy)
}

async fn revoke(first: &Server, victim: &Client) {
    let ended = victim.clone().at(first.https).call("logout", json!({})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
}

#[tokio::test]
async fn a_node_whose_connections_are_reset_or_closed_meanwhile_lets_nobody_in_who_was_revoked() {
    let (cluster, proxy) = nodes().await;
    let [first, second] = &cluster.nodes[..] else {
        unreachable!("two were started")
    };
    let bystander = logged_in(second, "user02", "user_02").await;
    for round in 0..rounds(6, 100) {
        let victim = logged_in(second, "user01", "user_01").await;
        assert_eq!(status(&victim).await, 200);
        revoke(first, &victim).await;
        if round % 2 == 0 {
            proxy.reset();
        } else {
            proxy.close();
        }
        for _ in 0..3 {
            assert_ne!(status(&victim).await, 200, "round {round}");
        }
        assert_heals(&bystander, SECOND).await;
        assert_eq!(status(&victim).await, 401, "round {round}");
    }
}

#[tokio::test]
async fn a_node_that_is_cut_off_or_hears_late_meanwhile_lets_nobody_in_who_was_revoked() {
    let (cluster, proxy) = nodes().await;
    let [first, second] = &cluster.nodes[..] else {
        unreachable!("two were started")
    };
    for round in 0..rounds(2, 20) {
        let bystander = logged_in(second, "user02", "user_02").await;
        let victim = client(second);
        let login = json!({"user_id": "user01", "password": "user_01"});
        victim.done("login", login).await;
        assert_eq!(status(&victim).await, 200);
        let is_cut_off = round % 2 == 0;
        if is_cut_off {
            proxy.stop();
        } else {
            proxy.delay(Duration::from_millis(900));
        }
        revoke(first, &victim).await;
        // The logout has also forgotten the browser.
        for cookies in [victim.clone(), victim.with_only(SESSION, &victim.session())] {
            let began = Instant::now();
            let answer = status(&cookies).await;
            assert!(answer == 503 || answer == 401 && !is_cut_off, "{answer}");
            assert_in_time("a refusal", began, SECOND);
        }
        if is_cut_off {
            assert_unavailable(&bystander.get("/users").await);
            assert_unavailable(&bystander.form("/functions/auth_func", &[("arguments", "{}")]).await);
            let remembered = victim.with_only(REMEMBER, &victim.cookie(REMEMBER).unwrap());
            assert_unavailable(&remembered.get("/").await);
        }
        assert_open_to_anyone(second).await;
        assert_eq!(client(second).get("/readyz").await.status, 503);
        assert_eq!(client(first).get("/readyz").await.status, 200);
        proxy.heal();
        assert_heals(&bystander, SECOND).await;
        let session = victim.with_only(SESSION, &victim.session());
        assert_eq!(status(&session).await, 401);
        assert_eq!(client(second).get("/readyz").await.status, 200);
    }
}
