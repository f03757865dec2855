//! One server follows another on sockets that a supervisor keeps open: no call fails, and nobody is logged out.

use std::{net::TcpListener, time::Duration};

use crate::{
    caller::{AUTH, Calling, all_are_answered},
    support::{effort::rounds, place::Place, raw, server::free_address},
};

/// Listening sockets that outlive the servers, as a supervisor holds them.
fn sockets() -> [TcpListener; 2] {
    [(); 2].map(|()| TcpListener::bind(free_address()).unwrap())
}

/// Replaces the server again and again while clients call it in each of these ways. For `grace_ms` milliseconds, a kept-alive
/// connection may still bring a last request.
async fn replaced_while_called(ways: &[&'static str], grace_ms: &str) {
    let place = Place::new();
    let [https, http] = sockets();
    let limits = ["FAREWELL_MS", "DRAIN_SECONDS", "HEADER_SECONDS", "IDLE_SECONDS"];
    let names = limits.map(|limit| format!("CALLGATE_HTTPS_{limit}"));
    let mut settings = names.each_ref().map(|name| (name.as_str(), "3600"));
    settings[0].1 = grace_ms;
    let start = || place.demo_on([&https, &http], &settings);
    let mut server = start().await;
    let client = server.user01().await;
    let begin = |way: &&'static str| Calling::begin(client.clone(), AUTH, way, Duration::from_millis(1));
    let callers: Vec<_> = ways.iter().map(begin).collect();
    all_are_answered(&callers).await;
    for _ in 0..rounds(3, 20) {
        let next = start().await;
        server.signal("TERM");
        assert!(server.ended().await.success());
        server = next;
        all_are_answered(&callers).await;
    }
    for calling in callers {
        calling.end().await;
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// The server ends when every connection has made its last request, however slow the client is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_http_1_call_fails_while_servers_follow_one_another() {
    replaced_while_called(&["new", "kept", "new", "kept"], "3600000").await;
}

/// GOAWAY comes after the grace period, and cuts off no call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_http_2_call_fails_while_servers_follow_one_another() {
    replaced_while_called(&["h2", "h2"], "500").await;
}

#[tokio::test]
async fn a_call_that_comes_while_nobody_serves_is_answered_by_the_next_server() {
    let place = Place::new();
    let [https, http] = sockets();
    let server = place.demo_on([&https, &http], &[]).await;
    let client = server.user01().await;
    server.stop().await;
    let (who, next) = tokio::join!(client.who(), place.demo_on([&https, &http], &[]));
    assert_eq!(who.as_deref(), Some("user01"));
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw::status(&raw::exchange_plain(&next, plain).await), 308);
}

#[tokio::test]
async fn a_server_is_ready_at_the_socket_that_was_handed_over() {
    let place = Place::new();
    let [https, http] = sockets();
    let server = place.demo_on([&https, &http], &[]).await;
    let listening = format!("ready at {}", server.client().origin());
    assert!(
        server.announced.ends_with(&format!("{listening}\n")),
        "{}",
        server.announced
    );
    server.stop().await;
    // Whether the public address leads here is up to a proxy.
    let public = [("CALLGATE_SITE_ORIGIN", "https://calls.example")];
    let announced = place.demo_on([&https, &http], &public).await.announced.clone();
    assert!(
        announced.ends_with(&format!("{listening} for https://calls.example\n")),
        "{announced}"
    );
}
