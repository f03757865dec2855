//! The command line: certificates, help, and mistakes.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::support::{
    clock::{Clock, DAY},
    place::Place,
};

fn certificates(place: &Place) -> Vec<String> {
    let read = |name| fs::read_to_string(place.path("certs").join(name)).unwrap();
    ["ca.pem", "localhost.pem", "localhost.key"].map(read).to_vec()
}

#[tokio::test]
async fn without_a_certificate_the_server_refuses_and_says_how_to_make_one() {
    let place = Place::new();
    let ran = place.refused(&[], &[]).await;
    let hint = ran.error.split('`').nth(1).expect("a command to copy");
    let words: Vec<&str> = hint.strip_prefix("callgate ").unwrap().split_whitespace().collect();
    place.done(&words, "").await;
    let server = place.serve(&[]).await;
    assert_eq!(server.client().get("/").await.status, 200);
    let announced = &server.announced;
    assert!(announced.contains("ready at https://localhost:"), "{announced}");
}

#[tokio::test]
async fn making_a_certificate_again_leaves_good_ones_as_they_are() {
    let place = Place::new();
    let first = place.done(&["cert"], "").await;
    assert!(first.contains("certs/ca.pem"), "{first}");
    let before = certificates(&place);
    assert!(before[0].starts_with("-----BEGIN CERTIFICATE-----"));
    let second = place.done(&["cert"], "").await;
    assert!(second.contains("are still valid"), "{second}");
    assert_eq!(certificates(&place), before);
    place.done(&["cert", "--force"], "").await;
    for (new, old) in certificates(&place).iter().zip(&before) {
        assert_ne!(new, old);
    }
    // A folder with a part missing is no good one.
    fs::remove_file(place.path("certs/localhost.key")).unwrap();
    place.done(&["cert"], "").await;
    certificates(&place);
}

#[tokio::test]
async fn a_development_certificate_is_made_anew_before_its_end_whatever_the_age_of_its_files() {
    let place = Place::new();
    let clock = Clock::new(&place);
    // It ends in 27 days, and its files are young.
    clock.set(-370 * DAY);
    let made = place.run_with(&["cert"], "", &clock.variables()).await;
    assert!(made.worked, "{}", made.error);
    let before = certificates(&place);
    place.done(&["cert"], "").await;
    let after = certificates(&place);
    assert_ne!(after, before);
    let old = SystemTime::now() - Duration::from_hours(350 * 24);
    File::open(place.path("certs/localhost.pem"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    place.done(&["cert"], "").await;
    assert_eq!(certificates(&place), after);
}

#[tokio::test]
async fn a_certificate_in_the_working_directory_goes_before_that_of_the_data_folder() {
    let place = Place::with_default_settings();
    place.done(&["cert"], "").await;
    let server = place.demo(&[]).await;
    assert!(!place.data().join("certs").exists());
    // The client reads the CA there.
    fs::create_dir_all(place.data().join("certs")).unwrap();
    fs::copy(place.path("certs/ca.pem"), place.data().join("certs/ca.pem")).unwrap();
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn own_pem_files_are_served_and_broken_ones_refused_by_name() {
    let place = Place::new();
    let own = [
        ("CALLGATE_HTTPS_CERTIFICATE", "own.pem"),
        ("CALLGATE_HTTPS_KEY", "own.key"),
    ];
    let copy = |from: &str, to| fs::copy(place.path(from), place.path(to)).unwrap();
    place.done(&["cert", "--certs", "data/certs"], "").await;
    copy("data/certs/localhost.pem", "own.pem");
    copy("data/certs/localhost.key", "own.key");
    let server = place.demo(&own).await;
    assert_eq!(server.client().get("/").await.status, 200);
    server.stop().await;

    // First a key of another certificate, then no certificate at all.
    place.done(&["cert", "--certs", "other"], "").await;
    copy("other/localhost.key", "own.key");
    place.refused(&["--demo"], &own).await.assert_failed(&["own.pem"]);
    fs::write(place.path("own.pem"), "nothing").unwrap();
    place.refused(&["--demo"], &own).await.assert_failed(&["own.pem"]);
}

#[tokio::test]
async fn a_certificate_or_key_that_is_encrypted_or_no_pem_file_is_refused_with_a_command_that_converts_it() {
    let place = Place::new();
    place.done(&["cert", "--certs", "data/certs"], "").await;
    let read = |name: &str| fs::read(place.data().join("certs").join(name)).unwrap();
    let (certificate, key) = (read("localhost.pem"), read("localhost.key"));
    let own = [
        ("CALLGATE_HTTPS_CERTIFICATE", "own.pem"),
        ("CALLGATE_HTTPS_KEY", "own.key"),
    ];
    let key_der = PrivateKeyDer::from_pem_slice(&key).unwrap();
    let certificate_der = CertificateDer::from_pem_slice(&certificate).unwrap();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted_as_before = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
        DEK-Info: AES-128-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n";
    for (certificate, key, what) in [
        (&certificate[..], key_der.secret_der(), "own.key is in DER format"),
        (&certificate, encrypted.as_bytes(), "own.key is encrypted"),
        (&certificate, encrypted_as_before.as_bytes(), "own.key is encrypted"),
        (&certificate_der, &key, "own.pem is in DER format"),
    ] {
        fs::write(place.path("own.pem"), certificate).unwrap();
        fs::write(place.path("own.key"), key).unwrap();
        let ran = place.refused(&["--demo"], &own).await;
        ran.assert_failed(&[what, ": openssl "]);
    }
}

#[tokio::test]
async fn a_byte_order_mark_at_the_start_of_a_pem_file_is_skipped() {
    let place = Place::new();
    place.done(&["cert", "--certs", "data/certs"], "").await;
    for (from, to) in [("localhost.pem", "own.pem"), ("localhost.key", "own.key")] {
        let pem = fs::read_to_string(place.data().join("certs").join(from)).unwrap();
        fs::write(place.path(to), format!("\u{feff}{pem}")).unwrap();
    }
    let own = [
        ("CALLGATE_HTTPS_CERTIFICATE", "own.pem"),
        ("CALLGATE_HTTPS_KEY", "own.key"),
    ];
    let server = place.serve(&own).await;
    assert_eq!(server.client().get("/livez").await.status, 200);
}

#[tokio::test]
async fn a_mistake_on_the_command_line_is_reported_and_changes_nothing() {
    let place = Place::new();
    for line in "surve|serve --https localhost:1|serve --http of|serve --dmeo|user|user add|function call".split('|') {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = place.run(&words, "").await;
        assert!(!ran.worked && !ran.error.is_empty() && ran.printed.is_empty(), "{line}");
    }
    assert!(!place.data().exists());
    let help = place.done(&["--help"], "").await;
    for command in ["serve", "cert", "user", "function", "settings"] {
        assert!(help.contains(command), "{help}");
    }
}
