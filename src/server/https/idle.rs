//! Closes a connection that has been silent for too long, in whatever state it is.
//!
//! hyper bounds the head of an HTTP/1.1 request, but neither an idle HTTP/2 connection nor a client that stops reading.
//! The timer runs below TLS and starts anew with every byte in either direction. So that this cannot be played with, one
//! byte at a time, a client that lets an answer wait has to take it at some least rate. While a function runs or a page is
//! rendered for the connection, it is the server that is silent: that has a limit of its own (`limits.call_seconds`).

use std::{
    future::{Ready, ready},
    io, mem,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::{at_work::AtWork, listener::Accepted, places::Place};

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
        let Accepted { stream, place, at_work } = accepted;
        // Small answers must not wait for more to send (Nagle's algorithm).
        ready(
            stream
                .set_nodelay(true)
                .map(|()| (IdleStream::new(stream, self.limit).of(place, at_work), service)),
        )
    }
}

/// A connection that ends with an error when it is silent for too long.
#[derive(Debug)]
pub struct IdleStream<S> {
    stream: S,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whom the timer wakes.
    woken: Option<Waker>,
    /// When something last moved.
    moved: Instant,
    /// Whether something has moved since.
    is_moving: bool,
    /// Since when a write waits for the client.
    waiting: Option<Instant>,
    /// For how long the client may still let writes wait.
    patience: Duration,
    place: Option<Place>,
    at_work: AtWork,
}

impl<S> IdleStream<S> {
    /// Starts the timer.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            timer: Box::pin(sleep(limit)),
            woken: None,
            moved: Instant::now(),
            is_moving: false,
            waiting: None,
            patience: limit,
            place: None,
            at_work: AtWork::default(),
        }
    }

    /// Holds a place among the open connections until it is dropped, and waits while there is work for it.
    #[must_use]
    pub fn of(mut self, place: Place, at_work: AtWork) -> Self {
        self.place = Some(place);
        self.at_work = at_work;
        self
    }

    /// Notes that something moved, and looks at the timer where nothing did.
    fn watch<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.is_moving = true;
            return moved;
        }
        self.stand_still();
        // The timer is not asked again and again, unless it has run down or wakes somebody else.
        if !self.timer.is_elapsed() && self.woken.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.woken = Some(cx.waker().clone());
        // The timer is not set anew with every byte, but when it has run down and something had moved since it was set.
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.waiting.is_none() && self.at_work.is_any() {
                self.moved = Instant::now();
            }
            let end = self.end();
            if end <= Instant::now() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection was idle")));
            }
            self.timer.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// The same for a write: patience is spent while it waits, and won back by what the client then takes.
    fn watch_write(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match (&written, self.waiting) {
            (Poll::Pending, None) => {
                self.stand_still();
                self.waiting = Some(Instant::now());
                let end = self.end();
                if end < self.timer.deadline() {
                    self.timer.as_mut().reset(end);
                    self.woken = None;
                }
            }
            (Poll::Ready(Ok(bytes)), Some(since)) => {
                let won = Duration::from_secs(*bytes as u64) / LEAST_RATE;
                self.patience = (self.patience.saturating_sub(since.elapsed()) + won).min(self.limit);
                self.waiting = None;
            }
            _ => {}
        }
        self.watch(cx, written)
    }

    /// Notes when it came to a stop: the clock is read then, and not with every piece that moves.
    fn stand_still(&mut self) {
        if mem::take(&mut self.is_moving) {
            self.moved = Instant::now();
        }
    }

    /// When the connection is over if nothing moves until then.
    fn end(&self) -> Instant {
        let silent = self.moved + self.limit;
        self.waiting.map_or(silent, |since| silent.min(since + self.patience))
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
        let mut near = IdleStream::new(near, LIMIT);
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_starts_the_timer_anew() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT);
        for _ in 0..3 {
            tokio::time::advance(LIMIT * 2 / 3).await;
            far.write_u8(1).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_a_byte_now_and_then_is_not_waited_for() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT);
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
        let mut near = IdleStream::new(near, LIMIT);
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
        let mut near = IdleStream::new(near, LIMIT);
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
