//! Shutdown: running calls are finished, and the server waits for nothing else.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::support::{
    client::SESSION,
    place::Place,
    poll::{self, within},
    raw,
    server::Server,
};

const GRACE: (&str, &str) = ("CALLGATE_HTTPS_FAREWELL_MS", "3600000");
pub const DRAIN: (&str, &str) = ("CALLGATE_HTTPS_DRAIN_SECONDS", "3600");
/// The timeouts of a silent connection. A server that waited for one of them would hang.
pub const SILENCE: [(&str, &str); 4] = [
    ("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "3600"),
    ("CALLGATE_HTTPS_HEADER_SECONDS", "3600"),
    ("CALLGATE_HTTPS_BODY_SECONDS", "3600"),
    ("CALLGATE_HTTPS_IDLE_SECONDS", "3600"),
];

/// A type of HTTP/2 frames.
pub const PING: u8 = 6;
pub const GET: &[u8] = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A demo where silence is allowed for an hour.
pub async fn demo(more: &[(&str, &str)]) -> Server {
    Place::new().demo(&[&SILENCE, more].concat()).await
}

/// Sends the head of a call without its body. The call is running once the server asks for the body.
pub async fn begin_call(server: &Server) -> TlsStream<TcpStream> {
    let user = server.user01().await;
    let (name, session) = (user.cookie_name(SESSION), user.session());
    let mut stream = raw::tls(server).await;
    let head = format!(
        "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={session}\r\n\
         Content-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let asked = raw::read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(raw::status(&asked), 100, "{asked}");
    stream
}

/// A connection that stays open after an answer.
pub async fn kept_alive(server: &Server) -> TlsStream<TcpStream> {
    let mut stream = raw::tls(server).await;
    stream.write_all(GET).await.unwrap();
    let first = raw::read_until(&mut stream, "<svg/>").await;
    assert!(!first.to_lowercase().contains("connection: close"), "{first}");
    stream
}

pub async fn no_longer_accepts(server: &Server) {
    let is_refused = async || TcpStream::connect(server.https).await.is_err();
    poll::until("new connections to be refused", is_refused).await;
}

pub async fn ends_at_term(mut server: Server) {
    server.signal("TERM");
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_running_call_is_answered_before_the_server_stops() {
    for signal in ["TERM", "INT"] {
        let mut server = demo(&[DRAIN]).await;
        let mut call = begin_call(&server).await;
        server.signal(signal);
        no_longer_accepts(&server).await;
        call.write_all(br#"{"a":1}"#).await.unwrap();
        let answer = raw::read_to_close(&mut call).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        assert!(answer.contains("user_id=user01"), "{answer}");
        assert!(server.ended().await.success());
    }
}

/// Process 1 of a container gets only the signals that it handles.
#[tokio::test]
async fn a_signal_that_comes_before_the_server_is_ready_ends_it_in_order() {
    for signal in ["TERM", "INT"] {
        let place = demo(&[]).await.stop().await;
        // The server waits for this lock while it starts.
        let lock = File::options()
            .append(true)
            .open(place.data().join("callgate.lock"))
            .unwrap();
        lock.lock().unwrap();
        let mut server = Server::begin(&place, &["--demo"]);
        let listens = async || TcpStream::connect(server.https).await.is_ok();
        poll::until("it to listen", listens).await;
        server.signal("HUP");
        server.signal(signal);
        assert!(server.ended().await.success(), "{signal}: {}", place.log());
        assert!(place.log().contains("not ready yet"), "{}", place.log());
    }
}

#[tokio::test]
async fn a_server_without_connections_stops_at_once_as_soon_as_it_is_ready() {
    for _ in 0..4 {
        ends_at_term(demo(&[GRACE, DRAIN]).await).await;
    }
    let server = demo(&[GRACE, DRAIN]).await;
    server.client().get("/favicon.svg").await;
    ends_at_term(server).await;
}

#[tokio::test]
async fn connections_that_are_open_and_silent_do_not_hold_up_the_stop() {
    let server = demo(&[DRAIN]).await;
    let _silent_tcp = TcpStream::connect(server.https).await.unwrap();
    let _silent_plain = TcpStream::connect(server.http).await.unwrap();
    let _silent_tls = raw::tls(&server).await;
    let _kept_alive = kept_alive(&server).await;
    ends_at_term(server).await;
}

#[tokio::test]
async fn a_call_that_never_ends_is_waited_for_only_as_long_as_the_settings_say() {
    let server = demo(&[("CALLGATE_HTTPS_DRAIN_SECONDS", "1")]).await;
    let _stuck = begin_call(&server).await;
    let asked = Instant::now();
    ends_at_term(server).await;
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    for limits in [&[GRACE, DRAIN][..], &[DRAIN]] {
        let server = demo(limits).await;
        let _stuck = begin_call(&server).await;
        server.signal("TERM");
        no_longer_accepts(&server).await;
        ends_at_term(server).await;
    }
}

#[tokio::test]
async fn a_kept_connection_may_bring_a_last_request_and_learns_that_it_is_the_last() {
    let mut server = demo(&[GRACE, DRAIN]).await;
    let mut plain = TcpStream::connect(server.http).await.unwrap();
    plain.write_all(GET).await.unwrap();
    raw::read_until(&mut plain, "\r\n\r\n").await;
    let mut kept = kept_alive(&server).await;
    // Accepted, but without a complete handshake when the server gets the signal.
    let before = server.open_files("socket:");
    let young = TcpStream::connect(server.https).await.unwrap();
    let is_accepted = async || server.open_files("socket:") > before;
    poll::until("the connection to be accepted", is_accepted).await;
    server.signal("TERM");
    no_longer_accepts(&server).await;
    let mut young = raw::tls_on(&server, young).await.unwrap();
    young.write_all(GET).await.unwrap();
    kept.write_all(GET).await.unwrap();
    plain.write_all(GET).await.unwrap();
    for (status, answer) in [
        (200, raw::read_to_close(&mut young).await),
        (200, raw::read_to_close(&mut kept).await),
        (308, raw::read_to_close(&mut plain).await),
    ] {
        assert_eq!(raw::status(&answer), status, "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    // No connection is left to wait for.
    assert!(server.ended().await.success());
}

/// The type and the payload of the next HTTP/2 frame.
pub async fn next_frame(stream: &mut (impl AsyncRead + Unpin)) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    within("a frame", stream.read_exact(&mut head)).await.unwrap();
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    within("its payload", stream.read_exact(&mut payload)).await.unwrap();
    (head[3], payload)
}

/// The payload of the next HTTP/2 frame of this type.
pub async fn until_frame(stream: &mut (impl AsyncRead + Unpin), kind: u8) -> Vec<u8> {
    loop {
        let (found, payload) = next_frame(stream).await;
        if found == kind {
            return payload;
        }
    }
}

/// takeover.rs tests that no other call fails.
#[tokio::test]
async fn a_running_http_2_call_is_finished_after_goaway() {
    let mut server = demo(&[DRAIN]).await;
    let client = server.user01().await;
    let mut stream = client.connect("h2").await;
    let cookie = format!("{}={}", client.cookie_name(SESSION), client.session());
    let headers = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/api/auth_func"),
        (":authority", "localhost"),
        ("content-type", "application/json"),
        ("cookie", &cookie),
    ];
    // All but the last frame, which ends the body.
    let request = raw::http2_request(1, &headers, b"{}");
    let (begun, end) = request.split_at(request.len() - 11);
    let ping = raw::frame(PING, 0, 0, &[0; 8]);
    let first = [&raw::http2_preface(), begun, &ping].concat();
    stream.write_all(&first).await.unwrap();
    // The PING was sent after the call: its answer shows that the server has the call.
    until_frame(&mut stream, PING).await;
    server.signal("TERM");
    until_frame(&mut stream, raw::GOAWAY).await;
    stream.write_all(end).await.unwrap();
    let answer = String::from_utf8(until_frame(&mut stream, raw::DATA).await).unwrap();
    assert!(answer.contains("user_id=user01"), "{answer}");
    drop(stream);
    assert!(server.ended().await.success());
}

/// The connection is in the accept queue when the server gets the signal.
#[tokio::test]
async fn a_connection_that_is_made_while_the_server_gets_its_signal_is_answered() {
    for round in 0..3 {
        let mut server = demo(&[GRACE, DRAIN]).await;
        server.signal("STOP");
        let waiting = TcpStream::connect(server.https).await.unwrap();
        server.signal("TERM");
        server.signal("CONT");
        let stream = raw::tls_on(&server, waiting).await;
        let mut stream = stream.unwrap_or_else(|error| panic!("round {round}: {error}"));
        stream.write_all(GET).await.unwrap();
        assert_eq!(raw::status(&raw::read_to_close(&mut stream).await), 200);
        assert!(server.ended().await.success());
    }
}
