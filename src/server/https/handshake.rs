//! The TLS handshake of a connection, which has to be over in time.
//!
//! axum-server's own acceptor does the same, and then tells every request of its connection what was agreed on: a piece of
//! memory and a table of one entry for each. Nobody here asks.

use std::{io, time::Duration};

use axum_server::{accept::Accept, tls_rustls::RustlsConfig};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    idle::{IdleAcceptor, IdleStream},
    listener::Accepted,
};

/// Makes accepted connections speak TLS, with the certificate that is in use at that moment.
#[derive(Debug, Clone)]
pub struct HandshakeAcceptor {
    /// The certificate, which may be renewed.
    pub tls: RustlsConfig,
    /// What the connection goes through before.
    pub idle: IdleAcceptor,
    /// How long a handshake may take.
    pub limit: Duration,
}

impl<S: Send + 'static> Accept<Accepted, S> for HandshakeAcceptor {
    type Stream = TlsStream<IdleStream<TcpStream>>;
    type Service = S;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, S)>>;

    fn accept(&self, accepted: Accepted, service: S) -> Self::Future {
        let Self { tls, idle, limit } = self.clone();
        async move {
            let (stream, service) = idle.accept(accepted, service).await?;
            let handshake = TlsAcceptor::from(tls.get_inner()).accept(stream);
            let stream = timeout(limit, handshake)
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"))??;
            Ok((stream, service))
        }
        .boxed()
    }
}
