//! Closes connections that are idle for too long, in any state.
//!
//! hyper limits neither an idle HTTP/2 connection nor a client that stops reading. This timer runs below TLS and
//! restarts with every byte in either direction. To stop a client from keeping a connection alive byte by byte, a
//! client that makes writes wait must read at a minimum rate. While a function runs or a page is rendered, the silence
//! is the server's, and `limits.call_seconds` applies instead.

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

/// The minimum rate at which a client must read while a write waits for it, in bytes per second. Even slow mobile
/// networks are faster.
const MIN_RATE: u32 = 1024;

/// Adds the idle timeout to accepted connections.
#[derive(Debug, Clone, Copy)]
pub struct IdleAcceptor {
    pub limit: Duration,
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
        // Disables Nagle's algorithm, which would delay small responses.
        ready(stream.set_nodelay(true).map(|()| {
            let mut stream = IdleStream::new(stream, self.limit, connection.in_flight.clone());
            stream.accepted = Some((permit, connection));
            (stream, service)
        }))
    }
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when it is idle for too long.
#[derive(Debug)]
pub struct IdleStream<S> {
    stream: S,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
    /// When the pending write began to wait for the client.
    waiting_since: Option<Instant>,
    /// How much longer the client may make writes wait in total.
    allowance: Duration,
    in_flight: InFlight,
    /// `None` in unit tests only.
    accepted: Option<(Permit, Connection)>,
}

impl<S> IdleStream<S> {
    /// Starts the timer. It does not expire while anything is in flight.
    pub fn new(stream: S, limit: Duration, in_flight: InFlight) -> Self {
        Self {
            stream,
            limit,
            timer: Box::pin(sleep(limit)),
            waiting_since: None,
            allowance: limit,
            in_flight,
            accepted: None,
        }
    }

    pub fn connection(&self) -> Option<&Connection> {
        self.accepted.as_ref().map(|(_, connection)| connection)
    }

    /// Restarts the timer if there was progress, and checks it otherwise.
    fn watch<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.timer.as_mut().reset(Instant::now() + self.limit);
            return progress;
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.waiting_since.is_some() || !self.in_flight.is_busy() {
                let error = io::Error::new(io::ErrorKind::TimedOut, "idle connection timed out");
                return Poll::Ready(Err(error));
            }
            self.timer.as_mut().reset(Instant::now() + self.limit);
        }
        Poll::Pending
    }

    /// Like [`Self::watch`] for writes. Waiting uses up the allowance; the bytes that the client reads add to it.
    fn watch_write(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        match (&written, self.waiting_since) {
            (Poll::Pending, None) => {
                self.waiting_since = Some(now);
                let end = now + self.allowance;
                if end < self.timer.deadline() {
                    self.timer.as_mut().reset(end);
                }
            }
            (Poll::Ready(Ok(bytes)), Some(since)) => {
                let earned = Duration::from_secs(*bytes as u64) / MIN_RATE;
                self.allowance = (self.allowance.saturating_sub(now - since) + earned).min(self.limit);
                self.waiting_since = None;
            }
            _ => {}
        }
        self.watch(cx, written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.watch(cx, read)
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
    async fn an_idle_connection_times_out() {
        let (near, _far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_restarts_the_timer() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        for _ in 0..3 {
            tokio::time::advance(LIMIT * 2 / 3).await;
            far.write_u8(1).await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_times_out() {
        let (near, mut far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let reads_a_byte_now_and_then = async {
            loop {
                tokio::time::sleep(Duration::from_secs(3)).await;
                far.read_u8().await.unwrap();
            }
        };
        tokio::select! {
            written = near.write_all(&[0; 4096]) => {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            () = reads_a_byte_now_and_then => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_reads_everything_does_not_time_out() {
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
    async fn a_client_that_stops_reading_times_out() {
        let (near, _far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT, InFlight::default());
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
