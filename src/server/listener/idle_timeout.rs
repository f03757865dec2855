//! Closes a connection that has been silent for too long, in whatever state it is.
//!
//! hyper bounds the head of an HTTP/1.1 request, but neither an idle HTTP/2 connection nor a client that stops reading.
//! The timer runs below TLS and starts anew with every byte in either direction. So that this cannot be played with, one
//! byte at a time, a client that lets an answer wait has to take it at some least rate. While a function runs or a page is
//! rendered for the connection, it is the server that is silent: that has a limit of its own (`limits.call_seconds`).

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::{connection::Connection, connection_limit::Permit, socket::Accepted};
use crate::server::runtime::in_flight::InFlight;

/// What a client has to take, in bytes a second, while an answer waits for it. The slowest of telephones takes more.
const LEAST_RATE: u32 = 1024;

/// Gives every accepted connection an idle timer.
#[derive(Debug, Clone, Copy)]
pub struct IdleAcceptor {
    limit: Duration,
}

impl IdleAcceptor {
    /// Connections may be silent for `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Accept<Accepted, S> for IdleAcceptor {
    type Stream = IdleStream<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, accepted: Accepted, service: S) -> Self::Future {
        let Accepted {
            stream,
            permit,
            connection,
        } = accepted;
        // Small responses must not wait for more to send (Nagle's algorithm).
        ready(stream.set_nodelay(true).map(|()| {
            let mut stream = IdleStream::new(stream, self.limit, connection.in_flight().clone());
            stream.accepted = Some((permit, connection));
            (stream, service)
        }))
    }
}

/// A connection that ends with an error when it is silent for too long.
#[derive(Debug)]
pub struct IdleStream<S> {
    stream: S,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// Since when a write waits for the client.
    waiting: Option<Instant>,
    /// For how long the client may still let writes wait.
    allowance: Duration,
    in_flight: InFlight,
    /// The permit that the connection takes, and what is known of it.
    accepted: Option<(Permit, Connection)>,
}

impl<S> IdleStream<S> {
    /// Starts the timer. It does not run out while anything is in flight.
    pub fn new(stream: S, limit: Duration, in_flight: InFlight) -> Self {
        Self {
            stream,
            limit,
            timer: Box::pin(sleep(limit)),
            waiting: None,
            allowance: limit,
            in_flight,
            accepted: None,
        }
    }

    /// What is known of the connection.
    pub fn connection(&self) -> Option<&Connection> {
        self.accepted.as_ref().map(|(_, connection)| connection)
    }

    /// Sets the timer anew where something moved, and looks at it where nothing did.
    fn watch<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            let end = Instant::now() + self.limit;
            self.timer.as_mut().reset(end);
            return moved;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.waiting.is_some() || !self.in_flight.is_busy() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection was idle")));
            }
            let end = Instant::now() + self.limit;
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// The same for a write: waiting uses the allowance up, and what the client then takes adds to it.
    fn watch_write(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        match (&written, self.waiting) {
            (Poll::Pending, None) => {
                self.waiting = Some(now);
                let end = now + self.allowance;
                if end < self.timer.deadline() {
                    self.timer.as_mut().reset(end);
                }
            }
            (Poll::Ready(Ok(bytes)), Some(since)) => {
                let earned = Duration::from_secs(*bytes as u64) / LEAST_RATE;
                self.allowance = (self.allowance.saturating_sub(now - since) + earned).min(self.limit);
                self.waiting = None;
            }
            _ => {}
        }
        self.watch(cx, written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let moved = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.watch(cx, moved)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch_write(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection() {
        let (near, _far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_starts_the_timer_anew() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        for _ in 0..3 {
            tokio::time::advance(LIMIT * 2 / 3).await;
            far.write_u8(1).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_not_waited_for() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let takes_a_byte_now_and_then = async {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                far.read_u8().await.unwrap();
            }
        };
        tokio::select! {
            written = near.write_all(&[0; 4096]) => {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            () = takes_a_byte_now_and_then => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_slow_but_takes_it_all_is_waited_for() {
        let (near, mut far) = duplex(8192);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let all = vec![0; 512 * 1024];
        let (written, ()) = tokio::join!(near.write_all(&all), async {
            let mut some = vec![0; 8192];
            for _ in 0..64 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                far.read_exact(&mut some).await.unwrap();
            }
        });
        written.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_not_waited_for() {
        let (near, _far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
