//! The listeners: TLS, plain HTTP that redirects to it, and timeouts.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion, pki_types::ServerName, version};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    headers::check_raw,
    support::{
        client::SESSION,
        place::Place,
        poll::{until, within},
        raw,
        server::{Server, trusting},
    },
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const GET_FILE: &[u8] = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
const GET_FILE_AND_CLOSE: &[u8] = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn plain(server: &Server) -> TcpStream {
    TcpStream::connect(server.http).await.unwrap()
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    raw::read_to_close(&mut stream).await
}

#[tokio::test]
async fn plain_http_redirects_pages_to_https() {
    let server = Server::shared();
    let origin = format!("https://localhost:{}", server.https.port());
    for (target, path) in [
        ("/", "/"),
        ("/functions/auth_func?a=b", "/functions/auth_func?a=b"),
        ("/nothing", "/nothing"),
        ("//evil.example/x", "//evil.example/x"),
        ("http://evil.example/login", "/login"),
    ] {
        for start in [format!("GET {target}"), format!("HEAD {target}")] {
            for host in ["localhost", "evil.example"] {
                let request = format!("{start} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
                let answer = exchange(plain(&server).await, request.as_bytes()).await;
                assert_eq!(raw::status(&answer), 308, "{start}: {answer}");
                let lower = answer.to_ascii_lowercase();
                assert!(lower.contains(&format!("\r\nlocation: {origin}{path}\r\n")), "{answer}");
                let is_clean = !lower.contains("strict-transport-security") && !lower.contains("set-cookie");
                assert!(is_clean, "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn plain_http_refuses_calls_unread_and_never_redirects_them() {
    let server = Server::shared();
    let user = server.user01().await;
    let cookie = format!("{}={}", user.cookie_name(SESSION), user.session());
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    for (method, path, kind, body) in [
        ("POST", "/api/login", JSON, login),
        ("POST", "/api/auth_func", JSON, "{}"),
        ("POST", "/api/notauth_func", JSON, "{}"),
        ("POST", "/api/logout", JSON, "{}"),
        ("GET", "/api/auth_func", JSON, ""),
        ("GET", "/api/", "text/plain", ""),
        ("POST", "/login", FORM, "user_id=user01&password=user_01"),
        ("POST", "/functions/auth_func", FORM, "arguments={}"),
        ("POST", "/logout", FORM, ""),
        ("PUT", "/", "text/plain", ""),
    ] {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(plain(&server).await, request.as_bytes()).await;
        assert_eq!(raw::status(&answer), 403, "{method} {path}: {answer}");
        assert!(answer.contains(r#""code":"https_required""#), "{answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("content-type: application/json"), "{answer}");
        for header in ["strict-transport-security", "\r\nlocation:", "set-cookie"] {
            assert!(!lower.contains(header), "{answer}");
        }
    }
    // Refused before a body is sent at all.
    let mut stream = plain(&server).await;
    let head = b"POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n";
    stream.write_all(head).await.unwrap();
    assert_eq!(raw::status(&raw::read_until(&mut stream, "https_required").await), 403);
    // Over HTTP/2 as well.
    let authority = format!("localhost:{}", server.http.port());
    for (method, path, body) in [
        ("POST", "/api/login", login),
        ("POST", "/login", "user_id=user01&password=user_01"),
        ("GET", "/api/auth_func", ""),
    ] {
        let mut headers = vec![(":method", method), (":scheme", "http"), (":authority", &authority)];
        headers.extend([(":path", path), ("content-type", JSON)]);
        let mut stream = plain(&server).await;
        let request = raw::http2_request(1, &headers, body.as_bytes());
        let sent = [raw::http2_preface(), request].concat();
        stream.write_all(&sent).await.unwrap();
        let answer = raw::read_until(&mut stream, "https_required").await;
        assert!(!answer.contains("https://localhost"), "{answer}");
    }
    assert_eq!(user.who().await.as_deref(), Some("user01"), "nothing logged out");
}

/// What a TLS client sends first, with other compression methods (RFC 3749: 1 is DEFLATE) than the one it has, none.
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

/// A scanner without compression of its own cannot see this.
#[tokio::test]
async fn tls_is_never_compressed() {
    let server = Server::shared();
    for (methods, chosen) in [(&[0][..], Some(0)), (&[1, 0], Some(0)), (&[1], None)] {
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        let hello = hello_with_compression(&server, methods);
        stream.write_all(&hello).await.unwrap();
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

/// Early data could be sent again by anybody (RFC 8446, section 8).
#[tokio::test]
async fn sessions_are_resumed_without_early_data() {
    let server = Server::shared();
    let mut config = trusting(&server.place.data(), None);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let name = || ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::clone(&config));
    let connect = async || {
        let stream = TcpStream::connect(server.https).await.unwrap();
        within("a handshake", connector.connect(name(), stream)).await.unwrap()
    };
    // The first connection gets the tickets with which a second could be early.
    exchange(connect().await, GET_FILE_AND_CLOSE).await;
    let mut second = ClientConnection::new(Arc::clone(&config), name()).unwrap();
    assert!(second.early_data().is_none());
    let stream = connect().await;
    assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn tls_1_3_is_preferred_and_1_2_is_still_spoken() {
    let server = Server::shared();
    for (versions, spoken) in [
        (&[&version::TLS13, &version::TLS12][..], ProtocolVersion::TLSv1_3),
        (&[&version::TLS13], ProtocolVersion::TLSv1_3),
        (&[&version::TLS12], ProtocolVersion::TLSv1_2),
    ] {
        let config = trusting(&server.place.data(), Some(versions));
        let stream = raw::tls_as(&server, config).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
        assert_eq!(raw::status(&exchange(stream, GET_FILE_AND_CLOSE).await), 200);
    }
}

#[tokio::test]
async fn older_tls_and_what_is_not_tls_get_an_alert() {
    let server = Server::shared();
    let mut all = vec![vec![0xff; 600], GET_FILE.to_vec()];
    for minor in [0x00_u8, 0x01, 0x02] {
        let mut hello = vec![0x03, minor];
        hello.extend([7; 32]);
        hello.push(0);
        // Suites of that time, also with forward secrecy.
        hello.extend([0x00, 0x08, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x2f, 0x00, 0x35]);
        hello.extend([0x01, 0x00]);
        let mut record = vec![0x16, 0x03, minor];
        record.extend(u16::try_from(hello.len() + 4).unwrap().to_be_bytes());
        record.extend([0x01, 0x00]);
        record.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
        record.extend(hello);
        all.push(record);
    }
    for sent in all {
        let mut stream = TcpStream::connect(server.https).await.unwrap();
        stream.write_all(&sent).await.unwrap();
        let mut answer = Vec::new();
        let _ = within("an alert", stream.read_to_end(&mut answer)).await;
        assert_eq!(answer.first(), Some(&0x15), "an alert, not {answer:?} to {sent:?}");
    }
}

#[tokio::test]
async fn the_certificate_of_one_installation_is_not_trusted_by_clients_of_another() {
    let (server, other) = (Server::shared(), Place::new());
    other.done(&["cert", "--certs", "data/certs"], "").await;
    let refused = raw::tls_as(&server, trusting(&other.data(), None)).await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// Connects, sends something at first and then drop by drop, until the server closes, which must not be before its limit.
/// Gives what it answered.
async fn closed_after<S>(seconds: u64, connect: impl Future<Output = S>, first: &[u8], drop: &[u8]) -> String
where
    S: AsyncRead + AsyncWrite,
{
    let began = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(connect.await);
    let dripping = async {
        let _ = writing.write_all(first).await;
        while !drop.is_empty() && writing.write_all(drop).await.is_ok() && writing.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await; // poll
        }
    };
    let (answer, ()) = tokio::join!(raw::read_to_close(&mut reading), dripping);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(seconds), "closed after {took:?}: {answer}");
    answer
}

#[tokio::test]
async fn a_handshake_without_an_end_is_given_up_and_others_are_served_meanwhile() {
    let server = Place::new().demo(&[("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "2")]).await;
    let connect = async || TcpStream::connect(server.https).await.unwrap();
    let mut other = None;
    until("a handshake in time", async || {
        other = raw::tls_as(&server, trusting(&server.place.data(), None)).await.ok();
        other.is_some()
    })
    .await;
    let half_a_hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    let (_, _, answer) = tokio::join!(
        closed_after(2, connect(), b"", b""),
        closed_after(2, connect(), &half_a_hello, b""),
        exchange(other.unwrap(), GET_FILE_AND_CLOSE),
    );
    assert_eq!(raw::status(&answer), 200);
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}

#[tokio::test]
async fn the_head_of_a_request_must_come_in_time_also_drop_by_drop() {
    let server = Place::new().demo(&[("CALLGATE_HTTPS_HEADER_SECONDS", "1")]).await;
    tokio::join!(
        closed_after(1, raw::tls(&server), b"", b""),
        closed_after(1, raw::tls(&server), b"GET / HTTP/1.1\r\nHost: local", b""),
        // A head that goes on and on keeps every idle timer running.
        closed_after(1, raw::tls(&server), b"GET / HTTP/1.1\r\n", b"x"),
        closed_after(1, raw::tls(&server), b"", b"x"),
        closed_after(1, plain(&server), b"GET / HTTP/1.1\r\n", b""),
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_408() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    let user = server.user01().await;
    let session = user.session();
    server.stop().await;
    let server = place.demo(&[("CALLGATE_HTTPS_BODY_SECONDS", "1")]).await;
    let name_of_cookie = server.client().cookie_name(SESSION);
    let call = async |name: &str, length: &str| {
        let head = format!(
            "POST /api/{name} HTTP/1.1\r\nHost: localhost\r\nCookie: {name_of_cookie}={session}\r\n\
             Content-Type: application/json\r\n{length}\r\n\r\n"
        );
        let answer = closed_after(1, raw::tls(&server), head.as_bytes(), b"").await;
        assert_eq!(raw::status(&answer), 408, "{answer}");
        assert!(answer.contains("body_too_slow"), "{answer}");
        check_raw(&answer);
    };
    let calls = ["notauth_func", "auth_func", "login"]
        .map(|name| ["Content-Length: 100", "Transfer-Encoding: chunked"].map(|length| call(name, length)));
    futures::future::join_all(calls.into_iter().flatten()).await;
}

#[tokio::test]
async fn a_connection_that_is_silent_after_or_within_a_request_is_closed() {
    let server = Place::new().demo(&[("CALLGATE_HTTPS_IDLE_SECONDS", "3")]).await;
    let kept = async {
        let mut stream = raw::tls(&server).await;
        stream.write_all(GET_FILE).await.unwrap();
        raw::read_until(&mut stream, "<svg/>").await;
        let answer = closed_after(3, async { stream }, GET_FILE, b"").await;
        assert!(answer.contains("<svg/>"), "{answer}");
    };
    let half_a_body = b"POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                        Content-Length: 9\r\n\r\n{";
    // No limit of HTTP/1.1 ends an HTTP/2 connection.
    let mut config = trusting(&server.place.data(), None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let preface = raw::http2_preface();
    let http2 = async { raw::tls_as(&server, config).await.unwrap() };
    tokio::join!(
        kept,
        closed_after(3, raw::tls(&server), half_a_body, b""),
        closed_after(3, http2, &preface, b""),
    );
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let server = Server::shared();
    let many = "X-A: b\r\n".repeat(200);
    let long = format!("X-A: {}\r\n", "b".repeat(64 * 1024));
    for headers in [many, long] {
        for (path, says) in [
            ("/", "Delete the cookies of this site"),
            ("/api/notauth_func", "headers_too_large"),
        ] {
            let request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
            let answer = raw::exchange(&server, request).await;
            assert_eq!(raw::status(&answer), 431, "{answer}");
            assert!(answer.contains(says), "{answer}");
        }
    }
}

#[tokio::test]
async fn the_cookies_of_many_applications_on_the_host_do_no_harm() {
    let server = Server::shared();
    let client = server.user01().await;
    let small: Vec<String> = (0..90).map(|number| format!("application{number}=x")).collect();
    let large: Vec<String> = (0..8)
        .map(|number| format!("application{number}={}", "x".repeat(4000)))
        .collect();
    for cookies in [small, large] {
        for is_http2 in [false, true] {
            let mut call = client.request("POST", "/api/auth_func").json("{}");
            // Browsers send each as a field of its own over HTTP/2.
            for cookie in &cookies {
                call = call.header("cookie", cookie);
            }
            let call = if is_http2 { call.http2() } else { call };
            assert_eq!(call.send().await.status, 200, "{} {is_http2}", cookies.len());
        }
    }
}

#[tokio::test]
async fn a_response_says_for_how_long_its_connection_is_kept() {
    let server = Server::shared();
    let reply = server.client().get("/livez").await;
    assert_eq!(reply.header("keep-alive"), "timeout=75");
    let reply = server.client().request("GET", "/livez").http2().send().await;
    assert_eq!(reply.find("keep-alive"), None);
}
