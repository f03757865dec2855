//! Many handshakes that never come to an end, of every kind at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use rustls::{ClientConnection, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    place::Place,
    poll::within,
    server::{Server, trusting},
};

/// What a client says first.
fn client_hello(server: &Server) -> Vec<u8> {
    let config = Arc::new(trusting(&server.place.data(), None));
    let mut client = ClientConnection::new(config, ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// Sends the beginning of a handshake, and then goes on byte by byte or not at all, until the server closes.
async fn begin(server: &Server, start: &[u8], drip: &[u8]) {
    let stream = TcpStream::connect(server.https).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let _ = writing.write_all(start).await;
    let dripping = async {
        for byte in drip {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await; // poll
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = within("the server to close", reading.read_to_end(&mut answer)) => {}
        () = dripping => {}
    }
}

#[tokio::test]
async fn many_handshakes_without_an_end_are_all_given_up_and_others_are_served_meanwhile() {
    let limit = Duration::from_secs(8);
    let variables = [("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "8")];
    let server = Place::new().demo(&variables).await;
    let hello = client_hello(&server);
    let garbage = [0xff; 600];
    // A record that says it is larger than any may be, and a ClientHello of no version there is.
    let oversized = [&[0x16, 0x03, 0x01, 0xff, 0xff][..], &[0x01; 200]].concat();
    let mut strange = hello.clone();
    strange[9..11].copy_from_slice(&[0x7f, 0x7f]);
    let kinds: [(&[u8], &[u8]); 9] = [
        (b"", b""),
        (&hello[..1], b""),
        (&hello[..5], b""),
        (&hello[..hello.len() / 2], b""),
        (&hello[..5], &hello[5..]),
        // The server answers, and never hears of the client again.
        (&hello, b""),
        (&garbage, b""),
        (&oversized, b""),
        (&strange, b""),
    ];
    for _ in 0..10 {
        let beginnings = (0..90).map(|number| {
            let (start, drip) = kinds[number % kinds.len()];
            begin(&server, start, drip)
        });
        let others = async {
            let mut slowest = Duration::ZERO;
            for _ in 0..10 {
                let asked = Instant::now();
                assert_eq!(server.client().get("/favicon.svg").await.status, 200);
                slowest = slowest.max(asked.elapsed());
            }
            slowest
        };
        let (_, slowest) = tokio::join!(join_all(beginnings), others);
        assert!(slowest < limit, "others waited for {slowest:?}");
    }
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}
