//! More connections than there is room for (security checks 98 and 99).

use std::sync::Arc;

use futures::future::join_all;
use tokio::net::TcpStream;

use crate::{
    poll::until,
    raw,
    server::{Place, QUICK, Server},
};

/// Opens connections that say nothing, whether the server takes them or not.
async fn silent(server: &Server, number: usize) -> Vec<TcpStream> {
    let opened = join_all((0..number).map(|_| TcpStream::connect(server.https))).await;
    opened
        .into_iter()
        .map(|stream| stream.expect("the system takes it"))
        .collect()
}

fn told(place: &Arc<Place>, what: &str) -> bool {
    place.log().contains(what)
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_others_have_gone() {
    let place = Place::new();
    let server = place
        .demo(&[QUICK, &[("CALLGATE_LIMITS_CONNECTIONS", "8")]].concat())
        .await;
    let mut open = Vec::new();
    // The listener for plain HTTP keeps a place for the next that comes to it.
    for _ in 0..7 {
        open.push(raw::tls(&server).await);
    }
    let (waiting, ()) = tokio::join!(server.user01(), async {
        until("the limit to be told", async || told(&place, "limits.connections")).await;
        open.truncate(3);
    });
    assert_eq!(waiting.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_server_that_may_open_few_files_has_room_for_few_connections_and_gets_over_many() {
    let place = Place::new();
    let settings = [QUICK, &[("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "1")]].concat();
    let server = place.demo_after("ulimit -n 200", &settings).await;
    assert!(told(&place, "limit on open files"), "{}", place.log());
    let client = server.user01().await;
    let crowd = silent(&server, 300).await;
    // Each of them is given up after a second, and then it is the client's turn.
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    drop(crowd);
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
}
