//! Connections that are driven byte by byte.

use std::{io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    poll::within,
    server::{Server, trusting},
};

/// A TLS connection to a server.
pub async fn tls(server: &Server) -> TlsStream<TcpStream> {
    tls_as(server, trusting(&server.place.data(), None))
        .await
        .expect("a TLS connection")
}

/// A TLS connection with a configuration of its own.
pub async fn tls_as(server: &Server, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(server.https).await?, config).await
}

/// A TLS connection to a server on a connection that is open already.
pub async fn tls_on(server: &Server, stream: TcpStream) -> TlsStream<TcpStream> {
    handshake(stream, trusting(&server.place.data(), None))
        .await
        .expect("a TLS connection")
}

async fn handshake(stream: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    within(
        "a TLS handshake",
        TlsConnector::from(Arc::new(config)).connect(name, stream),
    )
    .await
}

/// Sends a request as it stands and gives all that comes back until the server closes.
pub async fn exchange(server: &Server, request: impl AsRef<[u8]>) -> String {
    let mut stream = tls(server).await;
    // A server that has read enough may answer and close before all of it is sent.
    let _ = stream.write_all(request.as_ref()).await;
    read_to_close(&mut stream).await
}

/// Reads until the server closes, in whatever way.
pub async fn read_to_close(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    // A close without a TLS goodbye is a close, too.
    let _ = within("the server to close", stream.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `end` has come.
pub async fn read_until(stream: &mut (impl tokio::io::AsyncRead + Unpin), end: &str) -> String {
    let mut all = String::new();
    while !all.contains(end) {
        let mut some = [0; 4096];
        let count = within("an answer", stream.read(&mut some)).await.unwrap();
        assert!(count > 0, "closed after {all:?}");
        all.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    all
}

/// The status of a raw answer.
pub fn status(answer: &str) -> u16 {
    answer
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no HTTP answer: {answer:?}"))
}
