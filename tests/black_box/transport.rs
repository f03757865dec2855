//! The listeners: TLS, plain HTTP that leads to it, and waits that end.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion, pki_types::ServerName, version};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    client::SESSION,
    poll::within,
    raw,
    server::{Place, QUICK, Server, trusting},
};

/// How much longer than its limit a wait may take on a busy machine.
const SOON: Duration = Duration::from_secs(8);

async fn plain(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    raw::read_to_close(&mut stream).await
}

async fn impatient(variables: &[(&str, &str)]) -> Server {
    let all: Vec<_> = QUICK.iter().chain(variables).copied().collect();
    Place::new().demo(&all).await
}

/// Waits until the server closes, and says how long that took.
async fn closed(stream: &mut (impl tokio::io::AsyncRead + Unpin), began: Instant) -> Duration {
    raw::read_to_close(stream).await;
    began.elapsed()
}

fn took_about(took: Duration, limit: Duration) {
    assert!(took >= limit.mul_f32(0.7), "too soon: {took:?}");
    assert!(took < limit + SOON, "too late: {took:?}");
}

/// security check 3
#[tokio::test]
async fn plain_http_leads_pages_to_https() {
    let server = Server::demo().await;
    let origin = format!("https://localhost:{}", server.https.port());
    for (target, leads_to) in [
        ("/", "/"),
        ("/functions/auth_func?a=b", "/functions/auth_func?a=b"),
        ("/nothing", "/nothing"),
        ("//evil.example/x", "//evil.example/x"),
        ("http://evil.example/login", "/login"),
    ] {
        for method in ["GET", "HEAD"] {
            for host in ["localhost", "evil.example"] {
                let answer = plain(
                    &server,
                    &format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"),
                )
                .await;
                assert_eq!(raw::status(&answer), 308, "{target}: {answer}");
                let lower = answer.to_ascii_lowercase();
                assert!(
                    lower.contains(&format!("\r\nlocation: {origin}{leads_to}\r\n")),
                    "{answer}"
                );
                assert!(!lower.contains("strict-transport-security"), "{answer}");
                assert!(!lower.contains("set-cookie"), "{answer}");
            }
        }
    }
}

/// security check 3
#[tokio::test]
async fn plain_http_refuses_calls_unread_and_never_redirects_them() {
    let server = Server::demo().await;
    let session = server.user01().await.session();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    for (method, path, kind, body) in [
        ("POST", "/api/login", "application/json", login),
        ("POST", "/api/auth_func", "application/json", "{}"),
        ("POST", "/api/notauth_func", "application/json", "{}"),
        ("POST", "/api/logout", "application/json", "{}"),
        ("GET", "/api/auth_func", "application/json", ""),
        ("GET", "/api/", "text/plain", ""),
        (
            "POST",
            "/login",
            "application/x-www-form-urlencoded",
            "user_id=user01&password=user_01",
        ),
        (
            "POST",
            "/functions/auth_func",
            "application/x-www-form-urlencoded",
            "arguments={}",
        ),
        ("POST", "/logout", "application/x-www-form-urlencoded", ""),
        ("PUT", "/", "text/plain", ""),
    ] {
        let answer = plain(
            &server,
            &format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {SESSION}={session}\r\n\
                 Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        )
        .await;
        assert_eq!(raw::status(&answer), 403, "{method} {path}: {answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("content-type: application/json"), "{answer}");
        assert!(answer.contains(r#""code":"https_required""#), "{answer}");
        assert!(!lower.contains("strict-transport-security"), "{answer}");
        assert!(
            !lower.contains("\r\nlocation:") && !lower.contains("set-cookie"),
            "{answer}"
        );
    }
    // Refused before a body is sent at all.
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    stream
        .write_all(b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(raw::status(&raw::read_until(&mut stream, "https_required").await), 403);
    let mut database = server.place.database().await;
    assert_eq!(database.count("sessions").await, 1);
}

/// security check 3: who speaks HTTP/2 without asking finds the same listener
#[tokio::test]
async fn plain_http_2_is_refused_and_led_alike() {
    let server = Server::quick_demo().await;
    let authority = format!("localhost:{}", server.http.port());
    let origin = format!("https://localhost:{}", server.https.port());
    let login = br#"{"user_id":"user01","password":"user_01"}"#;
    let mut database = server.place.database().await;
    for (method, path, body, said) in [
        ("POST", "/api/login", &login[..], "https_required"),
        ("POST", "/login", b"user_id=user01&password=user_01", "https_required"),
        ("GET", "/api/auth_func", b"", "https_required"),
    ] {
        let headers = [
            (":method", method),
            (":scheme", "http"),
            (":authority", &authority),
            (":path", path),
            ("content-type", "application/json"),
        ];
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        stream.write_all(&raw::http2_preface()).await.unwrap();
        stream.write_all(&raw::http2_request(1, &headers, body)).await.unwrap();
        let answer = raw::read_until(&mut stream, said).await;
        assert!(!answer.contains(&origin), "{answer}");
    }
    assert_eq!(database.count("sessions").await, 0);
}

/// What a TLS client says first, with other compression methods (RFC 3749: 1 is DEFLATE) than the one it has, none.
fn hello_with_compression(server: &Server, methods: &[u8]) -> Vec<u8> {
    let config = Arc::new(trusting(&server.place.data(), Some(&[&version::TLS12])));
    let mut client = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    // Record (5), message (4), version (2), random (32), session, suites.
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    assert_eq!(hello[at..at + 2], [1, 0]);
    let mut list = vec![u8::try_from(methods.len()).unwrap()];
    list.extend(methods);
    hello.splice(at..at + 2, list);
    let length = hello.len();
    hello[3..5].copy_from_slice(&u16::try_from(length - 5).unwrap().to_be_bytes());
    hello[7..9].copy_from_slice(&u16::try_from(length - 9).unwrap().to_be_bytes());
    hello
}

/// security check 2: what a scanner without compression of its own cannot see
#[tokio::test]
async fn tls_is_never_compressed() {
    let server = Server::quick_demo().await;
    for (methods, chosen) in [(&[0][..], Some(0)), (&[1, 0], Some(0)), (&[1], None)] {
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        stream
            .write_all(&hello_with_compression(&server, methods))
            .await
            .unwrap();
        let mut answer = [0; 200];
        let first = within("an answer", stream.read(&mut answer)).await.unwrap();
        match chosen {
            // Record (5), message (4), version (2), random (32), session, suite (2).
            Some(method) => {
                assert_eq!(answer[0], 0x16, "a ServerHello, not {:?}", &answer[..first]);
                let session = 5 + 4 + 2 + 32;
                let at = session + 1 + usize::from(answer[session]) + 2;
                assert!(first > at);
                assert_eq!(answer[at], method, "{methods:?}");
            }
            None => assert_eq!(answer[0], 0x15, "an alert, not {:?}", &answer[..first]),
        }
    }
}

/// What comes before the handshake is done could be sent again by anybody (RFC 8446, section 8).
#[tokio::test]
async fn nothing_is_taken_before_a_handshake_is_done() {
    let server = Server::quick_demo().await;
    let mut config = trusting(&server.place.data(), None);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let name = || ServerName::try_from("localhost").unwrap();
    // The first connection gets the tickets with which a second could be early.
    let stream = TcpStream::connect(server.https).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(&config));
    let mut stream = within("a handshake", connector.connect(name(), stream)).await.unwrap();
    stream
        .write_all(b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    raw::read_to_close(&mut stream).await;
    let mut second = ClientConnection::new(Arc::clone(&config), name()).unwrap();
    assert!(second.early_data().is_none());
    let stream = TcpStream::connect(server.https).await.unwrap();
    let stream = within("a handshake", connector.connect(name(), stream)).await.unwrap();
    // It does resume: there was a ticket, only not for being early.
    assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
}

/// security check 1, without a scanner
#[tokio::test]
async fn tls_1_3_is_preferred_and_1_2_is_still_spoken() {
    let server = Server::demo().await;
    let data = server.place.data();
    for (versions, spoken) in [
        (vec![&version::TLS13, &version::TLS12], ProtocolVersion::TLSv1_3),
        (vec![&version::TLS13], ProtocolVersion::TLSv1_3),
        (vec![&version::TLS12], ProtocolVersion::TLSv1_2),
    ] {
        let mut stream = raw::tls_as(&server, trusting(&data, Some(&versions))).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        stream
            .write_all(b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(raw::status(&raw::read_to_close(&mut stream).await), 200);
    }
}

/// security check 1: a greeting of TLS 1.1 gets an alert and nothing else
#[tokio::test]
async fn older_tls_is_refused() {
    let server = Server::demo().await;
    for minor in [0x00_u8, 0x01, 0x02] {
        let mut hello = vec![0x03, minor];
        hello.extend([7; 32]);
        hello.push(0);
        // Suites of that time, also with forward secrecy.
        hello.extend([0x00, 0x08, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f, 0x00, 0x35]);
        hello.extend([0x01, 0x00]);
        let mut message = vec![0x01, 0x00];
        message.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
        message.extend(hello);
        let mut record = vec![0x16, 0x03, minor];
        record.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        record.extend(message);
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let _ = within("an alert", stream.read_to_end(&mut answer)).await;
        assert_eq!(answer.first(), Some(&0x15), "an alert, not {answer:?}");
    }
}

#[tokio::test]
async fn the_certificate_of_one_installation_is_not_trusted_by_clients_of_another() {
    let (server, other) = (Server::quick_demo().await, Server::quick_demo().await);
    let refused = raw::tls_as(&server, trusting(&other.place.data(), None)).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// security check 5
#[tokio::test]
async fn a_handshake_that_does_not_come_to_its_end_is_given_up() {
    let server = impatient(&[("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "3")]).await;
    let limit = Duration::from_secs(3);
    let half_a_hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    for sent in [&b""[..], &half_a_hello] {
        let began = Instant::now();
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        stream.write_all(sent).await.unwrap();
        took_about(closed(&mut stream, began).await, limit);
    }
    // Garbage and plain HTTP are told at once.
    for sent in [&[0xff; 600][..], b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
        let began = Instant::now();
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        stream.write_all(sent).await.unwrap();
        assert!(closed(&mut stream, began).await < SOON);
    }
    assert_eq!(server.client().get("/").await.status, 200);
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}

/// security check 5, with the default settings
#[tokio::test]
async fn a_silent_connection_is_given_up_within_ten_seconds_and_others_are_served_meanwhile() {
    let server = Server::demo().await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(server.https).await.unwrap();
    assert_eq!(server.client().get("/").await.status, 200);
    assert!(closed(&mut silent, began).await < Duration::from_secs(10));
}

/// security check 98, a sample
#[tokio::test]
async fn the_head_of_a_request_must_come_in_time_also_drop_by_drop() {
    let server = impatient(&[("CALLGATE_HTTPS_HEADER_SECONDS", "1")]).await;
    let limit = Duration::from_secs(1);
    // Nothing after the handshake.
    let began = Instant::now();
    let mut stream = raw::tls(&server).await;
    took_about(closed(&mut stream, began).await, limit);
    // Half a head.
    let began = Instant::now();
    let mut stream = raw::tls(&server).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: local").await.unwrap();
    took_about(closed(&mut stream, began).await, limit);
    // A head that goes on and on, which keeps every idle timer happy.
    for start in ["GET / HTTP/1.1\r\n", ""] {
        let began = Instant::now();
        let (mut reading, mut writing) = tokio::io::split(raw::tls(&server).await);
        let drip = async {
            let _ = writing.write_all(start.as_bytes()).await;
            while writing.write_all(b"x").await.is_ok() && writing.flush().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await; // poll
            }
        };
        tokio::select! {
            took = closed(&mut reading, began) => took_about(took, limit),
            () = drip => took_about(began.elapsed(), limit),
        }
    }
    // The same on the plain listener.
    let began = Instant::now();
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    took_about(closed(&mut stream, began).await, limit);
}

/// security check 98, a sample
#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    let server = impatient(&[("CALLGATE_HTTPS_BODY_SECONDS", "1")]).await;
    let session = server.user01().await.session();
    for name in ["notauth_func", "auth_func", "login"] {
        for length in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
            let began = Instant::now();
            let mut stream = raw::tls(&server).await;
            let head = format!(
                "POST /api/{name} HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={session}\r\n\
                 Content-Type: application/json\r\n{length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let answer = raw::read_until(&mut stream, "body_too_slow").await;
            assert_eq!(raw::status(&answer), 408, "{answer}");
            took_about(began.elapsed(), Duration::from_secs(1));
        }
    }
}

/// security check 98, a sample
#[tokio::test]
async fn a_connection_that_is_silent_between_two_requests_is_closed() {
    let server = impatient(&[
        ("CALLGATE_HTTPS_IDLE_SECONDS", "3"),
        ("CALLGATE_HTTPS_HEADER_SECONDS", "20"),
        ("CALLGATE_HTTPS_BODY_SECONDS", "20"),
    ])
    .await;
    let limit = Duration::from_secs(3);
    let get = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = raw::tls(&server).await;
    // Before what is sent last: the silence begins somewhere between that and the answer.
    let mut began = Instant::now();
    for _ in 0..2 {
        began = Instant::now();
        stream.write_all(get).await.unwrap();
        raw::read_until(&mut stream, "<svg/>").await;
    }
    took_about(closed(&mut stream, began).await, limit);
    // One that breaks off in the middle of a body.
    let began = Instant::now();
    let mut stream = raw::tls(&server).await;
    stream
        .write_all(b"POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        .await
        .unwrap();
    took_about(closed(&mut stream, began).await, limit);
    // An HTTP/2 connection, which no limit of HTTP/1.1 ends.
    let mut config = trusting(&server.place.data(), None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let mut stream = raw::tls_as(&server, config).await.unwrap();
    let began = Instant::now();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    took_about(closed(&mut stream, began).await, limit);
}

/// security check 99, a sample
#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let server = Server::demo().await;
    let many = "X-A: b\r\n".repeat(200);
    let long = format!("X-A: {}\r\n", "b".repeat(64 * 1024));
    for (headers, may_be_cut_off) in [(many, false), (long, true)] {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        let answer = raw::exchange(&server, request).await;
        // Who is still sending when the connection closes may find it broken before having read anything.
        let is_cut_off = may_be_cut_off && answer.is_empty();
        assert!(is_cut_off || raw::status(&answer) == 431, "{answer}");
    }
    assert_eq!(server.client().get("/").await.status, 200);
}
