//! Nodes that start at once, and one that dies while it migrates.

use futures::future::join_all;
use sqlx::AssertSqlSafe;

use crate::{
    cluster::{client, command, logged_in, node, status, variables},
    support::{effort::rounds, place::Place, poll::until, postgres::PostgresServer, server::Server},
};

const WAITS: &str = "another node is migrating the database; waiting for it";

#[tokio::test]
async fn five_nodes_that_start_at_once_make_one_schema_and_print_one_link() {
    let server = PostgresServer::shared().await;
    for _ in 0..rounds(3, 10) {
        let database = server.create_database().await;
        let url = database.url();
        let nodes = join_all((0..5).map(|_| async { Place::new().serve(&variables(&url, &[])).await })).await;
        let history = "SELECT count(*) FROM _sqlx_migrations WHERE success";
        let steps = database.number(history).await;
        assert!(steps >= 1);
        let distinct = "SELECT count(DISTINCT version) FROM _sqlx_migrations";
        assert_eq!(database.number(distinct).await, steps);
        let mut printed = Vec::new();
        for node in nodes {
            assert_eq!(client(&node).get("/readyz").await.status, 200);
            printed.push(node.printed().await);
        }
        let count = |part: &str| printed.iter().filter(|text| text.contains(part)).count();
        let found = (count("/setup#"), count("Another node has just printed the link"));
        assert_eq!(found, (1, 4), "{printed:?}");
        assert_eq!(database.number("SELECT count(*) FROM links").await, 1);
    }
}

#[tokio::test]
async fn a_node_that_runs_alone_or_starts_later_prints_a_new_link() {
    let database = PostgresServer::shared().await.create_database().await;
    let url = database.url();
    let start = async || Place::new().serve(&variables(&url, &[])).await;
    for _ in 0..2 {
        let printed = start().await.printed().await;
        assert!(printed.contains("/setup#"), "{printed}");
    }
    let running = start().await;
    let second = start().await.printed().await;
    assert!(!second.contains("/setup#"), "{second}");
    database
        .execute("UPDATE links SET created_at = created_at - 61000")
        .await;
    for node in [start().await, running] {
        let printed = node.printed().await;
        assert!(printed.contains("/setup#"), "{printed}");
    }
    assert_eq!(database.number("SELECT count(*) FROM links").await, 1);
}

#[tokio::test]
async fn demos_that_start_at_once_add_the_demo_users_once() {
    let database = PostgresServer::shared().await.create_database().await;
    let url = database.url();
    // So that none waits for the schema, and all look for the users at the same time.
    Place::new().serve(&variables(&url, &[])).await.stop().await;
    let nodes = join_all((0..6).map(|_| node(&url, &[]))).await;
    assert_eq!(database.number("SELECT count(*) FROM users").await, 3);
    let added = "SELECT count(*) FROM events WHERE action = 'user_added'";
    assert_eq!(database.number(added).await, 3);
    let user = logged_in(&nodes[0], "user01", "user_01").await;
    for node in &nodes {
        assert_eq!(status(&user.at(node.https)).await, 200);
    }
}

#[tokio::test]
async fn a_node_waits_for_one_that_migrates_and_takes_over_once_that_one_is_killed() {
    let database = PostgresServer::shared().await.create_database().await;
    let url = database.url();
    // A table with that name, which is not committed, stops the first node in the middle of its migration.
    let mut blocker = database.connect().await;
    let block = "BEGIN; CREATE TABLE schema_support (blocks BOOLEAN)";
    sqlx::raw_sql(AssertSqlSafe(block)).execute(&mut blocker).await.unwrap();
    let first = Server::begin_with(&Place::new(), &["--demo"], &variables(&url, &[]));
    until("the first node to migrate", async || {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = 'callgate' AND wait_event_type = 'Lock'";
        database.number(waiting).await == 1
    })
    .await;
    let mut second = Server::begin_with(&Place::new(), &["--demo"], &variables(&url, &[]));
    let place = second.place.clone();
    until("the second node to say what it waits for", async || {
        place.log().contains(WAITS)
    })
    .await;
    first.kill().await;
    sqlx::raw_sql("ROLLBACK").execute(&mut blocker).await.unwrap();
    second.says_until("https://").await;
    logged_in(&second, "user01", "user_01").await;
    let list = command(&second.place, &url, &["user", "list"], "").await;
    assert!(list.contains("user03"), "{list}");
}
