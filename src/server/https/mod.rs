//! The listeners: HTTPS for everything, and plain HTTP that only leads to it.
//!
//! Every wait has an end: handshake, head of a request, body (in the doors), silence, and the drain at the stop.

pub mod connection;
pub mod forwarded;
pub mod idle;
pub mod plain;
pub mod reload;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::Context as _;
use axum::Router;
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use rustls::crypto::aws_lc_rs;

use self::{connection::Connection, idle::IdleAcceptor};
use super::{certificates::Certificates, settings::Settings};

/// The largest head of an HTTP/1.1 request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The largest list of headers of an HTTP/2 request, in bytes.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// How many calls one HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 100;

/// Binds an address.
///
/// # Errors
/// Names the setting to change.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let bind = || -> io::Result<TcpListener> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().with_context(|| format!("{address} cannot be listened on; is it in use? {setting} chooses another"))
}

/// Reads the certificate and key to serve with.
///
/// # Errors
/// Says which file is not right.
pub async fn tls(certificates: &Certificates) -> anyhow::Result<RustlsConfig> {
    // The process has one provider of cryptography; a second start in it, as in tests, finds it installed.
    let _ = aws_lc_rs::default_provider().install_default();
    RustlsConfig::from_pem_file(&certificates.certificate, &certificates.key)
        .await
        .with_context(|| {
            let (certificate, key) = (certificates.certificate.display(), certificates.key.display());
            format!("the certificate {certificate} and the key {key} cannot be used")
        })
}

/// Serves the doors until `handle` stops it.
///
/// # Errors
/// A failure of the listener.
pub async fn serve(
    listener: TcpListener,
    tls: RustlsConfig,
    doors: Router,
    settings: &Settings,
    handle: Handle<SocketAddr>,
) -> anyhow::Result<()> {
    let https = &settings.https;
    let idle = Duration::from_secs(https.idle_seconds);
    let acceptor = RustlsAcceptor::new(tls)
        .handshake_timeout(Duration::from_secs(https.handshake_seconds))
        .acceptor(IdleAcceptor::new(idle));
    let mut server = axum_server::from_tcp(listener)?.acceptor(acceptor).handle(handle);
    let header = Duration::from_secs(https.header_seconds);
    limit(server.http_builder(), header);
    server
        .first_request_timeout(header)
        .serve(doors.into_make_service_with_connect_info::<Connection>())
        .await?;
    Ok(())
}

/// Bounds what a connection may send and how long it may take with it.
fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>, header: Duration) {
    builder.http1().header_read_timeout(header).max_buf_size(MAX_HEAD);
    // No keep-alive pings: they would look like life to the idle timer, which ends dead connections as well.
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST);
}

/// A handle to stop a listener with.
pub fn handle() -> Handle<SocketAddr> {
    Handle::new()
}
