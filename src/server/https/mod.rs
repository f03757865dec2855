//! The listeners: HTTPS for everything, and plain HTTP that only leads to it.
//!
//! Every wait has an end: handshake, head of a request, body (in the doors), an answer that nobody takes, silence, and the
//! drain at the stop.

pub mod at_work;
pub mod certificate;
pub mod connection;
pub mod forwarded;
pub mod handshake;
pub mod idle;
pub mod listener;
pub mod open_files;
pub mod places;
pub mod plain;
pub mod reload;
pub mod stalled;
pub mod timer;

use std::time::Duration;

use axum_server::{Handle, Server, tls_rustls::RustlsConfig};
use tokio::time::{interval, timeout};

use self::{
    handshake::HandshakeAcceptor,
    idle::IdleAcceptor,
    listener::{Listener, Peer},
    timer::HeadTimer,
};
use super::{
    door::{Doors, DoorsForAll},
    settings::Settings,
};

/// The largest head of an HTTP/1.1 request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The largest list of headers of an HTTP/2 request, in bytes.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// How often it is looked whether all connections have gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many calls one HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 100;
/// How many bytes of bodies that nobody has read yet an HTTP/2 call, and a whole connection, may have sent. Bodies are
/// small here; hyper's own megabyte would be for uploads.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Serves the doors until `handle` stops it.
///
/// # Errors
/// A failure of the listener.
pub async fn serve(
    listener: Listener,
    tls: RustlsConfig,
    doors: Doors,
    settings: &Settings,
    handle: Handle<Peer>,
) -> anyhow::Result<()> {
    let https = &settings.https;
    let acceptor = HandshakeAcceptor {
        tls,
        idle: IdleAcceptor::new(Duration::from_secs(https.idle_seconds)),
        limit: Duration::from_secs(https.handshake_seconds),
    };
    let mut server = Server::from_listener(listener).acceptor(acceptor).handle(handle);
    let header = Duration::from_secs(https.header_seconds);
    limit(server.http_builder(), header);
    server.first_request_timeout(header).serve(DoorsForAll(doors)).await?;
    Ok(())
}

/// Bounds what a connection may send and how long it may take with it.
fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>, header: Duration) {
    builder
        .http1()
        .timer(HeadTimer)
        .header_read_timeout(header)
        .max_buf_size(MAX_HEAD);
    // No keep-alive pings: they would look like life to the idle timer, which ends dead connections as well.
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST);
}

/// Waits until no connection is left on either listener, but no longer than `farewell`.
pub async fn parted(handles: [&Handle<Peer>; 2], farewell: Duration) {
    let parted = async {
        let mut looks = interval(LOOK_EVERY);
        while handles.iter().any(|handle| handle.connection_count() > 0) {
            looks.tick().await;
        }
    };
    // Whoever is silent for that long is closed like any silent connection.
    let _ = timeout(farewell, parted).await;
}
