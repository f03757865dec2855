//! Clients that call over and over while servers are replaced, and fail the test when a call fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::AsyncWriteExt as _,
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval},
};

use crate::support::{
    client::{Client, SESSION},
    poll::{until, within},
    raw,
};

/// A function that is called with an empty object.
#[derive(Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    /// The end of the body of each answer.
    pub answer: &'static str,
}

pub const AUTH: Function = Function {
    name: "auth_func",
    answer: r#"auth_func({}),user_id=user01"}"#,
};

/// A task that calls until it is asked to end.
pub struct Calling {
    caller: Arc<Caller>,
    task: JoinHandle<()>,
}

struct Caller {
    client: Client,
    function: Function,
    /// The shortest time between two calls.
    interval: Duration,
    answers: AtomicUsize,
    is_enough: AtomicBool,
}

impl Calling {
    /// Begins to call: over `new` connections, over `kept` ones, or over `h2`.
    pub fn begin(client: Client, function: Function, way: &'static str, interval: Duration) -> Self {
        let caller = Arc::new(Caller {
            client,
            function,
            interval,
            answers: AtomicUsize::new(0),
            is_enough: AtomicBool::new(false),
        });
        let calling = Arc::clone(&caller);
        Self {
            caller,
            task: tokio::spawn(async move { calling.call(way).await }),
        }
    }

    pub fn answers(&self) -> usize {
        self.caller.answers.load(Ordering::Relaxed)
    }

    /// Waits for the call that is running, and ends.
    pub async fn end(self) {
        self.caller.is_enough.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

/// Waits until each caller got two more answers: then all have a connection to a server that runs now.
pub async fn all_are_answered(callers: &[Calling]) {
    for calling in callers {
        let aim = calling.answers() + 2;
        until("two more answers", async || {
            assert!(!calling.task.is_finished(), "a call failed");
            calling.answers() >= aim
        })
        .await;
    }
}

impl Caller {
    fn goes_on(&self) -> bool {
        !self.is_enough.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn ticks(&self) -> Interval {
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    fn path(&self) -> String {
        format!("/api/{}", self.function.name)
    }

    /// The cookie of the session, if there is one.
    fn cookie(&self) -> Option<String> {
        let session = self.client.cookie(SESSION)?;
        Some(format!("{}={session}", self.client.cookie_name(SESSION)))
    }

    async fn call(&self, way: &str) {
        match way {
            "new" => self.over_new_connections().await,
            "kept" => self.over_kept_connections().await,
            _ => self.over_http2().await,
        }
    }

    async fn over_new_connections(&self) {
        let mut ticks = self.ticks();
        while self.goes_on() {
            ticks.tick().await;
            let reply = self.client.json(&self.path(), "{}").await;
            assert_eq!(reply.status, 200, "{}", reply.body);
            assert!(reply.body.ends_with(self.function.answer), "{}", reply.body);
            self.count();
        }
    }

    /// Keeps each connection until the server announces its end.
    async fn over_kept_connections(&self) {
        let path = self.path();
        let cookie = self.cookie().map(|cookie| format!("Cookie: {cookie}\r\n"));
        let cookie = cookie.unwrap_or_default();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Content-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        );
        let mut ticks = self.ticks();
        while self.goes_on() {
            let mut stream = self.client.connect("http/1.1").await;
            let mut is_last = false;
            while self.goes_on() && !is_last {
                ticks.tick().await;
                stream.write_all(request.as_bytes()).await.unwrap();
                let answer = raw::read_until(&mut stream, self.function.answer).await;
                assert_eq!(raw::status(&answer), 200, "{answer}");
                self.count();
                is_last = answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
            }
        }
    }

    /// Keeps each connection until GOAWAY: what was not taken by then goes over the next one.
    async fn over_http2(&self) {
        let address = format!("{}{}", self.client.origin(), self.path());
        let cookie = self.cookie();
        let mut ticks = self.ticks();
        while self.goes_on() {
            let io = TokioIo::new(self.client.connect("h2").await);
            let (mut sender, connection): (SendRequest<String>, _) = handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            while self.goes_on() && sender.ready().await.is_ok() {
                ticks.tick().await;
                let mut request = hyper::Request::post(&address).header("content-type", "application/json");
                if let Some(cookie) = &cookie {
                    request = request.header("cookie", cookie);
                }
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
