//! The command line: certificates, help, and mistakes.

use std::fs;

use crate::server::Place;

const FILES: [&str; 3] = ["ca.pem", "localhost.pem", "localhost.key"];

fn read(place: &Place, folder: &str) -> Vec<String> {
    FILES
        .iter()
        .map(|name| fs::read_to_string(place.path(folder).join(name)).unwrap())
        .collect()
}

#[tokio::test]
async fn without_a_certificate_the_server_refuses_and_says_how_to_make_one() {
    let place = Place::new();
    let ran = place.refused(&[], &[]).await;
    let (_, hint) = ran.error.split_once('`').expect("a command to copy");
    let hint = hint.split('`').next().unwrap();
    let mut words: Vec<&str> = hint.split_whitespace().collect();
    assert_eq!(words.remove(0), "callgate", "{}", ran.error);
    place.done(&words, "").await;
    // The hint was right: the same line now serves, and clients verify it.
    let server = place.serve(&[]).await;
    assert_eq!(server.client().get("/").await.status, 200);
    assert!(
        server.announced.contains("ready at https://localhost:"),
        "{}",
        server.announced
    );
}

#[tokio::test]
async fn making_a_certificate_again_leaves_good_ones_as_they_are() {
    let place = Place::new();
    let first = place.done(&["cert"], "").await;
    assert!(first.contains("certs/ca.pem"), "{first}");
    let before = read(&place, "certs");
    assert!(before[0].starts_with("-----BEGIN CERTIFICATE-----"));
    let second = place.done(&["cert"], "").await;
    assert!(second.contains("are good"), "{second}");
    assert_eq!(read(&place, "certs"), before);
    place.done(&["cert", "--force"], "").await;
    for (new, old) in read(&place, "certs").iter().zip(&before) {
        assert_ne!(new, old);
    }
    // A folder with a part missing is no good one.
    fs::remove_file(place.path("certs/localhost.key")).unwrap();
    place.done(&["cert"], "").await;
    assert_eq!(read(&place, "certs").len(), 3);
}

#[tokio::test]
async fn a_certificate_in_the_working_directory_goes_before_that_of_the_data_folder() {
    let place = Place::new();
    place.done(&["cert"], "").await;
    let server = place.demo(&[]).await;
    assert!(!place.data().join("certs").exists());
    fs::create_dir_all(place.data().join("certs")).unwrap();
    fs::copy(place.path("certs/ca.pem"), place.data().join("certs/ca.pem")).unwrap();
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn own_pem_files_are_served_and_broken_ones_refused_by_name() {
    let place = Place::new();
    place.done(&["cert", "--certs", "data/certs"], "").await;
    fs::copy(place.path("data/certs/localhost.pem"), place.path("own.pem")).unwrap();
    fs::copy(place.path("data/certs/localhost.key"), place.path("own.key")).unwrap();
    let own = [
        ("CALLGATE_HTTPS_CERTIFICATE", "own.pem"),
        ("CALLGATE_HTTPS_KEY", "own.key"),
    ];
    let server = place.demo(&own).await;
    assert_eq!(server.client().get("/").await.status, 200);
    server.stop().await;

    place.done(&["cert", "--certs", "other"], "").await;
    fs::copy(place.path("other/localhost.key"), place.path("own.key")).unwrap();
    let ran = place.refused(&["--demo"], &own).await;
    assert!(ran.error.contains("own.pem"), "a key of another one: {}", ran.error);
    fs::write(place.path("own.pem"), "nothing").unwrap();
    let ran = place.refused(&["--demo"], &own).await;
    assert!(ran.error.contains("own.pem"), "{}", ran.error);
}

#[tokio::test]
async fn a_mistake_on_the_command_line_is_told_and_changes_nothing() {
    let place = Place::new();
    for line in [
        vec!["surve"],
        vec!["serve", "--https", "localhost:1"],
        vec!["serve", "--http", "of"],
        vec!["serve", "--dmeo"],
        vec!["user"],
        vec!["user", "add"],
        vec!["function", "call"],
    ] {
        let ran = place.run(&line, "").await;
        assert!(!ran.worked, "{line:?}");
        assert!(!ran.error.is_empty() && ran.printed.is_empty(), "{line:?}");
    }
    assert!(!place.data().exists());
    let help = place.done(&["--help"], "").await;
    for command in ["serve", "cert", "user", "function", "settings"] {
        assert!(help.contains(command), "{help}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_the_setting_that_chooses_another() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    let (https, http) = (server.https.to_string(), server.http.to_string());
    let other = Place::new();
    let ran = other.refused(&["--demo", "--https", &https], &[]).await;
    assert!(ran.error.contains("--https"), "{}", ran.error);
    let ran = other.refused(&["--demo", "--http", &http], &[]).await;
    assert!(ran.error.contains("--http"), "{}", ran.error);
    assert_eq!(server.client().get("/").await.status, 200);
}
