//! Nodes that reach PostgreSQL through PgBouncer in session mode, set up as docs/operating.md says.

use crate::{
    cluster::{Cluster, node, variables},
    database_faults::assert_crashes_lose_nothing,
    revocation::{BY_AN_ADMINISTRATOR, BY_COMMAND, BY_HAND, BY_THE_USER, assert_next_call_is_refused},
    support::{
        effort::rounds,
        place::Place,
        poll::until,
        postgres::{PostgresServer, pgbouncer::PgBouncer},
    },
};

/// As docs/operating.md gives them.
const TIMEOUTS: [&str; 4] = [
    "statement_timeout = '5s'",
    "lock_timeout = '2s'",
    "idle_in_transaction_session_timeout = '2s'",
    "client_connection_check_interval = '1s'",
];

#[tokio::test]
async fn through_pgbouncer_the_next_call_at_another_node_is_refused_after_a_change() {
    let server = PostgresServer::shared().await;
    let database = server.create_database().await;
    let bouncer = PgBouncer::start(server, &[]).await;
    let url = database.url_at("127.0.0.1", bouncer.port());
    let cluster = Cluster::start_at(database, url, 2, &[]).await;
    for causes in [BY_THE_USER, BY_AN_ADMINISTRATOR, BY_COMMAND, BY_HAND] {
        Box::pin(assert_next_call_is_refused(&cluster, causes, rounds(1, 100))).await;
    }
}

#[tokio::test]
async fn through_pgbouncer_after_a_crash_meanwhile_everything_acknowledged_is_there() {
    let mut server = PostgresServer::start().await;
    let database = server.create_database().await;
    let bouncer = PgBouncer::start(&server, &[]).await;
    let node = node(&database.url_at("127.0.0.1", bouncer.port()), &[]).await;
    assert_crashes_lose_nothing(&mut server, &database, &node, rounds(1, 10)).await;
}

/// PgBouncer does not pass the time-outs on that a node asks for. The user of the database has them then.
#[tokio::test]
async fn behind_pgbouncer_doctor_finds_nothing_wrong_once_the_user_has_the_time_outs() {
    // Of its own, because the user is one of the whole server.
    let server = PostgresServer::start().await;
    let database = server.create_database().await;
    let bouncer = PgBouncer::start(&server, &[]).await;
    let url = database.url_at("127.0.0.1", bouncer.port());
    let node = node(&url, &[]).await;
    let before = node.place.run_with(&["doctor"], "", &variables(&url, &[])).await;
    let wrong: Vec<_> = before
        .printed
        .lines()
        .filter(|line| line.starts_with("WRONG"))
        .collect();
    assert_eq!(wrong.len(), 1, "{}", before.printed);
    assert!(
        wrong[0].contains("time-outs") && wrong[0].contains("ALTER ROLE"),
        "{wrong:?}"
    );
    for timeout in TIMEOUTS {
        let change = format!("ALTER ROLE callgate SET {timeout}");
        server.execute("postgres", &change).await;
    }
    // PgBouncer goes on to use the connections that it has.
    database.terminate_backends().await;
    until("connections with the time-outs", async || {
        let ran = node.place.run_with(&["doctor"], "", &variables(&url, &[])).await;
        ran.worked
    })
    .await;
}

#[tokio::test]
async fn a_pgbouncer_in_transaction_mode_is_refused_with_what_to_do() {
    let server = PostgresServer::shared().await;
    let database = server.create_database().await;
    let bouncer = PgBouncer::start(server, &[("pool_mode", "transaction")]).await;
    let url = database.url_at("127.0.0.1", bouncer.port());
    let refused = Place::new().refused(&["--demo"], &variables(&url, &[])).await;
    refused.assert_failed(&["it must use session mode"]);
}
