//! A certificate that is renewed while the server runs.

use std::fs;

use tokio::io::AsyncWriteExt as _;

use crate::support::{
    clock::{Clock, DAY},
    place::Place,
    poll::until,
    raw,
    server::{Server, trusting},
};

/// The certificate that the server presents to a new connection.
async fn shown(server: &Server) -> Vec<u8> {
    let stream = raw::tls(server).await;
    stream.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
}

/// The command that makes another certificate, in a folder beside the one in use.
const MAKE: &[&str] = &["cert", "--certs", "renewed"];

/// Replaces the certificate in use, file by file. The certificate comes last: a reload in between finds the old one, or none,
/// beside the new key. Waits until the server presents the new one.
async fn renew(server: &Server, signal: Option<&str>) {
    for file in ["ca.pem", "localhost.key", "localhost.pem"] {
        let target = server.place.path("data/certs").join(file);
        let beside = target.with_extension("new");
        fs::copy(server.place.path("renewed").join(file), &beside).unwrap();
        fs::rename(&beside, &target).unwrap();
    }
    if let Some(signal) = signal {
        server.signal(signal);
    }
    until("the new certificate", async || {
        raw::tls_as(server, trusting(&server.place.data(), None)).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_signal_renews_the_certificate_while_open_connections_go_on() {
    let server = Place::new().serve(&[]).await;
    let client = server.client();
    assert_eq!(client.get("/").await.status, 200);
    let mut open = raw::tls(&server).await;
    let before = shown(&server).await;
    server.place.done(MAKE, "").await;
    renew(&server, Some("HUP")).await;
    assert_ne!(shown(&server).await, before);
    let request = "GET /api/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    open.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(raw::status(&raw::read_until(&mut open, "\r\n\r\n").await), 404);
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn a_bad_certificate_is_logged_once_and_a_good_one_is_found_without_a_signal() {
    let server = Place::new().serve(&[("CALLGATE_HTTPS_RELOAD_SECONDS", "1")]).await;
    let refusals = || server.place.log().matches("the earlier ones stay in use").count();
    let before = shown(&server).await;
    server.place.done(MAKE, "").await;
    let certificate = server.place.path("data/certs/localhost.pem");
    let old = fs::read(&certificate).unwrap();
    let of_another_key = fs::read(server.place.path("renewed/localhost.pem")).unwrap();
    let broken = [
        ("of another key", Some(of_another_key)),
        ("half written", Some(old[..old.len() / 2].to_vec())),
        ("gone", None),
    ];
    let count = broken.len();
    for (number, (what, content)) in broken.into_iter().enumerate() {
        let beside = server.place.path("beside");
        match content {
            Some(content) => {
                fs::write(&beside, content).unwrap();
                fs::rename(&beside, &certificate).unwrap();
            }
            None => fs::remove_file(&certificate).unwrap(),
        }
        until(what, async || refusals() == number + 1).await;
        assert_eq!(shown(&server).await, before, "{what}");
    }
    // A signal has the files looked at again, and the refusal logged again.
    server.signal("HUP");
    until("a look at the signal", async || refusals() == count + 1).await;
    assert!(server.place.log().contains("localhost.pem"), "{}", server.place.log());
    renew(&server, None).await;
    assert_ne!(shown(&server).await, before);
    assert_eq!(refusals(), count + 1, "{}", server.place.log());
}

/// The lines of the log that warn of a certificate.
fn warnings(place: &Place) -> Vec<String> {
    let log = place.log();
    let warns = log
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("the certificate "));
    warns.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_certificate_that_clients_refuse_or_soon_will_is_warned_of_at_the_start_and_at_each_look() {
    let place = Place::new();
    let clock = Clock::new(&place);
    let mut server = clock.serve(&place).await;
    assert_eq!(warnings(&place), [""; 0]);
    let mut count = 0;
    for (days, warning) in [(384, "expires soon"), (384, "expires soon"), (398, "has expired")] {
        clock.set(days * DAY);
        server.signal("HUP");
        count += 1;
        until("a warning", async || warnings(&place).len() == count).await;
        let last = warnings(&place).pop().unwrap();
        for part in [warning, "localhost.pem", "callgate cert --certs"] {
            assert!(last.contains(part), "{last}");
        }
    }
    server.stop().await;
    server = clock.serve(&place).await;
    assert!(warnings(&place).len() == count + 1 && warnings(&place)[count].contains("has expired"));
    server.stop().await;

    count = warnings(&place).len();
    let other_name = ("CALLGATE_SITE_ORIGIN", "https://calls.example");
    server = place.serve(&[other_name]).await;
    server.signal("HUP");
    until("a warning at the start and one more", async || {
        warnings(&place).len() == count + 2
    })
    .await;
    for line in &warnings(&place)[count..] {
        for part in [
            "not valid for the host in site.origin",
            "https://calls.example",
            "localhost",
        ] {
            assert!(line.contains(part), "{line}");
        }
    }
    server.stop().await;
    // A proxy shows its own to visitors.
    place
        .serve(&[other_name, ("CALLGATE_PROXIES_TRUSTED", "10.0.0.1")])
        .await;
    assert_eq!(warnings(&place).len(), count + 2);
}
