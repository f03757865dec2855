//! `https.linger_seconds`: a server that is about to stop says so and is still there for clients that do not know yet.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::client::TlsStream;

use crate::{
    stop::{DRAIN, GET, PING, begin_call, demo, ends_at_term, kept_alive, next_frame, no_longer_accepts, until_frame},
    support::{
        client::Client,
        place::Place,
        poll, raw,
        server::{Server, free_address},
    },
};

/// Connections are accepted for an hour. A test ends this by a second signal.
const ANNOUNCED: (&str, &str) = ("CALLGATE_HTTPS_LINGER_SECONDS", "3600");
const PLAIN_READY: &str = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Sends the signal and waits until the server announces its stop.
async fn announces_its_stop(server: &Server) -> Client {
    let client = server.client();
    assert_eq!(client.get("/readyz").await.status, 200);
    server.signal("TERM");
    let is_not_ready = async || client.get("/readyz").await.status == 503;
    poll::until("the server to be not ready", is_not_ready).await;
    client
}

/// Opens an HTTP/2 connection and sends the preface.
async fn http2(server: &Server) -> TlsStream<TcpStream> {
    let mut stream = server.client().connect("h2").await;
    stream.write_all(&raw::http2_preface()).await.unwrap();
    stream
}

/// A call of `notauth_func` over HTTP/2.
fn call(stream: u32) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/api/notauth_func"),
        (":authority", "localhost"),
        ("content-type", "application/json"),
    ];
    raw::http2_request(stream, &headers, b"{}")
}

/// The last stream that GOAWAY promises to answer (RFC 9113, section 6.8).
fn last_stream(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

#[tokio::test]
async fn a_server_that_announces_its_stop_is_not_ready_and_serves_new_connections() {
    let mut server = demo(&[ANNOUNCED, DRAIN]).await;
    let client = announces_its_stop(&server).await;
    let reply = client.get("/readyz").await;
    assert_eq!(reply.body, "not ready: the server is stopping\n");
    let plain = raw::exchange_plain(&server, PLAIN_READY).await;
    assert_eq!(raw::status(&plain), 503, "{plain}");
    assert_eq!(client.get("/livez").await.status, 200);

    let reply = client.json("/api/notauth_func", "{}").await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    let reply = client
        .request("POST", "/api/notauth_func")
        .json("{}")
        .http2()
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    let redirect = raw::exchange_plain(&server, GET).await;
    assert_eq!(raw::status(&redirect), 308, "{redirect}");

    server.signal("TERM");
    no_longer_accepts(&server).await;
    assert!(TcpStream::connect(server.http).await.is_err());
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_call_that_runs_at_the_signal_and_one_that_begins_after_it_are_answered() {
    let mut server = demo(&[ANNOUNCED, DRAIN]).await;
    let before = begin_call(&server).await;
    announces_its_stop(&server).await;
    let after = begin_call(&server).await;
    server.signal("TERM");
    no_longer_accepts(&server).await;
    for mut call in [before, after] {
        call.write_all(br#"{"a":1}"#).await.unwrap();
        let answer = raw::read_to_close(&mut call).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        assert!(answer.contains("user_id=user01"), "{answer}");
    }
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_kept_http_1_connection_learns_with_its_next_response_that_it_is_the_last() {
    let server = demo(&[ANNOUNCED, DRAIN]).await;
    let mut kept = kept_alive(&server).await;
    let mut plain = TcpStream::connect(server.http).await.unwrap();
    plain.write_all(GET).await.unwrap();
    raw::read_until(&mut plain, "\r\n\r\n").await;
    announces_its_stop(&server).await;
    kept.write_all(GET).await.unwrap();
    plain.write_all(GET).await.unwrap();
    for (status, answer) in [
        (200, raw::read_to_close(&mut kept).await),
        (308, raw::read_to_close(&mut plain).await),
    ] {
        assert_eq!(raw::status(&answer), status, "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    // It was closed although the server does not end its connections yet.
    assert_eq!(server.client().get("/readyz").await.status, 503);
    ends_at_term(server).await;
}

#[tokio::test]
async fn an_http_2_connection_gets_goaway_and_its_running_call_is_answered() {
    let server = demo(&[ANNOUNCED, DRAIN]).await;
    let mut stream = http2(&server).await;
    let request = call(1);
    // All but the last frame, which ends the body.
    let (begun, end) = request.split_at(request.len() - 11);
    stream.write_all(begun).await.unwrap();
    // The PING was sent after the call: its answer shows that the server has the call.
    stream.write_all(&raw::frame(PING, 0, 0, &[0; 8])).await.unwrap();
    until_frame(&mut stream, PING).await;
    announces_its_stop(&server).await;
    until_frame(&mut stream, raw::GOAWAY).await;
    stream.write_all(end).await.unwrap();
    let answer = until_frame(&mut stream, raw::DATA).await;
    assert!(String::from_utf8_lossy(&answer).contains("notauth_func"), "{answer:?}");
    assert_eq!(server.client().get("/readyz").await.status, 503);
    drop(stream);
    ends_at_term(server).await;
}

/// If GOAWAY came at once, a client that connects again to this server could not send anything.
#[tokio::test]
async fn an_http_2_connection_without_a_request_gets_goaway_with_its_first_one() {
    let server = demo(&[ANNOUNCED, DRAIN]).await;
    let old = http2(&server).await;
    announces_its_stop(&server).await;
    let new = http2(&server).await;
    for mut stream in [old, new] {
        stream.write_all(&raw::frame(PING, 0, 0, &[0; 8])).await.unwrap();
        loop {
            let (kind, _) = next_frame(&mut stream).await;
            assert_ne!(kind, raw::GOAWAY, "before the first request");
            if kind == PING {
                break;
            }
        }
        stream.write_all(&call(1)).await.unwrap();
        let (mut is_answered, mut goaways) = (false, Vec::new());
        while !is_answered || goaways.is_empty() {
            let (kind, payload) = next_frame(&mut stream).await;
            is_answered |= kind == raw::DATA && String::from_utf8_lossy(&payload).contains("notauth_func");
            if kind == raw::GOAWAY {
                goaways.push(last_stream(&payload));
            }
        }
        // A request that crosses GOAWAY on its way is answered, too.
        assert!(goaways[0] > 1, "{goaways:?}");
        assert_eq!(server.client().get("/readyz").await.status, 503);
    }
    ends_at_term(server).await;
}

#[tokio::test]
async fn a_second_signal_ends_the_time_of_announcement_and_a_third_one_ends_running_calls() {
    let server = demo(&[ANNOUNCED, DRAIN]).await;
    let _stuck = begin_call(&server).await;
    announces_its_stop(&server).await;
    server.signal("TERM");
    no_longer_accepts(&server).await;
    ends_at_term(server).await;
}

#[tokio::test]
async fn a_server_that_announced_its_stop_stops_by_itself_and_not_before() {
    let mut server = demo(&[("CALLGATE_HTTPS_LINGER_SECONDS", "1"), DRAIN]).await;
    let asked = Instant::now();
    server.signal("TERM");
    no_longer_accepts(&server).await;
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(server.ended().await.success());
}

/// The next server accepts what comes in.
#[tokio::test]
async fn a_server_on_inherited_sockets_leaves_them_to_the_next_one_at_once() {
    let place = Place::new();
    let [https, http] = [(); 2].map(|()| TcpListener::bind(free_address()).unwrap());
    let mut server = place.demo_on([&https, &http], &[ANNOUNCED, DRAIN]).await;
    let is_warned = |line: &str| line.contains("WARN") && line.contains("https.linger_seconds has no effect");
    assert!(place.log().lines().any(is_warned), "{}", place.log());
    server.signal("TERM");
    assert!(server.ended().await.success());
    let silent = place.demo_on([&https, &http], &[]).await;
    assert_eq!(place.log().lines().filter(|line| is_warned(line)).count(), 1);
    ends_at_term(silent).await;
}
