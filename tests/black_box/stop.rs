//! Stopping: calls under way are finished, nothing waits for ever. Security check 108.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request,
    body::{Bytes, Frame},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::oneshot};

use crate::{
    client::SESSION,
    poll::{self, within},
    raw,
    server::{Place, QUICK, Server},
};

/// A farewell that lasts for as long as any connection is open: what is tested in it depends on no clock.
const LONG_FAREWELL: (&str, &str) = ("CALLGATE_HTTPS_FAREWELL_MS", "25000");

const GET: &[u8] = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";

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
    let handshake = ("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "5");
    let mut server = Place::new().demo(&[QUICK, &[handshake]].concat()).await;
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
    // Less than the 25 s that a call under way gets: no longer than a handshake may take, on a slow machine.
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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

#[tokio::test]
async fn a_kept_connection_may_bring_a_last_request_and_is_told_so() {
    let limits = [LONG_FAREWELL, ("CALLGATE_HTTPS_HEADER_SECONDS", "30")];
    let mut server = Place::new().demo(&[QUICK, &limits].concat()).await;
    let mut plain = TcpStream::connect(server.http).await.unwrap();
    plain.write_all(GET).await.unwrap();
    raw::read_until(&mut plain, "\r\n\r\n").await;
    let mut kept = raw::tls(&server).await;
    kept.write_all(GET).await.unwrap();
    let first = raw::read_until(&mut kept, "<svg/>").await;
    assert!(!first.to_lowercase().contains("connection: close"), "{first}");
    // Open, with a handshake that is not yet done when the server is told to stop.
    let before = server.open_files("socket:");
    let young = TcpStream::connect(server.https).await.unwrap();
    poll::until("the connection to be accepted", async || {
        server.open_files("socket:") > before
    })
    .await;
    server.signal("TERM");
    no_longer_accepts(&server).await;
    let mut young = raw::tls_on(&server, young).await.unwrap();
    young.write_all(GET).await.unwrap();
    kept.write_all(GET).await.unwrap();
    plain.write_all(GET).await.unwrap();
    let answers = [
        (200, raw::read_to_close(&mut young).await),
        (200, raw::read_to_close(&mut kept).await),
        (308, raw::read_to_close(&mut plain).await),
    ];
    for (status, answer) in answers {
        assert_eq!(raw::status(&answer), status, "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    let asked = Instant::now();
    assert!(server.ended().await.success());
    // Nobody is left to wait for.
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_server_without_connections_stops_at_once() {
    let mut server = Place::new().demo(&[QUICK, &[LONG_FAREWELL]].concat()).await;
    server.client().get("/favicon.svg").await;
    let asked = Instant::now();
    server.signal("TERM");
    assert!(server.ended().await.success());
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn an_http_2_connection_is_told_to_go_away_and_its_calls_are_finished() {
    let mut server = Server::quick_demo().await;
    let client = server.user01().await;
    let io = TokioIo::new(client.connect("h2").await);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let call = |body: BoxBody<Bytes, Infallible>| {
        Request::post(format!("https://{}/api/auth_func", client.host()))
            .header("content-type", "application/json")
            .header("cookie", format!("{SESSION}={}", client.session()))
            .body(body)
            .unwrap()
    };
    let whole = || call(Full::from("{}").boxed());
    let (finish, finished) = oneshot::channel::<()>();
    let body = stream::once(async move {
        finished.await.unwrap();
        Ok(Frame::data(Bytes::from("{}")))
    });
    let slow = tokio::spawn(sender.send_request(call(BoxBody::new(StreamBody::new(body)))));
    // What is answered was sent after it: the server knows of both.
    let answer = within("an answer", sender.send_request(whole())).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
    server.signal("TERM");
    // Until GOAWAY is there, calls are taken, and answered; after it, none is even sent.
    poll::until("GOAWAY", async || match sender.try_send_request(whole()).await {
        Ok(answer) => {
            assert_eq!(answer.status(), 200);
            false
        }
        Err(mut error) => {
            assert!(error.take_message().is_some(), "sent and not answered: {error:?}");
            true
        }
    })
    .await;
    assert!(!slow.is_finished());
    finish.send(()).unwrap();
    let answer = within("the answer", slow).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
    within("the connection to end", connection).await.unwrap().unwrap();
    assert!(server.ended().await.success());
}
