//! Limits how long the head of an HTTP/1.1 request may take, from its first byte.
//!
//! hyper's own timeout starts at the end of the previous request, so it would also close an idle keep-alive connection.
//! An HTTP/2 head is a single frame, which the idle timeout covers.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::server::TlsStream;

use super::{connection::Connection, idle_timeout::IdleStream};

/// A stream that knows its connection.
pub trait ConnectionStream {
    /// The connection, if it speaks HTTP/1.1.
    fn http1(&self) -> Option<Connection>;
}

impl ConnectionStream for IdleStream<TcpStream> {
    fn http1(&self) -> Option<Connection> {
        self.connection().cloned()
    }
}

impl ConnectionStream for TlsStream<IdleStream<TcpStream>> {
    fn http1(&self) -> Option<Connection> {
        let (stream, tls) = self.get_ref();
        stream.http1().filter(|_| tls.alpn_protocol() != Some(b"h2"))
    }
}

/// Wraps an acceptor and adds the head timeout to its streams.
#[derive(Debug, Clone)]
pub struct HeadAcceptor<A> {
    pub inner: A,
    pub limit: Duration,
}

impl<I, S, A> Accept<I, S> for HeadAcceptor<A>
where
    A: Accept<I, S>,
    A::Stream: ConnectionStream + Send + 'static,
    A::Service: Send + 'static,
    A::Future: Send + 'static,
{
    type Stream = HeadStream<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepting, limit) = (self.inner.accept(stream, service), self.limit);
        async move {
            let (stream, service) = accepting.await?;
            let connection = stream.http1();
            Ok((HeadStream::new(stream, limit, connection), service))
        }
        .boxed()
    }
}

/// A stream that fails with [`io::ErrorKind::TimedOut`] when a head takes too long.
#[derive(Debug)]
pub struct HeadStream<S> {
    stream: S,
    limit: Duration,
    connection: Option<Connection>,
    head: Option<Head>,
}

/// A head that has begun to arrive.
#[derive(Debug)]
struct Head {
    deadline: Pin<Box<Sleep>>,
    /// The number of requests before this one.
    requests: u64,
}

impl<S> HeadStream<S> {
    fn new(stream: S, limit: Duration, connection: Option<Connection>) -> Self {
        Self {
            stream,
            limit,
            connection,
            head: None,
        }
    }

    /// Whether the current head has taken too long. `has_read` means that bytes have just arrived.
    fn is_too_slow(&mut self, has_read: bool, cx: &mut Context<'_>) -> bool {
        let Some(connection) = &self.connection else {
            return false;
        };
        let requests = connection.requests();
        if self.head.as_ref().is_some_and(|head| head.requests != requests) {
            self.head = None;
        }
        // While a request waits for its response, incoming bytes are its body.
        if has_read && self.head.is_none() && !connection.responding.is_busy() {
            let deadline = Box::pin(sleep(self.limit));
            self.head = Some(Head { deadline, requests });
        }
        let head = self.head.as_mut();
        head.is_some_and(|head| head.deadline.as_mut().poll(cx).is_ready())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HeadStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.is_too_slow(buf.filled().len() > before, cx) {
            Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "request head timed out")))
        } else {
            read
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeadStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
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

    const LIMIT: Duration = Duration::from_secs(10);

    fn connection() -> Connection {
        Connection::new(([127, 0, 0, 1], 1).into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_arrives_byte_by_byte_times_out() {
        let (near, mut far) = duplex(8);
        let mut near = HeadStream::new(near, LIMIT, Some(connection()));
        let sending = tokio::spawn(async move {
            loop {
                far.write_u8(b'x').await.unwrap();
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let mut all = Vec::new();
        let error = near.read_to_end(&mut all).await.unwrap_err();
        assert_eq!((error.kind(), all.len()), (io::ErrorKind::TimedOut, 4));
        sending.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn neither_an_idle_connection_nor_a_body_times_out() {
        let (near, mut far) = duplex(8);
        let connection = connection();
        let mut near = HeadStream::new(near, LIMIT, Some(connection.clone()));
        for _ in 0..2 {
            tokio::time::sleep(LIMIT * 5).await;
            far.write_u8(b'h').await.unwrap();
            near.read_u8().await.unwrap();
            connection.count_request();
            let responding = connection.responding.begin();
            for _ in 0..3 {
                tokio::time::sleep(LIMIT * 2).await;
                far.write_u8(b'b').await.unwrap();
                near.read_u8().await.unwrap();
            }
            drop(responding);
        }
    }
}
