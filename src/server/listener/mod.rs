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

use std::time::Duration;

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    middleware::AddExtension,
};
use axum_server::{
    Handle, Server,
    accept::Accept,
    service::SendService,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{interval, timeout},
};

use self::{
    connection::Connection,
    head_timeout::{ConnectionStream, HeadAcceptor},
    idle_timeout::IdleAcceptor,
    socket::{Accepted, Listener, Peer},
};
use crate::server::config::Https;

/// hyper's limit for the head of an HTTP/1.1 request, in bytes. It is above the limit of the middleware
/// `validate_request`, whose refusal explains what to do. Above this limit the client gets a bare 431.
const MAX_HEAD: usize = 128 * 1024;
/// hyper's limit for the header fields of an HTTP/1.1 request.
const MAX_FIELDS: usize = 1000;
/// hyper's limit for the header list of an HTTP/2 request: bytes, plus 32 for each field. A browser may send each
/// cookie as a separate field (RFC 9113, section 8.2.3).
const MAX_HEADER_LIST: u32 = 256 * 1024;
/// How often the shutdown checks whether all connections have closed.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Concurrent streams of an HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// HTTP/2 flow-control windows, in bytes. Bodies are small here; hyper's default of 1 MB is meant for uploads.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Serves `router` over HTTPS until `handle` stops it.
pub async fn serve(
    listener: Listener,
    tls: RustlsConfig,
    router: Router,
    https: &Https,
    handle: Handle<Peer>,
) -> anyhow::Result<()> {
    let limit = https.idle_seconds.duration();
    let tls = RustlsAcceptor::new(tls)
        .handshake_timeout(https.handshake_seconds.duration())
        .acceptor(IdleAcceptor { limit });
    serve_with(listener, tls, router, https, handle).await
}

/// Serves `router` over plain HTTP until `handle` stops it.
pub async fn serve_plain(
    listener: Listener,
    router: Router,
    https: &Https,
    handle: Handle<Peer>,
) -> anyhow::Result<()> {
    let limit = https.idle_seconds.duration();
    serve_with(listener, IdleAcceptor { limit }, router, https, handle).await
}

/// The service for the requests of one connection.
type Service = AddExtension<Router, ConnectInfo<Connection>>;

async fn serve_with<A>(
    listener: Listener,
    acceptor: A,
    router: Router,
    https: &Https,
    handle: Handle<Peer>,
) -> anyhow::Result<()>
where
    A: Accept<Accepted, Service> + Clone + Send + Sync + 'static,
    A::Stream: ConnectionStream + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A::Service: SendService<Request<Incoming>> + Send + 'static,
    A::Future: Send + 'static,
{
    let head_timeout = https.header_seconds.duration();
    let acceptor = HeadAcceptor {
        inner: acceptor,
        limit: head_timeout,
    };
    let mut server = Server::from_listener(listener).acceptor(acceptor).handle(handle);
    set_limits(server.http_builder());
    server
        .first_request_timeout(head_timeout)
        .serve(router.into_make_service_with_connect_info::<Connection>())
        .await?;
    Ok(())
}

fn set_limits(builder: &mut Builder<TokioExecutor>) {
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
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST);
}

/// Waits until all connections of both listeners have closed, for at most `limit`.
pub async fn wait_for_connections(handles: [&Handle<Peer>; 2], limit: Duration) {
    let all_closed = async {
        let mut checks = interval(CHECK_INTERVAL);
        while handles.iter().any(|handle| handle.connection_count() > 0) {
            checks.tick().await;
        }
    };
    // After a timeout, the caller decides what happens to the remaining connections.
    let _ = timeout(limit, all_closed).await;
}
