//! The steps of a shutdown.

use tokio_util::sync::CancellationToken;

/// The steps of a shutdown, in order. Each token is cancelled when its step begins. Clones share the tokens.
#[derive(Debug, Clone, Default)]
pub struct ShutdownSteps {
    /// HTTP/2 connections that have had a request end when the requests that they have sent are answered.
    pub end_http2: CancellationToken,
    /// The sockets are closed when the queued connections have been accepted.
    pub close_sockets: CancellationToken,
    /// The sockets are closed.
    pub sockets_closed: CancellationToken,
    /// All connections end when the requests that they have sent are answered; those without a request end at once.
    pub end_connections: CancellationToken,
    /// All connections are closed, whatever they are doing.
    pub abort: CancellationToken,
}

impl ShutdownSteps {
    pub fn end_connections(&self) {
        self.end_http2.cancel();
        self.end_connections.cancel();
    }

    pub fn abort(&self) {
        self.end_connections();
        self.abort.cancel();
    }
}
