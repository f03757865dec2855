//! Bodies that are too large, endless, compressed, or a password of a megabyte: refused with little memory.

use tokio::io::AsyncWriteExt as _;

use crate::support::{
    place::Place,
    poll::{self, within},
    raw,
    server::Server,
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Every kind of endpoint that gets a body, with the status of the answer.
const ENDPOINTS: [(&str, &str, &str, u16); 5] = [
    ("POST", "/api/notauth_func", JSON, 413),
    ("POST", "/functions/notauth_func", FORM, 413),
    ("POST", "/login", FORM, 413),
    ("POST", "/", FORM, 405),
    ("GET", "/login", FORM, 200),
];
/// How much memory refusing may take, in KiB.
const GROWTH_KIB: u64 = 10 * 1024;

/// Sends a body without end, and gives the answer.
async fn pour(server: &Server, method: &str, path: &str, kind: &str) -> String {
    let (mut reading, mut writing) = tokio::io::split(raw::tls(server).await);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    writing.write_all(head.as_bytes()).await.unwrap();
    let pouring = async {
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        while writing.write_all(chunk.as_bytes()).await.is_ok() {}
    };
    let answering = raw::read_to_close(&mut reading);
    let (answer, ()) = within("the server to have enough", async { tokio::join!(answering, pouring) }).await;
    answer
}

/// Sends `times` endless bodies to each endpoint, all at once.
async fn pour_everywhere(server: &Server, times: usize) {
    let pours = (0..times)
        .flat_map(|_| ENDPOINTS)
        .map(async |(method, path, kind, status)| {
            let answer = pour(server, method, path, kind).await;
            assert_eq!(raw::status(&answer), status, "{method} {path}: {answer}");
        });
    futures::future::join_all(pours).await;
}

#[tokio::test]
async fn a_body_without_end_or_of_a_huge_length_is_refused_and_not_kept() {
    let server = Server::demo().await;
    // Once, for what is allocated at the first use.
    pour_everywhere(&server, 4).await;
    server.forget_memory_peak();
    let before = server.memory_kib("VmRSS");
    pour_everywhere(&server, 4).await;
    for (method, path, kind, status) in ENDPOINTS {
        // Refused before any of it comes.
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 10737418240\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n"
        );
        let answer = raw::exchange(&server, request).await;
        assert_eq!(raw::status(&answer), status, "{method} {path}: {answer}");
    }
    let peak = server.memory_kib("VmHWM");
    assert!(peak < before + GROWTH_KIB, "from {before} KiB to {peak} KiB");
}

/// RFC 9112, section 9.6: a connection that cannot go on is announced as closing, and one that can goes on.
#[tokio::test]
async fn a_connection_that_ends_with_a_refusal_says_so() {
    let server = Server::shared();
    for (body, closes) in [
        ("Content-Length: 100\r\nExpect: 100-continue\r\n\r\n".to_owned(), true),
        (format!("Content-Length: 100000\r\n\r\n{}", " ".repeat(100_000)), false),
        ("Content-Length: 2\r\n\r\n{}".to_owned(), false),
    ] {
        let mut stream = raw::tls(&server).await;
        let call = "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
        stream.write_all(format!("{call}{body}").as_bytes()).await.unwrap();
        let head = raw::read_until(&mut stream, "\r\n\r\n").await;
        assert_eq!(raw::status(&head), 401, "{head}");
        let head = head.to_ascii_lowercase();
        assert_eq!(head.contains("connection: close"), closes, "{head}");
        assert!(head.contains("www-authenticate: cookie"), "{head}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_never_unpacked() {
    let server = Server::shared();
    let client = server.client();
    // An empty object, packed by gzip.
    let packed: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0";
    for (path, kind) in [
        ("/api/notauth_func", JSON),
        ("/functions/notauth_func", FORM),
        ("/login", FORM),
    ] {
        for coding in ["gzip", "br", "deflate", "zstd", "GZIP", "gzip, br", "unknown"] {
            let request = client.request("POST", path).header("content-type", kind);
            let reply = request.header("content-encoding", coding).body(packed).send().await;
            assert_eq!(reply.status, 415, "{path} {coding}: {}", reply.body);
            assert_eq!(reply.header("accept-encoding"), "identity", "{path}");
            if kind == JSON {
                assert_eq!(reply.code(), "unsupported_encoding");
            }
        }
    }
    let plain = client.request("POST", "/api/notauth_func").header("content-type", JSON);
    let reply = plain.header("content-encoding", "identity").body("{}").send().await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[tokio::test]
async fn a_password_of_a_megabyte_is_refused_before_it_is_hashed() {
    const HASH_KIB: u64 = 64 * 1024;
    let server = Place::new()
        .demo(&[
            ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
            ("CALLGATE_PASSWORDS_ITERATIONS", "1"),
            ("CALLGATE_LIMITS_BODY_BYTES", "4000000"),
        ])
        .await;
    let client = server.client();
    let mut grown = Vec::new();
    for password in ["x".repeat(1 << 20), "wrong".to_owned()] {
        poll::until("what earlier hashes took is given back", async || {
            server.memory_kib("RssAnon") < HASH_KIB / 2
        })
        .await;
        server.forget_memory_peak();
        let before = server.memory_kib("VmRSS");
        let body = serde_json::json!({"user_id": "user01", "password": password});
        let reply = client.json("/api/login", &body.to_string()).await;
        assert_eq!(reply.status, 401, "{}", reply.body);
        assert_eq!(reply.code(), "invalid_credentials");
        grown.push(server.memory_kib("VmHWM").saturating_sub(before));
    }
    // What hashing takes is seen with the short one.
    assert!(grown[0] < HASH_KIB / 2 && grown[1] > HASH_KIB / 2, "{grown:?} KiB");
    // With the default limit such a body is not even read.
    let body = serde_json::json!({"user_id": "user01", "password": "x".repeat(1 << 20)}).to_string();
    let reply = Server::shared().client().json("/api/login", &body).await;
    assert_eq!(reply.status, 413, "{}", reply.body);
}

#[tokio::test]
async fn a_body_that_is_many_times_too_large_is_413_over_both_versions() {
    let server = Server::shared();
    let client = server.client();
    // Little enough to be sent within the time that the rest is read, on a slow machine as well.
    let body = " ".repeat(5 * 1024 * 1024 / 2);
    for (path, kind) in [("/api/notauth_func", JSON), ("/functions/notauth_func", FORM)] {
        for is_http2 in [false, true] {
            let call = client.request("POST", path).header("content-type", kind).body(&body);
            let call = if is_http2 { call.http2() } else { call };
            assert_eq!(call.send().await.status, 413, "{path} {is_http2}");
        }
    }
}
