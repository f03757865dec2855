//! The listeners: HTTPS for everything, and plain HTTP that only leads to it.
//!
//! Every wait has a limit: the handshake, the head of a request, its body (in the handlers), a response that nobody reads, an
//! idle connection, and the shutdown.

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
    head_timeout::{HeadAcceptor, Known},
    idle_timeout::IdleAcceptor,
    socket::{Accepted, Listener, Peer},
};
use crate::server::config::Https;

/// The most bytes of headers that hyper takes. More than the limit of the middleware `validate_request`, whose refusal says what
/// to do; what is above even this gets a bare 431.
const MAX_HEAD: usize = 128 * 1024;
/// The most header fields of an HTTP/1.1 request that hyper takes.
const MAX_FIELDS: usize = 1000;
/// The largest list of headers of an HTTP/2 request that hyper takes, in bytes and 32 more for each field. A browser sends each
/// cookie as a field of its own (RFC 9113, section 8.2.3).
const MAX_HEADER_LIST: u32 = 256 * 1024;
/// How often it is checked whether all connections have ended.
const CHECK_EVERY: Duration = Duration::from_millis(10);
/// The most concurrent streams of an HTTP/2 connection.
const MAX_STREAMS: u32 = 100;
/// How many bytes of bodies that nobody has read yet an HTTP/2 stream, and a whole connection, may have sent. Bodies are
/// small here; hyper's own megabyte would be for uploads.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Serves `router` over HTTPS until `handle` stops it.
///
/// # Errors
/// A failure of the listener.
pub async fn serve(
    listener: Listener,
    tls: RustlsConfig,
    router: Router,
    https: &Https,
    handle: Handle<Peer>,
) -> anyhow::Result<()> {
    let idle = IdleAcceptor::new(https.idle_seconds.duration());
    let tls = RustlsAcceptor::new(tls)
        .handshake_timeout(https.handshake_seconds.duration())
        .acceptor(idle);
    serve_with(listener, tls, router, https, handle).await
}

/// Serves `router` over plain HTTP until `handle` stops it.
///
/// # Errors
/// A failure of the listener.
pub async fn serve_plain(
    listener: Listener,
    router: Router,
    https: &Https,
    handle: Handle<Peer>,
) -> anyhow::Result<()> {
    let idle = IdleAcceptor::new(https.idle_seconds.duration());
    serve_with(listener, idle, router, https, handle).await
}

/// What serves the requests of one connection.
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
    A::Stream: Known + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A::Service: SendService<Request<Incoming>> + Send + 'static,
    A::Future: Send + 'static,
{
    let header = https.header_seconds.duration();
    let mut server = Server::from_listener(listener)
        .acceptor(HeadAcceptor::new(acceptor, header))
        .handle(handle);
    limit(server.http_builder());
    server
        .first_request_timeout(header)
        .serve(router.into_make_service_with_connect_info::<Connection>())
        .await?;
    Ok(())
}

/// Bounds what a connection may send.
fn limit(builder: &mut Builder<TokioExecutor>) {
    // hyper has one time for the wait for a request and for its head. `HeadAcceptor` bounds the head, `IdleAcceptor` the wait.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_headers(MAX_FIELDS)
        .max_buf_size(MAX_HEAD);
    // No keep-alive pings: they would look like life to the idle timer, which ends dead connections as well.
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST);
}

/// Waits until no connection is left on either listener, but no longer than `limit`.
pub async fn wait_for_connections(handles: [&Handle<Peer>; 2], limit: Duration) {
    let all_ended = async {
        let mut checks = interval(CHECK_EVERY);
        while handles.iter().any(|handle| handle.connection_count() > 0) {
            checks.tick().await;
        }
    };
    // What is left then is closed like any silent connection.
    let _ = timeout(limit, all_ended).await;
}
