//! More connections than there is room for (security checks 98 and 99).

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpSocket, TcpStream},
    time::timeout,
};

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

/// Whether the server has closed a connection that says nothing.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    let read = timeout(Duration::from_millis(500), stream.read(&mut byte)).await;
    matches!(read, Ok(Ok(0) | Err(_)))
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

/// security check 98, from one host
#[tokio::test]
async fn an_address_has_no_more_connections_than_it_may_have_and_takes_none_from_others() {
    let place = Place::new();
    let settings = [
        ("CALLGATE_LIMITS_CONNECTIONS_PER_ADDRESS", "3"),
        ("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "120"),
    ];
    let server = place.demo(&[QUICK, &settings].concat()).await;
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
    until("the limit to be told", async || {
        told(&place, "limits.connections_per_address")
    })
    .await;
    for stream in &mut crowd {
        assert!(!is_closed(stream).await, "those from before stay");
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
async fn a_server_that_may_open_few_files_has_room_for_few_connections_and_gets_over_many() {
    let place = Place::new();
    let settings = [QUICK, &[("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "4")]].concat();
    let server = place.demo_after("ulimit -n 200", &settings).await;
    assert!(told(&place, "limit on open files"), "{}", place.log());
    let client = server.user01().await;
    // Nearly three times as many as there is room for, and more than the system lets wait.
    let crowd = silent(&server, 210).await;
    // They are given up as many at a time as there is room for, and then it is the client's turn.
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    drop(crowd);
    assert_eq!(client.json("/api/logout", "{}").await.status, 200);
}
