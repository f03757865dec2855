//! Many clients that are slow on purpose: each is closed, and somebody who logs in meanwhile notices nothing.

use std::{fs, time::Duration};

use http_body_util::Empty;
use hyper::{Request, body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::client::TlsStream;

use crate::support::{
    place::Place,
    poll::{until, within},
    raw,
};

const HEAD: &str = "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// Sends something at first and then drop by drop, until the server closes.
async fn drip(stream: TlsStream<TcpStream>, first: String, drop: &str) {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut pace = tokio::time::interval(Duration::from_millis(400));
    writing.write_all(first.as_bytes()).await.unwrap();
    let dripping = async {
        while writing.write_all(drop.as_bytes()).await.is_ok() {
            pace.tick().await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        // An answer, such as a 408, comes before the end.
        _ = reading.read_to_end(&mut answer) => {}
        () = dripping => {}
    }
}

#[tokio::test]
async fn slow_heads_bodies_and_readers_are_closed_and_logins_go_through_meanwhile() {
    let place = Place::new();
    // Larger than what systems keep for a connection.
    fs::write(place.path("site/pkg/large.bin"), vec![0; 32 << 20]).unwrap();
    let limits = [
        ("CALLGATE_HTTPS_HEADER_SECONDS", "6"),
        ("CALLGATE_HTTPS_BODY_SECONDS", "6"),
        ("CALLGATE_HTTPS_IDLE_SECONDS", "6"),
    ];
    let server = place.demo(&limits).await;
    let before = server.open_files("socket:");

    let (mut drips, mut readers) = (JoinSet::new(), Vec::new());
    for _ in 0..160 {
        drips.spawn(drip(raw::tls(&server).await, HEAD.to_owned(), "X-More: a\r\n"));
        let body = format!("{HEAD}Content-Length: 1000\r\n\r\n");
        drips.spawn(drip(raw::tls(&server).await, body, "1"));
        // Asks for a large file and takes nothing of it.
        let mut reader = raw::tls(&server).await;
        let request = b"GET /pkg/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n";
        reader.write_all(request).await.unwrap();
        readers.push(reader);
    }
    let mut logins = 0;
    let logging_in = async {
        loop {
            server.user01().await;
            logins += 1;
        }
    };
    let closing = async {
        while let Some(closed) = within("slow clients to be closed", drips.join_next()).await {
            closed.unwrap();
        }
    };
    tokio::select! {
        () = closing => {}
        () = logging_in => {}
    }
    assert!(logins >= 2, "{logins}");
    until("slow readers to be closed", async || {
        server.open_files("socket:") <= before
    })
    .await;
    drop(readers);
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn files_that_an_http_2_client_asks_for_and_never_takes_are_closed() {
    let place = Place::new();
    fs::write(place.path("site/pkg/large.bin"), vec![0; 1 << 20]).unwrap();
    let server = place.demo(&[("CALLGATE_HTTPS_BODY_SECONDS", "15")]).await;
    let client = server.client();
    let io = TokioIo::new(client.connect("h2").await);
    // A flow-control window of 0 takes no data, and pings keep the connection alive.
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(0)
        .keep_alive_interval(Duration::from_millis(500))
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for _ in 0..50 {
        let target = format!("https://{}/pkg/large.bin", client.host());
        let request = Request::get(target).body(Empty::<Bytes>::new()).unwrap();
        answers.push(within("an answer", sender.send_request(request)).await.unwrap());
    }
    let files = place.path("site/pkg");
    let open = || server.open_files(files.to_str().unwrap());
    assert_eq!(open(), 50);
    until("the files to be closed", async || open() == 0).await;
    assert!(!sender.is_closed(), "it was alive all the time");
    drop(answers);
}
