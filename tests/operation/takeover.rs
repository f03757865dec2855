//! One server follows another on sockets that a supervisor keeps open: no call fails, and nobody is logged out.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{io::AsyncWriteExt as _, task::JoinHandle};

use crate::support::{
    client::{Client, SESSION},
    effort::rounds,
    poll::{until, within},
    raw,
    server::{Place, free_address},
};

/// Somebody who calls over and over, logged in as user01.
struct Caller {
    client: Client,
    answers: AtomicUsize,
    is_enough: AtomicBool,
}

impl Caller {
    fn goes_on(&self) -> bool {
        !self.is_enough.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    async fn call(&self, way: &str) {
        match way {
            "new" => self.over_new_connections().await,
            "kept" => self.over_kept_connections().await,
            _ => self.over_http2().await,
        }
    }

    async fn over_new_connections(&self) {
        while self.goes_on() {
            assert_eq!(self.client.who().await.as_deref(), Some("user01"));
            self.count();
        }
    }

    /// Keeps each connection until the server announces its end.
    async fn over_kept_connections(&self) {
        let (name, session) = (self.client.cookie_name(SESSION), self.client.session());
        let request = format!(
            "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={session}\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        while self.goes_on() {
            let mut stream = self.client.connect("http/1.1").await;
            let mut is_last = false;
            while self.goes_on() && !is_last {
                stream.write_all(request.as_bytes()).await.unwrap();
                let answer = raw::read_until(&mut stream, "user_id=user01\"}").await;
                assert_eq!(raw::status(&answer), 200, "{answer}");
                self.count();
                is_last = answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
            }
        }
    }

    /// Keeps each connection until GOAWAY: what was not taken by then goes over the next one.
    async fn over_http2(&self) {
        let (origin, session) = (self.client.origin(), self.client.session());
        while self.goes_on() {
            let io = TokioIo::new(self.client.connect("h2").await);
            let (mut sender, connection): (SendRequest<String>, _) = handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            while self.goes_on() && sender.ready().await.is_ok() {
                let request = hyper::Request::post(format!("{origin}/api/auth_func"))
                    .header("cookie", format!("{}={session}", self.client.cookie_name(SESSION)))
                    .header("content-type", "application/json");
                let sent = sender.try_send_request(request.body("{}".to_owned()).unwrap());
                match within("an answer", sent).await {
                    Ok(answer) => {
                        assert_eq!(answer.status(), 200);
                        self.count();
                    }
                    // It was not sent, or it crossed GOAWAY on its way and was not processed (RFC 9113, section 6.8).
                    Err(error) => {
                        let why = format!("{:?}", error.error());
                        let has_crossed = why.contains("GoAway") && why.contains("NO_ERROR");
                        assert!(error.message().is_some() || has_crossed, "{why}");
                    }
                }
            }
        }
    }
}

/// Listening sockets that outlive the servers, as a supervisor holds them.
fn sockets() -> [TcpListener; 2] {
    [(); 2].map(|()| TcpListener::bind(free_address()).unwrap())
}

/// Waits until each caller got two more answers: then all have a connection to the server that runs now.
async fn all_are_answered(callers: &[(Arc<Caller>, JoinHandle<()>)]) {
    for (caller, calling) in callers {
        let aim = caller.answers.load(Ordering::Relaxed) + 2;
        until("two more answers", async || {
            assert!(!calling.is_finished(), "a call failed");
            caller.answers.load(Ordering::Relaxed) >= aim
        })
        .await;
    }
}

/// Replaces the server again and again while clients call it in each of these ways. For `grace_ms` milliseconds, a kept-alive
/// connection may still bring a last request.
async fn replaced_while_called(ways: &[&'static str], grace_ms: &str) {
    let place = Place::new();
    let [https, http] = sockets();
    let limits = ["FAREWELL_MS", "DRAIN_SECONDS", "HEADER_SECONDS", "IDLE_SECONDS"];
    let names = limits.map(|limit| format!("CALLGATE_HTTPS_{limit}"));
    let mut settings = names.each_ref().map(|name| (name.as_str(), "3600"));
    settings[0].1 = grace_ms;
    let start = || place.demo_on([&https, &http], &settings);
    let mut server = start().await;
    let client = server.user01().await;
    let begin = |way: &&'static str| {
        let caller = Arc::new(Caller {
            client: client.clone(),
            answers: AtomicUsize::new(0),
            is_enough: AtomicBool::new(false),
        });
        let (calling, way) = (Arc::clone(&caller), *way);
        (caller, tokio::spawn(async move { calling.call(way).await }))
    };
    let callers: Vec<_> = ways.iter().map(begin).collect();
    all_are_answered(&callers).await;
    for _ in 0..rounds(3, 20) {
        let next = start().await;
        server.signal("TERM");
        assert!(server.ended().await.success());
        server = next;
        all_are_answered(&callers).await;
    }
    for (caller, calling) in callers {
        caller.is_enough.store(true, Ordering::Relaxed);
        calling.await.unwrap();
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// The server ends when every connection has made its last request, however slow the client is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_http_1_call_fails_while_servers_follow_one_another() {
    replaced_while_called(&["new", "kept", "new", "kept"], "3600000").await;
}

/// GOAWAY comes after the grace period, and cuts off no call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_http_2_call_fails_while_servers_follow_one_another() {
    replaced_while_called(&["h2", "h2"], "500").await;
}

#[tokio::test]
async fn a_call_that_comes_while_nobody_serves_is_answered_by_the_next_server() {
    let place = Place::new();
    let [https, http] = sockets();
    let server = place.demo_on([&https, &http], &[]).await;
    let client = server.user01().await;
    server.stop().await;
    let (who, next) = tokio::join!(client.who(), place.demo_on([&https, &http], &[]));
    assert_eq!(who.as_deref(), Some("user01"));
    let plain = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw::status(&raw::exchange_plain(&next, plain).await), 308);
}

#[tokio::test]
async fn a_server_is_ready_at_the_socket_that_was_handed_over() {
    let place = Place::new();
    let [https, http] = sockets();
    let server = place.demo_on([&https, &http], &[]).await;
    let listening = format!("ready at {}", server.client().origin());
    assert!(
        server.announced.ends_with(&format!("{listening}\n")),
        "{}",
        server.announced
    );
    server.stop().await;
    // Whether the public address leads here is up to a proxy.
    let public = [("CALLGATE_SITE_ORIGIN", "https://calls.example")];
    let announced = place.demo_on([&https, &http], &public).await.announced.clone();
    assert!(
        announced.ends_with(&format!("{listening} for https://calls.example\n")),
        "{announced}"
    );
}
