//! Many clients that are slow on purpose: each is closed in time, and somebody who logs in meanwhile notices nothing.
//! Security check 98. (`make attack` has slowhttptest do it, too.)

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::client::TlsStream;

use crate::{
    effort::rounds,
    poll::{until, within},
    raw,
    server::{Place, QUICK},
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
async fn slow_heads_bodies_and_readers_are_closed_in_time_and_logins_go_through_meanwhile() {
    let place = Place::new();
    // Larger than what systems keep for a connection.
    fs::write(place.path("site/pkg/large.bin"), vec![0; 32 << 20]).unwrap();
    let limits = [
        ("CALLGATE_HTTPS_HEADER_SECONDS", "2"),
        ("CALLGATE_HTTPS_BODY_SECONDS", "2"),
        ("CALLGATE_HTTPS_IDLE_SECONDS", "2"),
    ];
    let server = place.demo(&[QUICK, &limits].concat()).await;
    let before = server.sockets();

    let (mut drips, mut readers) = (JoinSet::new(), Vec::new());
    for _ in 0..rounds(10, 160) {
        drips.spawn(drip(raw::tls(&server).await, HEAD.to_owned(), "X-More: a\r\n"));
        let body = format!("{HEAD}Content-Length: 1000\r\n\r\n");
        drips.spawn(drip(raw::tls(&server).await, body, "1"));
        // Asks for a large file and takes nothing of it.
        let mut reader = raw::tls(&server).await;
        reader
            .write_all(b"GET /pkg/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        readers.push(reader);
    }
    let is_over = AtomicBool::new(false);
    let logging_in = async {
        let mut count = 0;
        while !is_over.load(Ordering::Relaxed) {
            server.user01().await;
            count += 1;
        }
        count
    };
    let closing = async {
        while let Some(closed) = within("slow clients to be closed", drips.join_next()).await {
            closed.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let (logins, ()) = tokio::join!(logging_in, closing);
    assert!(logins >= 2, "{logins}");
    until("slow readers to be closed", async || server.sockets() <= before).await;
    drop(readers);
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
}
