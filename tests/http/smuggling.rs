//! Requests that two readers could read in two ways (RFC 9112, RFC 9113): refused, or read in the one way that the standard
//! leaves, and never answered twice.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{
    headers::check_raw,
    support::{
        client::SESSION,
        place::Place,
        poll::within,
        raw,
        server::{Server, trusting},
    },
};

/// The request that an attacker hides behind another. A server that answers it closes the connection.
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
    let answers = answers.split("HTTP/1.1 ").skip(1);
    answers.map(|answer| answer[..3].parse().unwrap()).collect()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const ONE_CHUNK: &str = "2\r\n{}\r\n0\r\n\r\n";

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let server = Server::shared();
    for value in ["2, 3", "2, 2", "+2", "-2", "0x2", "2 2", "", "\r\n 2"] {
        let lines = format!("Content-Length: {value}\r\n");
        assert_eq!(statuses(&server, &call(&lines, "{}")).await, [400], "{lines:?}");
    }
    for lines in [
        "Content-Length: 18446744073709551618\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length : 2\r\n",
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
    // The same in front of a page and of a file.
    for path in ["/", "/favicon.svg", "/login", "/functions/notauth_func"] {
        for line in [
            "Transfer-Encoding: chunked, chunked",
            "Host: evil.example",
            "X: a\r\n b",
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n{ONE_CHUNK}{HIDDEN}");
            assert_eq!(statuses(&server, &request).await, [400], "{path} {line:?}");
        }
    }
}

#[tokio::test]
async fn a_request_line_or_host_that_is_not_right_is_refused() {
    let server = Server::shared();
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
    let page = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned();
    let call = call("Host: evil.example\r\nContent-Length: 2\r\n", "{}");
    for (request, said) in [
        (call, r#""code":"malformed_request""#),
        (page, "The request is not valid"),
    ] {
        let answer = raw::exchange(&server, request).await;
        assert!(answer.contains(said), "{answer}");
        check_raw(&answer);
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_chunk_whose_size_can_be_read_in_two_ways_is_refused() {
    let server = Server::shared();
    let starts = ["0x2\r\n", "+2\r\n", "-2\r\n", " 2\r\n", "\r\n", "2\n", "2\r", "2;a\n"];
    let mut bodies = starts.map(|start| format!("{start}{{}}\r\n0\r\n\r\n")).to_vec();
    bodies.extend(["\n", "", "XX\r\n"].map(|end| format!("2\r\n{{}}{end}0\r\n\r\n")));
    bodies.extend(["\n\n", "\r\nX\r\n\r\n", "\r\nX: a\r\n b\r\n\r\n"].map(|end| format!("2\r\n{{}}\r\n0{end}")));
    bodies.extend(["10000000000000002", "2;a\nb"].map(|size| format!("{size}\r\n{{}}\r\n0\r\n\r\n")));
    for body in &bodies {
        assert_eq!(statuses(&server, &call(CHUNKED, body)).await, [400], "{body:?}");
    }
    // The body must not end here for one reader and there for another: nothing behind it is called.
    let sloppy_end = statuses(&server, &call(CHUNKED, "2\r\n{}\r\n0\r\n\n")).await;
    let called = sloppy_end.iter().filter(|status| **status == 200).count();
    assert!(called <= 1 && sloppy_end.contains(&400), "{sloppy_end:?}");
    // What comes after the head of a chunk belongs to it, however long it says it is.
    let server = Place::new().demo(&[("CALLGATE_HTTPS_BODY_SECONDS", "1")]).await;
    let endless = "ffffffffffffffff\r\n{}\r\n0\r\n\r\n";
    assert_eq!(statuses(&server, &call(CHUNKED, endless)).await, [408]);
}

/// RFC 9110 (section 8.6) lets the same length be sent twice; RFC 9112 (section 7.1.1) lets chunks have extensions, and
/// (section 2.2) a line end with LF alone, which is then a line to every header.
#[tokio::test]
async fn what_can_be_read_in_one_way_only_is_answered_once() {
    let server = Server::shared();
    let trailers = "1\r\n{\r\n1\r\n}\r\n0\r\nContent-Length: 5\r\nHost: evil.example\r\n\r\n";
    let by_lf = "X: a\nTransfer-Encoding: chunked\r\nContent-Length: 2\n";
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n";
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\
               Content-Length: 2\r\n";
    for (lines, body, answers) in [
        ("Content-Length: 2\r\n", "{}", &[200, 200][..]),
        ("Content-Length: 2\r\nContent-Length: 2\r\n", "{}", &[200, 200]),
        (CHUNKED, ONE_CHUNK, &[200, 200]),
        ("transfer-encoding:\tCHUNKED \r\n", ONE_CHUNK, &[200, 200]),
        (CHUNKED, "2;a=b\r\n{}\r\n0\r\n\r\n", &[200, 200]),
        (CHUNKED, "00000002\r\n{}\r\n000\r\n\r\n", &[200, 200]),
        (CHUNKED, trailers, &[200, 200]),
        ("X: a\nContent-Length: 2\r\n", "{}", &[200, 200]),
        ("X: a\nContent-Length: 2\r\nContent-Length: 3\r\n", "{}", &[400]),
        (by_lf, ONE_CHUNK, &[200]),
        // Another protocol is not taken up.
        (websocket, "{}", &[200, 200]),
        (h2c, "{}", &[200, 200]),
    ] {
        let found = statuses(&server, &call(lines, body)).await;
        assert_eq!(found, answers, "{lines:?} {body:?}");
    }
    let tunnel = format!("CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n{HIDDEN}");
    assert_eq!(statuses(&server, &tunnel).await, [404, 200]);
    let user = server.user01().await;
    let (name, session) = (user.cookie_name(SESSION), user.session());
    let hidden_cookie = format!(
        "POST /api/current_user HTTP/1.1\nHost: localhost\nConnection: close\nX: a\nCookie: {name}={session}\n\n"
    );
    assert_eq!(statuses(&server, &hidden_cookie).await, [200]);
}

#[tokio::test]
async fn where_both_lengths_are_sent_chunks_decide_and_the_connection_ends() {
    let server = Server::shared();
    for length in [0, 2, 12, 200] {
        let length = format!("Content-Length: {length}\r\n");
        for lines in [format!("{length}{CHUNKED}"), format!("{CHUNKED}{length}")] {
            assert_eq!(statuses(&server, &call(&lines, ONE_CHUNK)).await, [200], "{lines:?}");
        }
    }
    // HTTP/1.0 knows no chunks (RFC 9112, section 6.1).
    let old = call(CHUNKED, ONE_CHUNK).replacen("HTTP/1.1", "HTTP/1.0", 1);
    let answer = raw::exchange(&server, old).await;
    assert_eq!(raw::status(&answer), 400, "{answer}");
}

#[tokio::test]
async fn a_request_inside_of_a_body_that_is_not_wanted_is_not_answered() {
    let server = Server::shared();
    let inside = HIDDEN.replace("Connection: close\r\n", "");
    let plain = format!("Content-Length: {}\r\n\r\n{inside}", inside.len());
    let chunked = format!("{CHUNKED}\r\n{:x}\r\n{inside}\r\n0\r\n\r\n", inside.len());
    let json = "POST /api/notauth_func HTTP/1.1\r\nContent-Type: application/json\r\n";
    for (start, status) in [
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
        (json, 400),
        ("GET /api/notauth_func HTTP/1.1\r\n", 405),
        ("POST /api/nothing HTTP/1.1\r\n", 404),
        ("POST /logout HTTP/1.1\r\nOrigin: null\r\n", 403),
    ] {
        for body in [&plain, &chunked] {
            let request = format!("{start}Host: localhost\r\n{body}{HIDDEN}");
            assert_eq!(statuses(&server, &request).await, [status, 200], "{start:?}");
        }
    }
}

#[tokio::test]
async fn the_plain_listener_refuses_the_same() {
    let server = Server::shared();
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

    /// What becomes of a call in a stream: a status, or none where it or the whole connection ends with an error.
    async fn call(&mut self, stream: u32, fields: &Fields<'_>) -> Option<u16> {
        // The server may have closed at the first of the two frames.
        let _ = self.0.write_all(&raw::http2_request(stream, fields, b"{}")).await;
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
                        let status = [(0x88, 200), (0x8c, 400)]
                            .into_iter()
                            .find(|(code, _)| *code == payload[0]);
                        return Some(status.expect("a known status").1);
                    }
                    _ => {}
                }
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_request_over_http_2_that_would_be_another_in_http_1_is_refused() {
    let server = Server::shared();
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

    let mut malformed = vec![
        with("transfer-encoding", "chunked"),
        with("connection", "close"),
        with("connection", "transfer-encoding"),
        with("keep-alive", "timeout=5"),
        with("proxy-connection", "keep-alive"),
        with("upgrade", "h2c"),
        with("te", "gzip"),
        with("x", "a\r\nContent-Length: 0"),
        with("x", "a\r\n\r\nGET / HTTP/1.1"),
        [with("content-length", "2"), vec![("content-length", "3")]].concat(),
        changed(":path", "/api/notauth_func HTTP/1.1"),
        changed(":path", "/api/notauth_func\r\nX: y"),
        changed(":path", "api/notauth_func"),
        changed(":path", ""),
        changed(":method", "POST / HTTP/1.1\r\nX: y"),
        changed(":method", ""),
        changed(":scheme", "https://evil.example/?"),
        changed(":authority", "localhost\r\nX: y"),
        changed(":authority", "local host"),
        with(":path", "/"),
        with(":method", "GET"),
    ];
    malformed.extend(["a\nb", "a\rb", "a\0b"].map(|value| with("x", value)));
    malformed.extend(["x\r\ny", "X", "x:y", "x ", ""].map(|name| with(name, "a")));
    malformed.extend(["5", "1", "+2", "x"].map(|length| with("content-length", length)));
    malformed.extend([":path", ":method", ":scheme"].map(without));
    malformed.extend([("x", "a"), (":x", "a"), (":status", "200")].map(|field| [vec![field], good.clone()].concat()));
    for fields in &malformed {
        let mut frames = Frames::open(&server).await;
        assert_eq!(frames.call(1, fields).await, None, "{fields:?}");
    }
    // A malformed stream does not touch the others of its connection.
    let mut frames = Frames::open(&server).await;
    for round in 0..5 {
        assert_eq!(frames.call(round * 4 + 1, &malformed[1]).await, None);
        assert_eq!(frames.call(round * 4 + 3, &good).await, Some(200), "round {round}");
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
        assert_eq!(frames.call(1, fields).await, Some(400), "{fields:?}");
        assert_eq!(frames.call(3, &good).await, Some(200), "only that stream: {fields:?}");
    }
    for fields in [
        with("host", &authority),
        with("content-length", "2"),
        with("te", "trailers"),
    ] {
        let mut frames = Frames::open(&server).await;
        assert_eq!(frames.call(1, &fields).await, Some(200), "{fields:?}");
    }
}
