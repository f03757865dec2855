//! Floods of HTTP/2 frames (RFC 9113): the server ends each that breaks a rule or a limit, keeps its memory, and serves others
//! meanwhile.

use std::{
    iter::{once, repeat_n},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::support::{
    poll::within,
    raw::{self, DATA, GOAWAY, HEADERS, RST_STREAM, SETTINGS, frame},
    server::{Server, trusting},
};

const PRIORITY: u8 = 2;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The code of a reset by a client that wants no answer any more.
const CANCEL: u32 = 8;

/// How much the memory of the server may grow, in KiB.
const GROWTH_KIB: u64 = 48 * 1024;
/// How long a flood lasts at most.
const LENGTH: Duration = Duration::from_secs(8);

type Flood = Box<dyn Iterator<Item = Vec<u8>>>;

/// Header fields as a HEADERS frame has them: without that frame's head, and without the empty DATA frame behind it.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let request = raw::http2_request(1, fields, b"");
    request[9..request.len() - 9].to_vec()
}

/// The header fields of a request.
fn request(method: &str, path: &str) -> Vec<u8> {
    block(&[
        (":method", method),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
    ])
}

/// Each flood, and whether it must be ended. Where every frame is allowed as such, it may cost nothing that lasts.
fn floods() -> Vec<(&'static str, bool, Flood)> {
    let many = |first: &[u8], then, count| -> Flood { Box::new(once(first.to_vec()).chain(repeat_n(then, count))) };
    let more = block(&[("x-more", "y".repeat(120).as_str()); 8]);
    let (get, post) = (request("GET", "/"), request("POST", "/api/notauth_func"));
    let (unfinished, opened) = (
        frame(HEADERS, END_STREAM, 1, &get),
        frame(HEADERS, END_HEADERS, 1, &post),
    );
    let (more_headers, no_headers) = (frame(CONTINUATION, 0, 1, &more), frame(CONTINUATION, 0, 1, b""));
    // Within what two frames may hold, and beyond what the server takes.
    let long_list = frame(HEADERS, END_STREAM, 1, &[get.clone(), more.repeat(14)].concat());
    let its_end = frame(CONTINUATION, END_HEADERS, 1, &more.repeat(14));
    let rapid_reset = (0..30_000).map(move |number| {
        let open = frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, &get);
        [open, frame(RST_STREAM, 0, 2 * number + 1, &CANCEL.to_be_bytes())].concat()
    });
    let priorities = (0..200_000).map(|number| frame(PRIORITY, 0, 2 * number + 1, &[0, 0, 0, 0, 16]));
    let largest_window = frame(WINDOW_UPDATE, 0, 0, &(u32::MAX >> 1).to_be_bytes());
    let initial_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff]);
    vec![
        ("rapid reset", true, Box::new(rapid_reset)),
        ("endless headers", true, many(&unfinished, more_headers, 60_000)),
        ("empty continuations", true, many(&unfinished, no_headers, 400_000)),
        ("a long list of headers", true, many(&long_list, its_end, 1)),
        ("windows beyond their limit", true, many(b"", largest_window, 3)),
        ("settings", false, many(b"", initial_window, 400_000)),
        ("pings", false, many(b"", frame(PING, 0, 0, &[0; 8]), 400_000)),
        ("empty data", false, many(&opened, frame(DATA, 0, 1, b""), 400_000)),
        ("priorities", false, Box::new(priorities)),
    ]
}

/// Sends frames until all are sent, the server takes no more of them, or the time is up. Gives their number.
async fn send(stream: &mut (impl tokio::io::AsyncWrite + Unpin), flood: Flood) -> usize {
    let began = Instant::now();
    let (mut sent, mut batch) = (0, Vec::new());
    for frame in flood {
        batch.extend(frame);
        sent += 1;
        if batch.len() > 16_000 {
            let written = timeout(Duration::from_secs(2), stream.write_all(&batch)).await;
            if !matches!(written, Ok(Ok(()))) || began.elapsed() > LENGTH {
                return sent;
            }
            batch.clear();
        }
    }
    let _ = timeout(Duration::from_secs(2), stream.write_all(&batch)).await;
    sent
}

/// Reads until the server ends the stream or the connection, or refuses the request.
async fn end(stream: &mut (impl AsyncRead + Unpin)) -> &'static str {
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        let _ = stream.read_exact(&mut payload).await;
        match head[3] {
            GOAWAY => return "GOAWAY",
            RST_STREAM => return "RST_STREAM",
            HEADERS => {
                // 200 in the static table (RFC 7541, appendix A).
                assert_ne!(payload[0], 0x88, "a good answer");
                return "a refusal";
            }
            _ => {}
        }
    }
    "closed"
}

#[tokio::test]
async fn floods_of_frames_are_ended_or_cost_nothing_and_others_are_served_meanwhile() {
    let server = Server::demo().await;
    for (name, must_end, flood) in floods() {
        let before = server.memory_kib("VmRSS");
        let mut config = trusting(&server.place.data(), None);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut stream = raw::tls_as(&server, config).await.unwrap();
        stream.write_all(&raw::http2_preface()).await.unwrap();
        let sent = send(&mut stream, flood).await;
        assert_eq!(server.client().get("/livez").await.status, 200, "{name}");
        let ended = if must_end {
            within(name, end(&mut stream)).await
        } else {
            "not looked at"
        };
        drop(stream);
        let grown = server.memory_kib("VmRSS").saturating_sub(before);
        println!("{name}: {sent} frames, {ended}, {grown} KiB more memory");
        assert!(grown < GROWTH_KIB, "{name}: {grown} KiB");
    }
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}
