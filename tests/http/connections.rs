//! More connections than the limits allow.

use std::time::Duration;

use futures::future::join_all;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::{place::Place, poll::until, raw, server::Server};

/// Whether the server has closed a connection that says nothing.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = timeout(Duration::from_millis(100), stream.read(&mut [0])).await;
    matches!(read, Ok(Ok(0) | Err(_)))
}

async fn logged(server: &Server, what: &str) {
    until(what, async || server.place.log().contains(what)).await;
}

const ALL_IN_USE: &str = "connection limit reached (limits.connections)";

#[tokio::test]
async fn connections_beyond_the_limit_wait_while_others_are_open() {
    let server = Place::new().demo(&[("CALLGATE_LIMITS_CONNECTIONS", "8")]).await;
    let mut open = Vec::new();
    // The plain HTTP listener reserves one.
    for _ in 0..7 {
        open.push(raw::tls(&server).await);
    }
    let (waiting, ()) = tokio::join!(server.user01(), async {
        logged(&server, ALL_IN_USE).await;
        open.truncate(3);
    });
    assert_eq!(waiting.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn an_address_has_no_more_connections_than_its_limit_and_takes_none_from_others() {
    let settings = [("CALLGATE_LIMITS_CONNECTIONS_PER_ADDRESS", "3")];
    let server = Place::new().demo(&settings).await;
    let from = async |address: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
        socket.connect(server.https).await.unwrap()
    };
    let mut crowd = Vec::new();
    for _ in 0..3 {
        crowd.push(from("127.0.0.2").await);
    }
    until("one too many to be closed", async || {
        is_closed(&mut from("127.0.0.2").await).await
    })
    .await;
    logged(&server, "limits.connections_per_address").await;
    for stream in &mut crowd {
        assert!(!is_closed(stream).await, "the earlier ones stay");
    }
    let client = server.user01().await;
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    crowd.pop();
    until("the place of one that has gone", async || {
        raw::tls_on(&server, from("127.0.0.2").await).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_server_that_may_open_few_files_accepts_few_connections_and_survives_many() {
    let server = Place::new().demo_after("ulimit -n 200", &[]).await;
    assert!(
        server.place.log().contains("limit on open files"),
        "{}",
        server.place.log()
    );
    let client = server.user01().await;
    // Twice the connection limit of 72. The others fit into the accept queue of 128: more would not be taken while it is full.
    let crowd = join_all((0..190).map(|_| TcpStream::connect(server.https))).await;
    let crowd: Vec<TcpStream> = crowd
        .into_iter()
        .map(|stream| stream.expect("the system takes it"))
        .collect();
    let (user, ()) = tokio::join!(client.who(), async {
        logged(&server, ALL_IN_USE).await;
        drop(crowd);
    });
    assert_eq!(user.as_deref(), Some("user01"));
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
}
