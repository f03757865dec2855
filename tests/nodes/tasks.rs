//! What one node does for all, and the list of nodes.

use serde_json::Value;

use crate::{
    cluster::{Cluster, command, node},
    support::{
        poll::until,
        postgres::{PostgresDatabase, PostgresServer},
    },
};

const EXPIRED: &str =
    "INSERT INTO links (code_hash, created_at, expires_at) VALUES (decode(md5(random()::text), 'hex'), 0, 1)";

/// The name of the node that sweeps.
async fn sweeper(database: &PostgresDatabase) -> String {
    let name = "SELECT coalesce((SELECT nodes.name FROM leases JOIN nodes ON node_id = held_by
                WHERE leases.name = 'sweeper'), '')";
    database.text(name).await
}

/// Waits until a row that has expired is gone.
async fn assert_sweeps(database: &PostgresDatabase) {
    database.execute(EXPIRED).await;
    let is_gone = async || database.number("SELECT count(*) FROM links").await == 0;
    until("an expired row to be deleted", is_gone).await;
}

#[tokio::test]
async fn one_node_sweeps_and_another_one_takes_over_once_it_hangs_or_is_killed() {
    let database = PostgresServer::shared().await.create_database().await;
    let url = database.url();
    let mut nodes = Vec::new();
    for name in ["one", "two"] {
        let settings = [
            ("CALLGATE_DATABASE_NODE", name),
            ("CALLGATE_SESSIONS_SWEEP_SECONDS", "1"),
        ];
        nodes.push((name, node(&url, &settings).await));
    }
    assert_sweeps(&database).await;
    let first = sweeper(&database).await;
    for _ in 0..2 {
        assert_sweeps(&database).await;
        assert_eq!(sweeper(&database).await, first);
    }
    nodes.sort_by_key(|(name, _)| *name != first);
    let [(_, responsible), (other, successor)] = &nodes[..] else {
        unreachable!("two were started")
    };
    responsible.freeze().await;
    assert_sweeps(&database).await;
    assert_eq!(sweeper(&database).await, *other);
    assert!(!successor.place.log().contains("ERROR"), "{}", successor.place.log());
    responsible.thaw();
    assert_sweeps(&database).await;
    let (_, successor) = nodes.pop().unwrap();
    successor.kill().await;
    assert_sweeps(&database).await;
    assert_eq!(sweeper(&database).await, first);
    // A node that stops leaves the task to others at once.
    let (_, responsible) = nodes.pop().unwrap();
    responsible.stop().await;
    assert_eq!(database.number("SELECT count(*) FROM leases").await, 0);
}

/// The names of the nodes, as the command lists them.
async fn listed(cluster: &Cluster) -> Vec<String> {
    let list = cluster.command("node list --json", "").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    let nodes = list.as_array().unwrap().iter();
    nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_list_of_nodes_shows_those_that_run() {
    let mut cluster = Cluster::start(1, &[("CALLGATE_DATABASE_NODE", "a")]).await;
    let url = cluster.database.url();
    for name in ["b", "c"] {
        let node = node(&url, &[("CALLGATE_DATABASE_NODE", name)]).await;
        cluster.nodes.push(node);
    }
    assert_eq!(listed(&cluster).await, ["a", "b", "c"]);
    let text = command(&cluster.nodes[0].place, &url, &["node", "list"], "").await;
    assert!(
        text.contains("NODE") && text.contains(env!("CARGO_PKG_VERSION")),
        "{text}"
    );
    // One that stops is gone at once, one that was killed ten seconds later.
    let stopped = cluster.nodes.remove(1);
    stopped.stop().await;
    assert_eq!(listed(&cluster).await, ["a", "c"]);
    cluster.nodes.remove(1).kill().await;
    assert_eq!(listed(&cluster).await, ["a", "c"]);
    let later = "UPDATE nodes SET seen_at = seen_at - 11000 WHERE name = 'c'";
    assert_eq!(cluster.database.execute(later).await, 1);
    assert_eq!(listed(&cluster).await, ["a"]);
}
