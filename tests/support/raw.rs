//! Connections that are driven byte by byte.

use std::{io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    poll::within,
    server::{Server, trusting},
};

/// A TLS connection to a server.
pub async fn tls(server: &Server) -> TlsStream<TcpStream> {
    let config = trusting(&server.place.data(), None);
    tls_as(server, config).await.expect("a TLS connection")
}

/// A TLS connection with a configuration of its own.
pub async fn tls_as(server: &Server, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    handshake(TcpStream::connect(server.https).await?, config).await
}

/// A TLS connection to a server on a connection that is open already.
pub async fn tls_on(server: &Server, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    handshake(stream, trusting(&server.place.data(), None)).await
}

pub async fn handshake(stream: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    within("a TLS handshake", connector.connect(name, stream)).await
}

/// Sends a request as it stands and gives all that comes back until the server closes.
pub async fn exchange(server: &Server, request: impl AsRef<[u8]>) -> String {
    send_and_read(tls(server).await, request.as_ref()).await
}

/// The same without TLS.
pub async fn exchange_plain(server: &Server, request: impl AsRef<[u8]>) -> String {
    send_and_read(TcpStream::connect(server.http).await.unwrap(), request.as_ref()).await
}

async fn send_and_read(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    // A server that has read enough may answer and close before all of it is sent.
    let _ = stream.write_all(request).await;
    read_to_close(&mut stream).await
}

/// Reads until the server closes, in whatever way.
pub async fn read_to_close(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    // A close without a TLS goodbye is a close, too.
    let _ = within("the server to close", stream.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `end` has come.
pub async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
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

/// Types of HTTP/2 frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 (RFC 9113, section 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// What a client says first over HTTP/2.
pub fn http2_preface() -> Vec<u8> {
    let mut preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    preface.extend(frame(SETTINGS, 0, 0, &[]));
    preface
}

/// A request over HTTP/2, its headers as they stand (RFC 7541, section 6.2.2).
pub fn http2_request(stream: u32, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "{text}");
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    let mut request = frame(HEADERS, END_HEADERS, stream, &block);
    request.extend(frame(DATA, END_STREAM, stream, body));
    request
}
