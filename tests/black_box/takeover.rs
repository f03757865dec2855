//! One server after another on sockets that a supervisor keeps open (security check 108).

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::future::join_all;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;

use crate::{
    client::{Client, SESSION},
    effort::rounds,
    poll::{until, within},
    raw,
    server::{Place, Server, free_address, trusting},
};

/// What those who call have seen so far.
#[derive(Default)]
struct Seen {
    answers: AtomicUsize,
    enough: AtomicBool,
}

impl Seen {
    fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until so many more have been answered.
    async fn more(&self, number: usize) {
        let aim = self.answers.load(Ordering::Relaxed) + number;
        until("more answers", async || self.answers.load(Ordering::Relaxed) >= aim).await;
    }
}

/// Calls with a new connection each time.
async fn with_new_connections(client: &Client, seen: &Seen) {
    while !seen.is_enough() {
        assert_eq!(client.who().await.as_deref(), Some("user01"));
        seen.count();
    }
}

/// Calls over one connection for as long as the server keeps it, then over the next.
async fn with_kept_connections(server: &Server, session: &str, seen: &Seen) {
    let request = format!(
        "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={session}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    while !seen.is_enough() {
        let mut stream = raw::tls(server).await;
        while !seen.is_enough() {
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = raw::read_until(&mut stream, "user_id=user01\"}").await;
            assert_eq!(raw::status(&answer), 200, "{answer}");
            seen.count();
            if answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n") {
                break;
            }
        }
    }
}

async fn http2(server: &Server) -> SendRequest<String> {
    let mut config = trusting(&server.place.data(), None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = raw::tls_as(server, config).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

/// Calls over one HTTP/2 connection until the server says goodbye, then over the next.
async fn with_http2(server: &Server, session: &str, seen: &Seen) {
    while !seen.is_enough() {
        let mut sender = http2(server).await;
        while !seen.is_enough() && sender.ready().await.is_ok() {
            let request = hyper::Request::post(format!("https://localhost:{}/api/auth_func", server.https.port()))
                .header("cookie", format!("{SESSION}={session}"))
                .header("content-type", "application/json")
                .body("{}".to_owned())
                .unwrap();
            match within("an answer", sender.try_send_request(request)).await {
                Ok(answer) => {
                    assert_eq!(answer.status(), 200);
                    seen.count();
                }
                // The goodbye came first, and the request was not sent: it goes over the next connection.
                Err(error) => assert!(error.message().is_some(), "{:?}", error.error()),
            }
        }
    }
}

/// Sockets that stay open, as a supervisor keeps them.
fn sockets() -> [TcpListener; 2] {
    [(); 2].map(|()| TcpListener::bind(free_address()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_follow_one_another_without_one_failed_call_or_logout() {
    let place = Place::new();
    let [https, http] = sockets();
    let mut server = place.demo_on([&https, &http]).await;
    let client = server.user01().await;
    let (session, seen) = (client.session(), Arc::new(Seen::default()));
    // It has the addresses, which stay the same, and serves no more.
    let mut gone = place.demo_on([&https, &http]).await;
    gone.signal("TERM");
    assert!(gone.ended().await.success());
    let known = Arc::new(gone);
    let callers = (0..6).map(|number| {
        let (client, session) = (client.clone(), session.clone());
        let (known, seen) = (Arc::clone(&known), Arc::clone(&seen));
        tokio::spawn(async move {
            match number % 3 {
                0 => with_new_connections(&client, &seen).await,
                1 => with_kept_connections(&known, &session, &seen).await,
                _ => with_http2(&known, &session, &seen).await,
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    seen.more(30).await;
    for _ in 0..rounds(3, 20) {
        let next = place.demo_on([&https, &http]).await;
        server.signal("TERM");
        assert!(server.ended().await.success());
        server = next;
        seen.more(60).await;
    }
    seen.enough.store(true, Ordering::Relaxed);
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// Between two servers nobody is refused: what has come in is answered by the next one.
#[tokio::test]
async fn a_call_that_comes_while_nobody_serves_is_answered_by_the_next_server() {
    let place = Place::new();
    let [https, http] = sockets();
    let server = place.demo_on([&https, &http]).await;
    let client = server.user01().await;
    server.stop().await;
    let (who, next) = tokio::join!(client.who(), place.demo_on([&https, &http]));
    assert_eq!(who.as_deref(), Some("user01"));
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(next.http).await.unwrap();
    stream.write_all(plain.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&raw::read_to_close(&mut stream).await), 308);
}
