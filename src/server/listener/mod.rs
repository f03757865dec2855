//! The listeners: HTTPS, and plain HTTP that redirects to it.
//!
//! Every wait has a timeout: the handshake, the head of a request, its body (in the handlers), a response that the
//! client does not read, an idle connection, and the shutdown.

pub mod cert_reload;
pub mod certificate;
pub mod connection;
pub mod connection_limit;
pub mod dev_certificates;
pub mod head_timeout;
pub mod idle_timeout;
pub mod open_files;
pub mod pem;
pub mod socket;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request},
    http::Version,
};
use axum_server::{
    accept::Accept,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::SetOnce,
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;
use tower::{Layer as _, ServiceExt as _};

use self::{
    head_timeout::{ConnectionStream, HeadAcceptor},
    idle_timeout::IdleAcceptor,
    socket::{Accepted, Listener},
};
use crate::server::{config::Https, runtime::shutdown::ShutdownSteps};

/// hyper's limit for the head of an HTTP/1.1 request, in bytes. It is above the limit of the middleware
/// `validate_request`, whose refusal explains what to do. Above this limit the client gets a bare 431.
const MAX_HEAD: usize = 128 * 1024;
/// hyper's limit for the header fields of an HTTP/1.1 request.
const MAX_FIELDS: usize = 1000;
/// hyper's limit for the header list of an HTTP/2 request: bytes, plus 32 for each field. A browser may send each
/// cookie as a separate field (RFC 9113, section 8.2.3).
const MAX_HEADER_LIST: u32 = 256 * 1024;
/// The delay after a connection could not be accepted, for example because too many files are open. Without it, the
/// attempts would use up the processor.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Concurrent streams of an HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// HTTP/2 flow-control windows, in bytes. Bodies are small here; hyper's default of 1 MB is meant for uploads.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What the listeners of a server share.
#[derive(Debug, Clone)]
pub struct Server {
    pub https: Https,
    pub shutdown: ShutdownSteps,
    /// The tasks of the open connections.
    pub connections: TaskTracker,
}

impl Server {
    /// Serves `router` over HTTPS until the sockets are to be closed. Accepted connections continue.
    pub async fn serve(&self, listener: Listener, tls: RustlsConfig, router: Router) {
        let tls = RustlsAcceptor::new(tls)
            .handshake_timeout(self.https.handshake_seconds.duration())
            .acceptor(self.idle_acceptor());
        self.serve_with(listener, tls, router).await;
    }

    /// Serves `router` over plain HTTP until the sockets are to be closed. Accepted connections continue.
    pub async fn serve_plain(&self, listener: Listener, router: Router) {
        self.serve_with(listener, self.idle_acceptor(), router).await;
    }

    fn idle_acceptor(&self) -> IdleAcceptor {
        let limit = self.https.idle_seconds.duration();
        IdleAcceptor { limit }
    }

    async fn serve_with<A>(&self, mut listener: Listener, acceptor: A, router: Router)
    where
        A: Accept<Accepted, ()> + Send + Sync + 'static,
        A::Stream: ConnectionStream + AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A::Service: Send + 'static,
        A::Future: Send + 'static,
    {
        let head_timeout = self.https.header_seconds.duration();
        let server = Arc::new(ConnectionServer {
            acceptor: HeadAcceptor {
                inner: acceptor,
                limit: head_timeout,
            },
            http: builder(),
            // Prepares the routes once, not for each request.
            router: router.with_state(()),
            head_timeout,
            shutdown: self.shutdown.clone(),
        });
        while let Some(accepted) = listener.accept().await {
            let Ok(accepted) = accepted else {
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            };
            let server = Arc::clone(&server);
            self.connections.spawn(async move { server.serve(accepted).await });
        }
    }
}

/// Serves the connections of one listener.
///
/// axum-server's own server ends all connections of a shutdown at once. Here, HTTP/2 connections end earlier than those
/// of HTTP/1.1: GOAWAY makes a client open another connection without losing a request, while closing an idle HTTP/1.1
/// connection may lose the request that the client is just sending.
struct ConnectionServer<A> {
    acceptor: HeadAcceptor<A>,
    http: Builder<TokioExecutor>,
    router: Router,
    head_timeout: Duration,
    shutdown: ShutdownSteps,
}

impl<A> ConnectionServer<A>
where
    A: Accept<Accepted, ()>,
    A::Stream: ConnectionStream + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A::Service: Send + 'static,
    A::Future: Send + 'static,
{
    async fn serve(&self, accepted: Accepted) {
        let shutdown = &self.shutdown;
        let router = Extension(ConnectInfo(accepted.connection.clone())).layer(self.router.clone());
        let stream = tokio::select! {
            biased;
            () = shutdown.end_connections.cancelled() => return,
            accepted = self.acceptor.accept(accepted, ()) => match accepted {
                Ok((stream, _)) => stream,
                // The TLS handshake failed, or the client closed the connection.
                Err(_) => return,
            },
        };
        // All requests of a connection have the HTTP version of the first one.
        let first_version = SetOnce::new();
        let service = service_fn(|request: Request<Incoming>| {
            let _ = first_version.set(request.version());
            router.clone().oneshot(request)
        });
        let mut serving = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let version = tokio::select! {
            biased;
            () = shutdown.end_connections.cancelled() => None,
            version = timeout(self.head_timeout, first_version.wait()) => match version {
                Ok(version) => Some(*version),
                Err(_) => return,
            },
            _ = &mut serving => return,
        };
        // Not before the first request: a client that gets GOAWAY on each new connection would never get to send one.
        let end = if version == Some(Version::HTTP_2) {
            &shutdown.end_http2
        } else {
            &shutdown.end_connections
        };
        tokio::select! {
            biased;
            () = end.cancelled() => {}
            _ = &mut serving => return,
        }
        serving.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            () = shutdown.abort.cancelled() => {}
            _ = serving => {}
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // hyper's timeout covers the wait for a request and its head together. `HeadAcceptor` limits the head,
    // `IdleAcceptor` the wait.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_HEAD);
    // No keep-alive pings: they would restart the idle timer, which also closes dead connections.
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST);
    builder
}
