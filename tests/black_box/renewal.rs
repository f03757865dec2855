//! A certificate that is renewed while the server runs (security check 6).

use std::fs;

use tokio::io::AsyncWriteExt as _;

use crate::{
    poll::until,
    raw,
    server::{Place, Server, trusting},
};

/// The certificate that a new connection is shown.
async fn shown(server: &Server) -> Vec<u8> {
    let stream = raw::tls(server).await;
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}

/// Puts files of the folder `from` in place of those in use: each at once, one after the other.
fn swap(server: &Server, from: &str, files: &[&str]) {
    for file in files {
        let target = server.place.path("data/certs").join(file);
        let beside = target.with_extension("new");
        fs::copy(server.place.path(from).join(file), &beside).unwrap();
        fs::rename(&beside, &target).unwrap();
    }
}

/// The certificate last: whoever looks in between finds the old one, or none, beside the new key.
const PAIR: &[&str] = &["ca.pem", "localhost.key", "localhost.pem"];

async fn certificates(server: &Server, folder: &str) {
    server.place.done(&["cert", "--certs", folder], "").await;
}

fn told(server: &Server, what: &str) -> usize {
    server.place.log().lines().filter(|line| line.contains(what)).count()
}

/// Waits until the server shows a certificate of the CA that is now in its folder.
async fn renewed(server: &Server) {
    until("the new certificate", async || {
        raw::tls_as(server, trusting(&server.place.data(), None)).await.is_ok()
    })
    .await;
}

const REFUSED: &str = "the earlier ones stay in use";

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let server = Place::new().serve(&[("CALLGATE_HTTPS_HEADER_SECONDS", "30")]).await;
    let client = server.client();
    assert_eq!(client.get("/").await.status, 200);
    let mut open = raw::tls(&server).await;
    let before = shown(&server).await;
    certificates(&server, "renewed").await;
    swap(&server, "renewed", PAIR);
    server.signal("HUP");
    renewed(&server).await;
    assert_ne!(shown(&server).await, before);
    let request = "GET /api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    open.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&raw::read_until(&mut open, "\r\n\r\n").await), 404);
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn a_renewed_certificate_is_found_without_a_signal() {
    let server = Place::new().serve(&[("CALLGATE_HTTPS_RELOAD_SECONDS", "1")]).await;
    let before = shown(&server).await;
    certificates(&server, "renewed").await;
    swap(&server, "renewed", PAIR);
    renewed(&server).await;
    assert_ne!(shown(&server).await, before);
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_changes_nothing_and_is_told_once() {
    let server = Place::new().serve(&[("CALLGATE_HTTPS_RELOAD_SECONDS", "1")]).await;
    let before = shown(&server).await;
    certificates(&server, "renewed").await;
    let certificate = server.place.path("data/certs/localhost.pem");
    let was = fs::read(&certificate).unwrap();
    let broken: [(&str, Option<Vec<u8>>); 4] = [
        // The key of another certificate.
        (
            "mismatch",
            Some(fs::read(server.place.path("renewed/localhost.pem")).unwrap()),
        ),
        ("half written", Some(was[..was.len() / 2].to_vec())),
        ("empty", Some(Vec::new())),
        ("gone", None),
    ];
    for (number, (what, content)) in broken.into_iter().enumerate() {
        match content {
            Some(content) => fs::write(server.place.path("beside"), content).unwrap(),
            None => fs::remove_file(&certificate).unwrap(),
        }
        if what != "gone" {
            fs::rename(server.place.path("beside"), &certificate).unwrap();
        }
        until(what, async || told(&server, REFUSED) == number + 1).await;
        assert_eq!(shown(&server).await, before, "{what}");
    }
    // A signal looks again, and says so again.
    server.signal("HUP");
    until("a look at the signal", async || told(&server, REFUSED) == 5).await;
    assert!(server.place.log().contains("localhost.pem"), "{}", server.place.log());
    swap(&server, "renewed", PAIR);
    renewed(&server).await;
    assert_ne!(shown(&server).await, before);
    assert_eq!(told(&server, REFUSED), 5, "{}", server.place.log());
}
