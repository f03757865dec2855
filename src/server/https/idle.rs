//! Closes a connection that has been silent for too long, in whatever state it is.
//!
//! hyper bounds the head of an HTTP/1.1 request, but neither an idle HTTP/2 connection nor a client that stops reading.
//! The timer runs below TLS and starts anew with every byte in either direction.

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

impl<S> Accept<TcpStream, S> for IdleAcceptor {
    type Stream = IdleStream<TcpStream>;
    type Service = S;
    type Future = Ready<io::Result<(Self::Stream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // Small answers must not wait for more to send (Nagle's algorithm).
        ready(
            stream
                .set_nodelay(true)
                .map(|()| (IdleStream::new(stream, self.limit), service)),
        )
    }
}

/// A connection that ends with an error when it is silent for too long.
#[derive(Debug)]
pub struct IdleStream<S> {
    stream: S,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<S> IdleStream<S> {
    /// Starts the timer.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            timer: Box::pin(sleep(limit)),
        }
    }

    /// Starts the timer anew after something moved, and looks at it after nothing did.
    fn watch<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.timer.as_mut().reset(Instant::now() + self.limit);
            return moved;
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection was idle"))),
            Poll::Pending => Poll::Pending,
        }
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
        let moved = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch(cx, moved)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let moved = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch(cx, moved)
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
    async fn a_client_that_stops_reading_is_not_waited_for() {
        let (near, _far) = duplex(8);
        let mut near = IdleStream::new(near, LIMIT);
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
