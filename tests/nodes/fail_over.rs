//! Another PostgreSQL server takes over. `database.url` names all of them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    cluster::{assert_heals, assert_in_time, client, logged_in, node, status},
    support::{
        effort::rounds,
        faulty_proxy::FaultyProxy,
        poll::until,
        postgres::{PostgresDatabase, PostgresServer},
    },
};

const CHANGES: &str = "SELECT changes FROM write_lock";

/// The address of the database on several servers.
fn url_of(database: &PostgresDatabase, ports: &[u16]) -> String {
    let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let name = database.name();
    format!("postgres://callgate@{}/{name}", hosts.join(","))
}

/// Each server follows the one before it. They fail one after the other: killed, or without a word as a machine that lost its
/// power or its network.
#[tokio::test]
async fn a_node_goes_on_with_the_next_server_of_the_url_each_time_one_fails() {
    let mut servers = vec![PostgresServer::start().await];
    let database = servers[0].create_database().await;
    let count = rounds(2, 5);
    for number in 0..count {
        let standby = servers[number].standby().await;
        servers.push(standby);
    }
    let mut networks = Vec::new();
    for server in &servers {
        networks.push(FaultyProxy::start(server.address()).await);
    }
    let ports: Vec<u16> = networks.iter().map(|network| network.address().port()).collect();
    let node = node(&url_of(&database, &ports), &[]).await;
    let user = logged_in(&node, "user01", "user_01").await;
    for number in 0..count {
        let victim = logged_in(&node, "user02", "user_02").await;
        assert_heals(&victim, Duration::from_secs(1)).await;
        victim.clone().done("logout", json!({})).await;
        servers[number + 1].catch_up_with(&servers[number]).await;
        if number % 2 == 1 {
            networks[number].stop();
        }
        servers[number].kill().await;
        assert_eq!(status(&user).await, 503);
        servers[number + 1].promote().await;
        assert_heals(&user, Duration::from_secs(5)).await;
        assert_eq!(status(&victim).await, 401);
        logged_in(&node, "user02", "user_02")
            .await
            .done("logout", json!({}))
            .await;
    }
}

/// Change 57 of one history is not change 57 of another one.
#[tokio::test]
async fn after_a_fail_over_that_lost_changes_nothing_is_served_from_memory() {
    let mut primary = PostgresServer::start().await;
    let database = primary.create_database().await;
    let replication = FaultyProxy::start(primary.address()).await;
    let standby = primary.standby_through(replication.address()).await;
    let ports = [primary.address().port(), standby.address().port()];
    let node = node(&url_of(&database, &ports), &[]).await;
    let lost = logged_in(&node, "user01", "user_01").await;
    let other = logged_in(&node, "user02", "user_02").await;
    let bystander = logged_in(&node, "user03", "user_03").await;
    for user in [&lost, &other, &bystander] {
        assert_eq!(status(user).await, 200);
    }
    standby.catch_up_with(&primary).await;
    replication.stop();
    lost.clone().done("logout", json!({})).await;
    for (user, expected) in [(&lost, 401), (&other, 200), (&bystander, 200)] {
        assert_eq!(status(user).await, expected);
    }
    let known = database.number(CHANGES).await;
    // The node must not see the log before it has as many changes again.
    node.freeze().await;
    primary.kill().await;
    standby.promote().await;
    let database = standby.database(database.name());
    assert!(database.number(CHANGES).await < known);
    database.execute("DELETE FROM sessions WHERE user_id = 'user02'").await;
    assert_eq!(database.number(CHANGES).await, known);
    node.thaw();
    assert_heals(&bystander, Duration::from_secs(5)).await;
    assert_eq!(status(&other).await, 401);
    // The logout is lost with the old primary: the state is that of the new one, exactly.
    assert_eq!(status(&lost).await, 200);
}

#[tokio::test]
async fn a_node_at_a_primary_that_is_cut_off_from_its_synchronous_standby_lets_nobody_in() {
    let primary = PostgresServer::start().await;
    let database = primary.create_database().await;
    let replication = FaultyProxy::start(primary.address()).await;
    let _standby = primary.standby_through(replication.address()).await;
    let node = node(&database.url(), &[]).await;
    primary.configure("synchronous_standby_names", "standby").await;
    let user = logged_in(&node, "user01", "user_01").await;
    for _ in 0..rounds(1, 20) {
        assert_heals(&user, Duration::from_secs(1)).await;
        replication.stop();
        let began = Instant::now();
        // The last heartbeat that was committed is good for a second, and a call waits a second for the next one.
        until("calls to be refused", async || status(&user).await == 503).await;
        assert_in_time("the last call that was let in", began, Duration::from_secs(2));
        for _ in 0..3 {
            assert_eq!(status(&user).await, 503);
        }
        assert_eq!(client(&node).get("/readyz").await.status, 503);
        replication.heal();
        assert_heals(&user, Duration::from_secs(1)).await;
    }
}
