//! The listeners: TLS, plain HTTP that leads to it, headers of every answer, and waits that end.

use std::{
    io,
    time::{Duration, Instant},
};

use rustls::{ProtocolVersion, version};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    client::{Reply, SESSION},
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

/// security checks 4, 11 and 12
#[tokio::test]
async fn every_answer_over_https_has_its_headers_and_a_type() {
    let server = Server::demo().await;
    let (anyone, user) = (server.client(), server.user01().await);
    let large = "x".repeat(70_000);
    let post = async |kind: &str, path: &str, body: &str| -> Reply {
        user.request("POST", path)
            .header("content-type", kind)
            .body(body)
            .send()
            .await
    };
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let cross = user
        .request("POST", "/api/auth_func")
        .header("sec-fetch-site", "cross-site")
        .send()
        .await;
    let cross_form = user.request("POST", "/logout").header("origin", "null").send().await;
    let replies = [
        (200, user.get("/").await),
        (200, user.get("/favicon.svg").await),
        (200, user.get("/pkg/callgate.js").await),
        (200, post(json, "/api/auth_func", "{}").await),
        (303, post(form, "/functions/auth_func", "arguments={}").await),
        (303, server.user01().await.form("/logout", &[]).await),
        (
            303,
            anyone
                .form("/login", &[("user_id", "user02"), ("password", "user_02")])
                .await,
        ),
        (400, post(json, "/api/auth_func", "{").await),
        (401, server.client().json("/api/auth_func", "{}").await),
        (
            401,
            server
                .client()
                .form("/login", &[("user_id", "x"), ("password", "y")])
                .await,
        ),
        (403, cross),
        (403, cross_form),
        (404, user.get("/nothing").await),
        (404, user.get("/pkg/nothing.js").await),
        (404, user.get("/pkg/").await),
        (404, post(json, "/api/nothing", "{}").await),
        (404, post(form, "/nothing", "").await),
        (404, post(form, "/functions/nothing", "").await),
        (405, user.get("/logout").await),
        (405, user.get("/api/logout").await),
        (405, user.request("PUT", "/pkg/callgate.js").send().await),
        (413, post(json, "/api/notauth_func", &large).await),
        (413, post(form, "/functions/notauth_func", &large).await),
        (415, post(form, "/api/notauth_func", "{}").await),
        (422, post(json, "/api/login", "{}").await),
    ];
    for (status, reply) in replies {
        let context = format!("{status}: {reply:?}");
        assert_eq!(reply.status, status, "{context}");
        assert_eq!(
            reply.header("strict-transport-security"),
            "max-age=63072000; includeSubDomains",
            "{context}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{context}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{context}");
        assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin", "{context}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{context}");
        assert!(reply.header("permissions-policy").contains("camera=()"), "{context}");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{context}");
        assert!(policy.contains("frame-ancestors 'none'"), "{context}");
        assert_eq!(reply.find("server"), None, "{context}");
        if !reply.body.is_empty() {
            let kind = reply.header("content-type");
            let is_text = kind.starts_with("text/") || kind.starts_with("application/json");
            assert_eq!(is_text, kind.contains("charset=utf-8"), "{context}");
        }
    }
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
    let server = impatient(&[("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "1")]).await;
    let limit = Duration::from_secs(1);
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
        ("CALLGATE_HTTPS_IDLE_SECONDS", "1"),
        ("CALLGATE_HTTPS_HEADER_SECONDS", "20"),
        ("CALLGATE_HTTPS_BODY_SECONDS", "20"),
    ])
    .await;
    let limit = Duration::from_secs(1);
    let get = b"GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut stream = raw::tls(&server).await;
    for _ in 0..2 {
        stream.write_all(get).await.unwrap();
        raw::read_until(&mut stream, "<svg/>").await;
    }
    let began = Instant::now();
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
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let began = Instant::now();
    took_about(closed(&mut stream, began).await, limit);
}

/// security check 8, a sample
#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let server = Server::demo().await;
    let smuggled = "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for head in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Content-Length : 5\r\n",
        "Host: localhost\r\n folded\r\n",
    ] {
        let request = format!(
            "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n0\r\n\r\n{smuggled}"
        );
        let answer = raw::exchange(&server, request).await;
        let answers = answer.matches("HTTP/1.1 ").count();
        assert!(answers <= 1, "{head}: {answer}");
        if answers == 1 {
            assert_eq!(raw::status(&answer), 400, "{head}: {answer}");
        }
    }
    // Both lengths at once: chunked decides or all is refused, and the connection is not used on.
    let request = format!(
        "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}"
    );
    let mut stream = raw::tls(&server).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = raw::read_to_close(&mut stream).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

/// security check 99, a sample
#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let server = Server::demo().await;
    let many = "X-A: b\r\n".repeat(200);
    let long = format!("X-A: {}\r\n", "b".repeat(64 * 1024));
    for headers in [many, long] {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        let answer = raw::exchange(&server, request).await;
        assert!(answer.is_empty() || raw::status(&answer) == 431, "{answer}");
    }
    assert_eq!(server.client().get("/").await.status, 200);
}
