//! Backups are complete and private, and open as they are. Sessions that a restored one brings back can be ended.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;
use tokio::process::Command;

use crate::support::{
    client::{Client, REMEMBER},
    effort::rounds,
    fixture,
    place::Place,
    poll::within,
    postgres::{PostgresServer, programs},
    server::{Server, UNTHROTTLED},
};

/// A place with the certificates of the template, and this database.
fn restored(backup: &Path) -> Arc<Place> {
    let place = Place::new();
    fixture::copy(&fixture::template().join("certs"), &place.data().join("certs"));
    fs::copy(backup, place.data().join("callgate.db")).unwrap();
    place
}

async fn remembered(server: &Server) -> Client {
    let client = server.client();
    let login = json!({"user_id": "user02", "password": "user_02", "remember": true});
    client.done("login", login).await;
    client
}

/// The sessions of a backup work until all are revoked, and a new login works then.
async fn all_sessions_can_be_ended(server: &Server, variables: &[(&str, &str)], clients: [&Client; 2]) {
    let [client, remembered] = clients.map(|client| client.moved_to(&server.client()));
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    let token = remembered.cookie(REMEMBER).unwrap();
    let ran = server
        .place
        .run_with(&["session", "revoke", "--all"], "", variables)
        .await;
    assert!(ran.worked, "{}", ran.error);
    assert_eq!(client.who().await, None);
    assert_eq!(remembered.who().await, None);
    assert_eq!(server.client().with_only(REMEMBER, &token).who().await, None);
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    let events = ["audit", "events", "--what", "sessions_revoked", "--json"];
    let ran = server.place.run_with(&events, "", variables).await;
    assert!(
        ran.printed.contains("of all users") && ran.printed.contains("(operator)"),
        "{}",
        ran.printed
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_made_under_load_is_private_and_opens_and_its_sessions_can_be_ended() {
    let place = Place::new();
    let server = place.demo(UNTHROTTLED).await;
    let (client, remembered) = (server.user01().await, remembered(&server).await);
    let is_enough = Arc::new(AtomicBool::new(false));
    let logins = tokio::spawn({
        let (empty, is_enough) = (server.client(), Arc::clone(&is_enough));
        async move {
            let mut logins = 0;
            while !is_enough.load(Ordering::Relaxed) {
                let login = json!({"user_id": "user03", "password": "user_03", "remember": true});
                empty.clone().done("login", login).await;
                logins += 1;
            }
            logins
        }
    });
    for round in 0..rounds(3, 30) {
        let file = format!("backup-{round}.db");
        let printed = place.done(&["data", "backup", &file], "").await;
        assert!(printed.contains("callgate session revoke --all"), "{printed}");
        let mode = fs::metadata(place.path(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = fs::read(place.path(&file)).unwrap();
        let ran = place.run(&["data", "backup", &file], "").await;
        ran.assert_failed(&["cannot create the backup", "exists"]);
        assert_eq!(fs::read(place.path(&file)).unwrap(), before);
    }
    is_enough.store(true, Ordering::Relaxed);
    assert!(logins.await.unwrap() > 0);
    // Ended after the backup was made, and back again with it.
    let ended = client.clone();
    client.done("logout", json!({})).await;
    server.stop().await;

    let copy = restored(&place.path("backup-0.db"));
    let server = copy.demo(&[]).await;
    all_sessions_can_be_ended(&server, &[], [&ended, &remembered]).await;

    let ran = place.run(&["data", "backup", "no/such/folder.db"], "").await;
    ran.assert_failed(&["cannot create the backup"]);
    let ran = place.run(&["--data", "none", "data", "backup", "new.db"], "").await;
    ran.assert_failed(&["no database in the folder none"]);
    assert!(!place.path("new.db").exists());
}

#[tokio::test]
async fn a_dump_of_postgresql_opens_in_an_empty_database_and_its_sessions_can_be_ended() {
    let shared = PostgresServer::shared().await;
    let (original, empty) = (shared.create_database().await, shared.create_database().await);
    let (original_url, url) = (original.url(), empty.url());
    let variables = [("CALLGATE_DATABASE_URL", original_url.as_str())];
    let server = Place::new().demo(&variables).await;
    let (client, remembered) = (server.user01().await, remembered(&server).await);
    let place = server.stop().await;

    // The command names the program to use.
    let ran = place.run_with(&["data", "backup", "all.dump"], "", &variables).await;
    assert_eq!(ran.status, 4);
    assert!(!place.path("all.dump").exists());
    let (_, dump) = ran.error.split_once("Run: ").expect("a command to copy");
    assert!(dump.starts_with("pg_dump "), "{dump}");
    let restore = format!("pg_restore --no-owner --exit-on-error --dbname='{url}' all.dump");
    for command in [dump, restore.as_str()] {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .current_dir(place.path(""))
            .env_clear()
            .env("PATH", programs());
        let output = within("a program of PostgreSQL", shell.output()).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let variables = [("CALLGATE_DATABASE_URL", url.as_str())];
    let server = place.demo(&variables).await;
    all_sessions_can_be_ended(&server, &variables, [&client, &remembered]).await;
}
