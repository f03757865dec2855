//! Stopping: calls under way are finished, nothing waits for ever. Security check 108.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    client::SESSION,
    poll, raw,
    server::{Place, QUICK, Server},
};

/// Sends the first part of a call whose body is not complete. It is under way once the server asks for the body.
async fn begin_call(server: &Server, session: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut stream = raw::tls(server).await;
    let head = format!(
        "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={session}\r\n\
         Content-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let asked = raw::read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(raw::status(&asked), 100, "{asked}");
    stream
}

async fn no_longer_accepts(server: &Server) {
    poll::until("new connections to be refused", async || {
        TcpStream::connect(server.https).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_stops() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::quick_demo().await;
        let session = server.user01().await.session();
        let mut call = begin_call(&server, &session).await;
        server.signal(signal);
        no_longer_accepts(&server).await;
        call.write_all(br#"{"a":1}"#).await.unwrap();
        let answer = raw::read_to_close(&mut call).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        assert!(answer.contains("user_id=user01"), "{answer}");
        assert!(server.ended().await.success());
    }
}

#[tokio::test]
async fn a_signal_is_heard_as_soon_as_the_server_says_that_it_is_ready() {
    for _ in 0..6 {
        let mut server = Server::quick_demo().await;
        server.signal("TERM");
        let status = server.ended().await;
        assert!(status.success(), "{status}");
    }
}

#[tokio::test]
async fn connections_that_are_open_and_silent_do_not_hold_up_the_stop() {
    let mut server = Server::quick_demo().await;
    let silent_tcp = TcpStream::connect(server.https).await.unwrap();
    let silent_plain = TcpStream::connect(server.http).await.unwrap();
    let silent_tls = raw::tls(&server).await;
    let mut kept_alive = raw::tls(&server).await;
    kept_alive
        .write_all(b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    raw::read_until(&mut kept_alive, "<svg/>").await;
    let asked = Instant::now();
    server.signal("TERM");
    assert!(server.ended().await.success());
    // Far from the 25 s that a call under way gets, and not much more than a handshake may take.
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop((silent_tcp, silent_plain, silent_tls, kept_alive));
}

#[tokio::test]
async fn a_call_that_never_ends_is_waited_for_only_as_long_as_the_settings_say() {
    let place = Place::new();
    let mut variables = QUICK.to_vec();
    variables.push(("CALLGATE_HTTPS_DRAIN_SECONDS", "1"));
    let mut server = place.demo(&variables).await;
    let session = server.user01().await.session();
    let stuck = begin_call(&server, &session).await;
    let asked = Instant::now();
    server.signal("TERM");
    assert!(server.ended().await.success());
    assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop(stuck);
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let mut server = Server::quick_demo().await;
    let session = server.user01().await.session();
    let stuck = begin_call(&server, &session).await;
    let asked = Instant::now();
    server.signal("TERM");
    no_longer_accepts(&server).await;
    server.signal("TERM");
    server.ended().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop(stuck);
}

#[tokio::test]
async fn two_servers_on_one_database_share_sessions_and_one_may_stop() {
    let place = Place::new();
    let (first, second) = (place.demo(QUICK).await, place.demo(QUICK).await);
    let client = first.user01().await;
    let there = client.moved_to(&second.client());
    assert_eq!(there.who().await.as_deref(), Some("user01"));
    first.stop().await;
    assert_eq!(there.who().await.as_deref(), Some("user01"));
    let third = place.demo(QUICK).await;
    assert_eq!(there.json("/api/logout", "{}").await.status, 200);
    assert_eq!(client.moved_to(&third.client()).who().await, None);
}
