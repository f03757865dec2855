//! Requests that two readers could read in two ways: refused, or read in the one way that the standard leaves, and never
//! answered twice. Security check 8; RFC 9112, RFC 9113.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{
    client::SESSION,
    poll::within,
    raw,
    server::{Place, QUICK, Server, trusting},
};

/// The request that an attacker hides behind another. Whoever answers it closes.
const HIDDEN: &str = "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                      Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/// A call with these lines in its head, a body, and the hidden request after it.
fn call(lines: &str, body: &str) -> String {
    format!(
        "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}\r\n{body}{HIDDEN}"
    )
}

/// The statuses of all answers until the server closes.
async fn statuses(server: &Server, request: &str) -> Vec<u16> {
    read_statuses(&raw::exchange(server, request).await)
}

fn read_statuses(answers: &str) -> Vec<u16> {
    answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer[..3].parse().unwrap())
        .collect()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const ONE_CHUNK: &str = "2\r\n{}\r\n0\r\n\r\n";

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let server = Server::quick_demo().await;
    for lines in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 3\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: +2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 18446744073709551618\r\n",
        "Content-Length:\r\n",
        "Content-Length : 2\r\n",
        "Content-Length:\r\n 2\r\n",
        "Content-Length\r\n",
        "X: a\r\n folded\r\nContent-Length: 2\r\n",
        "X: a\r\n\tfolded\r\nContent-Length: 2\r\n",
        "X: a\rContent-Length: 9\r\nContent-Length: 2\r\n",
        "X: a\0b\r\nContent-Length: 2\r\n",
        "X\0: a\r\nContent-Length: 2\r\n",
        "X Y: a\r\nContent-Length: 2\r\n",
        ": a\r\nContent-Length: 2\r\n",
        "Host: localhost\r\nContent-Length: 2\r\n",
        "Host: evil.example\r\nContent-Length: 2\r\n",
    ] {
        assert_eq!(statuses(&server, &call(lines, "{}")).await, [400], "{lines:?}");
    }
    for lines in [
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunkedx\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;x\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding\r\n: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 12\r\n",
    ] {
        assert_eq!(statuses(&server, &call(lines, ONE_CHUNK)).await, [400], "{lines:?}");
    }
    // The same words in front of a page and of a file.
    for path in ["/", "/favicon.svg", "/login", "/functions/notauth_func"] {
        for lines in [
            "Transfer-Encoding: chunked, chunked\r\n",
            "Host: evil.example\r\n",
            "X: a\r\n b\r\n",
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{ONE_CHUNK}{HIDDEN}");
            assert_eq!(statuses(&server, &request).await, [400], "{path} {lines:?}");
        }
    }
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn a_request_line_or_host_that_is_not_right_is_refused() {
    let server = Server::quick_demo().await;
    for start in [
        "POST /api/notauth_func HTTP/1.1\r\n",
        "POST /api/notauth_func HTTP/1.1\r\nHost:\r\n",
        "POST /api/notauth_func HTTP/1.1\r\nHost: a b\r\n",
        "POST /api/notauth_func HTTP/1.1\r\nHost: user@localhost\r\n",
        "POST /api/notauth_func HTTP/1.1\r\nHost: localhost/x\r\n",
        "POST https://user@localhost/api/notauth_func HTTP/1.1\r\nHost: localhost\r\n",
        "POST  /api/notauth_func HTTP/1.1\r\nHost: localhost\r\n",
        "POST /api/notauth_func  HTTP/1.1\r\nHost: localhost\r\n",
        "POST /api/notauth_func HTTP/1.1 \r\nHost: localhost\r\n",
        "POST /api/notauth_func http/1.1\r\nHost: localhost\r\n",
        "POST /api/notauth_func HTTP/1.2\r\nHost: localhost\r\n",
        "POST /api/notauth_func HTTP/2.0\r\nHost: localhost\r\n",
        "POST /api/notauth_func HTTP/1.1\r\n Host: localhost\r\n",
        "POST /api/notauth func HTTP/1.1\r\nHost: localhost\r\n",
        "POST\0 /api/notauth_func HTTP/1.1\r\nHost: localhost\r\n",
        "POST /api/notauth_func\0 HTTP/1.1\r\nHost: localhost\r\n",
        "GET /favicon.svg\r\n",
    ] {
        let request = format!("{start}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}{HIDDEN}");
        assert_eq!(statuses(&server, &request).await, [400], "{start:?}");
    }
    let refused = raw::exchange(&server, call("Host: evil.example\r\nContent-Length: 2\r\n", "{}")).await;
    assert!(refused.contains(r#""code":"malformed_request""#), "{refused}");
    assert!(
        refused.to_ascii_lowercase().contains("\r\nconnection: close\r\n"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_chunk_whose_size_can_be_read_in_two_ways_is_refused() {
    let server = Server::quick_demo().await;
    for body in [
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r{}\r\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
        "2;a\n{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}XX\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\n\n",
        "2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n",
        "2\r\n{}\r\n0\r\nX\r\n\r\n",
    ] {
        assert_eq!(statuses(&server, &call(CHUNKED, body)).await, [400], "{body:?}");
    }
    // The head must not end here for one reader and there for another: nothing behind it is called.
    let sloppy_end = statuses(&server, &call(CHUNKED, "2\r\n{}\r\n0\r\n\n")).await;
    assert!(
        sloppy_end.iter().filter(|status| **status == 200).count() <= 1,
        "{sloppy_end:?}"
    );
    assert!(sloppy_end.contains(&400), "{sloppy_end:?}");
}

/// RFC 9110 (section 8.6) lets the same length be told twice; RFC 9112 (section 7.1.1) lets chunks have extensions.
#[tokio::test]
async fn what_can_be_read_in_one_way_only_is_answered_once() {
    let server = Server::quick_demo().await;
    for (lines, body) in [
        ("Content-Length: 2\r\n", "{}"),
        ("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"),
        (CHUNKED, ONE_CHUNK),
        ("transfer-encoding:\tCHUNKED \r\n", ONE_CHUNK),
        (CHUNKED, "2;a=b\r\n{}\r\n0\r\n\r\n"),
        (CHUNKED, "00000002\r\n{}\r\n000\r\n\r\n"),
        (
            CHUNKED,
            "1\r\n{\r\n1\r\n}\r\n0\r\nContent-Length: 5\r\nHost: evil.example\r\n\r\n",
        ),
    ] {
        assert_eq!(
            statuses(&server, &call(lines, body)).await,
            [200, 200],
            "{lines:?} {body:?}"
        );
    }
}

/// What comes after the head of a chunk belongs to it, however long it says it is.
#[tokio::test]
async fn a_chunk_that_says_it_is_endless_hides_no_request() {
    let mut variables = QUICK.to_vec();
    variables.push(("CALLGATE_HTTPS_BODY_SECONDS", "1"));
    let server = Place::new().demo(&variables).await;
    let body = "ffffffffffffffff\r\n{}\r\n0\r\n\r\n";
    assert_eq!(statuses(&server, &call(CHUNKED, body)).await, [408]);
}

#[tokio::test]
async fn where_both_lengths_are_told_chunks_decide_and_the_connection_ends() {
    let server = Server::quick_demo().await;
    for length in [0, 2, 12, 200] {
        for lines in [
            format!("Content-Length: {length}\r\n{CHUNKED}"),
            format!("{CHUNKED}Content-Length: {length}\r\n"),
        ] {
            assert_eq!(statuses(&server, &call(&lines, ONE_CHUNK)).await, [200], "{lines:?}");
        }
    }
    // HTTP/1.0 knows no chunks (RFC 9112, section 6.1).
    let old = call(CHUNKED, ONE_CHUNK).replacen("HTTP/1.1", "HTTP/1.0", 1);
    let answer = raw::exchange(&server, old).await;
    assert_eq!(raw::status(&answer), 400, "{answer}");
}

/// A body that nobody wanted is still a body: what is in it is never taken for a request.
#[tokio::test]
async fn a_request_inside_of_a_body_is_not_answered() {
    let server = Server::quick_demo().await;
    let inside = HIDDEN.replace("Connection: close\r\n", "");
    let told = format!("Content-Length: {}\r\n\r\n{inside}", inside.len());
    let chunked = format!("{CHUNKED}\r\n{:x}\r\n{inside}\r\n0\r\n\r\n", inside.len());
    for (line, status) in [
        ("GET /favicon.svg HTTP/1.1\r\n", 200),
        ("GET /login HTTP/1.1\r\n", 200),
        ("HEAD /login HTTP/1.1\r\n", 200),
        ("GET /nothing HTTP/1.1\r\n", 404),
        ("POST /nothing HTTP/1.1\r\n", 404),
        ("POST /pkg/callgate.js HTTP/1.1\r\n", 405),
        ("PUT / HTTP/1.1\r\n", 405),
        ("TRACE / HTTP/1.1\r\n", 405),
        ("POST /api/auth_func HTTP/1.1\r\n", 401),
        ("POST /api/notauth_func HTTP/1.1\r\n", 415),
        (
            "POST /api/notauth_func HTTP/1.1\r\nContent-Type: application/json\r\n",
            400,
        ),
        ("GET /api/notauth_func HTTP/1.1\r\n", 405),
        ("POST /api/nothing HTTP/1.1\r\n", 404),
        ("POST /logout HTTP/1.1\r\nOrigin: null\r\n", 403),
    ] {
        for body in [&told, &chunked] {
            let request = format!("{line}Host: localhost\r\n{body}{HIDDEN}");
            assert_eq!(statuses(&server, &request).await, [status, 200], "{line:?}");
        }
    }
}

/// RFC 9112 (section 2.2) lets a line end with LF alone, and hyper does. A line is then a line to every header: nothing
/// is hidden by it, and no request comes twice.
#[tokio::test]
async fn a_bare_line_feed_ends_a_line_and_hides_nothing() {
    let server = Server::quick_demo().await;
    let session = server.user01().await.session();
    let request = call("X: a\nContent-Length: 2\r\n", "{}");
    assert_eq!(statuses(&server, &request).await, [200, 200]);
    let request = call("X: a\nContent-Length: 2\r\nContent-Length: 3\r\n", "{}");
    assert_eq!(statuses(&server, &request).await, [400]);
    let request = call(&format!("X: a\n{CHUNKED}Content-Length: 2\n"), ONE_CHUNK);
    assert_eq!(statuses(&server, &request).await, [200]);
    let hidden_cookie = format!(
        "POST /api/current_user HTTP/1.1\nHost: localhost\nConnection: close\nX: a\nCookie: {SESSION}={session}\n\n"
    );
    assert_eq!(statuses(&server, &hidden_cookie).await, [200]);
}

#[tokio::test]
async fn a_connection_is_not_led_to_another_protocol() {
    let server = Server::quick_demo().await;
    for (lines, answers) in [
        (
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 2\r\n",
            [200, 200],
        ),
        (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n",
            [200, 200],
        ),
    ] {
        assert_eq!(statuses(&server, &call(lines, "{}")).await, answers, "{lines:?}");
    }
    let tunnel = format!("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n{HIDDEN}");
    assert_eq!(statuses(&server, &tunnel).await, [404, 200]);
}

#[tokio::test]
async fn the_plain_listener_is_no_way_around() {
    let server = Server::quick_demo().await;
    for (lines, body) in [
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("Transfer-Encoding: chunked, chunked\r\n", ONE_CHUNK),
        ("Transfer-Encoding: xchunked\r\n", ONE_CHUNK),
        ("Host: evil.example\r\nContent-Length: 2\r\n", "{}"),
        ("X: a\r\n folded\r\nContent-Length: 2\r\n", "{}"),
        ("X: a\0\r\nContent-Length: 2\r\n", "{}"),
    ] {
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        let _ = stream.write_all(call(lines, body).as_bytes()).await;
        let answers = raw::read_to_close(&mut stream).await;
        assert_eq!(read_statuses(&answers), [400], "{lines:?}: {answers}");
    }
}

type Fields<'a> = Vec<(&'a str, &'a str)>;

/// A connection over HTTP/2 that is driven frame by frame.
struct Frames(TlsStream<TcpStream>);

impl Frames {
    async fn open(server: &Server) -> Self {
        let mut config = trusting(&server.place.data(), None);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut stream = raw::tls_as(server, config).await.unwrap();
        stream.write_all(&raw::http2_preface()).await.unwrap();
        Self(stream)
    }

    async fn call(&mut self, stream: u32, fields: &Fields<'_>, body: &[u8]) {
        // The server may have closed at the first of the two frames.
        let _ = self.0.write_all(&raw::http2_request(stream, fields, body)).await;
    }

    /// What becomes of a stream: a status, or none where it or the whole connection ends with an error.
    async fn outcome(&mut self, stream: u32) -> Option<u16> {
        within("an outcome of a stream", async {
            loop {
                let mut head = [0; 9];
                self.0.read_exact(&mut head).await.ok()?;
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                let about = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
                let mut payload = vec![0; length];
                self.0.read_exact(&mut payload).await.ok()?;
                match head[3] {
                    raw::GOAWAY => return None,
                    raw::RST_STREAM if about == stream => return None,
                    // Statuses of the static table (RFC 7541, appendix A).
                    raw::HEADERS if about == stream => {
                        return Some(match payload[0] {
                            0x88 => 200,
                            0x8c => 400,
                            0x8d => 404,
                            other => panic!("another status: {other:x}"),
                        });
                    }
                    _ => {}
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn over_http_2_a_request_that_would_be_another_in_http_1_is_an_error_of_its_stream() {
    let server = Server::quick_demo().await;
    let authority = format!("localhost:{}", server.https.port());
    let good: Fields<'_> = vec![
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", &authority),
        (":path", "/api/notauth_func"),
        ("content-type", "application/json"),
    ];
    let with = |name, value| [good.clone(), vec![(name, value)]].concat();
    let changed = |name, value| -> Fields<'_> {
        let change = |&(was, old)| (was, if was == name { value } else { old });
        good.iter().map(change).collect()
    };
    let without = |name| -> Fields<'_> { good.iter().filter(|field| field.0 != name).copied().collect() };

    let malformed = [
        with("transfer-encoding", "chunked"),
        with("connection", "close"),
        with("connection", "transfer-encoding"),
        with("keep-alive", "timeout=5"),
        with("proxy-connection", "keep-alive"),
        with("upgrade", "h2c"),
        with("te", "gzip"),
        with("x", "a\r\nContent-Length: 0"),
        with("x", "a\r\n\r\nGET / HTTP/1.1"),
        with("x", "a\nb"),
        with("x", "a\rb"),
        with("x", "a\0b"),
        with("x\r\ny", "a"),
        with("X", "a"),
        with("x:y", "a"),
        with("x ", "a"),
        with("", "a"),
        with("content-length", "5"),
        with("content-length", "1"),
        with("content-length", "+2"),
        with("content-length", "x"),
        [with("content-length", "2"), vec![("content-length", "3")]].concat(),
        changed(":path", "/api/notauth_func HTTP/1.1"),
        changed(":path", "/api/notauth_func\r\nX: y"),
        changed(":path", "api/notauth_func"),
        changed(":path", ""),
        without(":path"),
        changed(":method", "POST / HTTP/1.1\r\nX: y"),
        changed(":method", ""),
        without(":method"),
        changed(":scheme", "https://evil.example/?"),
        without(":scheme"),
        changed(":authority", "localhost\r\nX: y"),
        changed(":authority", "local host"),
        with(":path", "/"),
        with(":method", "GET"),
        [vec![("x", "a")], good.clone()].concat(),
        [vec![(":x", "a")], good.clone()].concat(),
        [vec![(":status", "200")], good.clone()].concat(),
    ];
    for fields in &malformed {
        let mut frames = Frames::open(&server).await;
        frames.call(1, fields, b"{}").await;
        assert_eq!(frames.outcome(1).await, None, "{fields:?}");
    }
    let refused = [
        with("host", "evil.example"),
        [with("host", &authority), vec![("host", &authority)]].concat(),
        [with("host", &authority), vec![("host", "evil.example")]].concat(),
        changed(":authority", "user@localhost"),
        without(":authority"),
    ];
    for fields in &refused {
        let mut frames = Frames::open(&server).await;
        frames.call(1, fields, b"{}").await;
        assert_eq!(frames.outcome(1).await, Some(400), "{fields:?}");
        // Only that stream: the next one is served.
        frames.call(3, &good, b"{}").await;
        assert_eq!(frames.outcome(3).await, Some(200), "{fields:?}");
    }
    for fields in [
        with("host", &authority),
        with("content-length", "2"),
        with("te", "trailers"),
    ] {
        let mut frames = Frames::open(&server).await;
        frames.call(1, &fields, b"{}").await;
        assert_eq!(frames.outcome(1).await, Some(200), "{fields:?}");
    }
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}

/// A request in HTTP/2 whose stream fails leaves the others of its connection alone.
#[tokio::test]
async fn one_malformed_stream_does_not_touch_the_others() {
    let server = Server::quick_demo().await;
    let authority = format!("localhost:{}", server.https.port());
    let good: Fields<'_> = vec![
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", &authority),
        (":path", "/api/notauth_func"),
        ("content-type", "application/json"),
    ];
    let mut frames = Frames::open(&server).await;
    for round in 0..5 {
        let bad = [good.clone(), vec![("connection", "close")]].concat();
        frames.call(round * 4 + 1, &bad, b"{}").await;
        assert_eq!(frames.outcome(round * 4 + 1).await, None);
        frames.call(round * 4 + 3, &good, b"{}").await;
        assert_eq!(frames.outcome(round * 4 + 3).await, Some(200), "round {round}");
    }
}
