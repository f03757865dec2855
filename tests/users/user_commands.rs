//! The users behind the command `user`: their names and passwords, and what becomes of them and their sessions.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;

use crate::{
    PASSWORD, remembered,
    support::{place::Place, poll::until, server::Server},
    texts,
};

const OTHER_PASSWORD: &str = "correct horse battery staple";

#[tokio::test]
async fn a_password_is_read_from_standard_input_without_its_line_break_and_byte_order_mark() {
    let place = Place::new();
    let server = place.serve(&[]).await;
    for (name, typed, password) in [
        ("unix", "seven small zebras\n", "seven small zebras"),
        ("windows", "seven small zebras\r\n", "seven small zebras"),
        ("unicode", "  Grüße, 7 漢字 und 🔑  ", "  Grüße, 7 漢字 und 🔑  "),
        ("nul", "seven\0small\0zebras", "seven\0small\0zebras"),
        ("mark", "\u{feff}seven small zebras\r\n", "seven small zebras"),
        (
            "marks",
            "\u{feff}\u{feff}seven small zebras",
            "\u{feff}seven small zebras",
        ),
    ] {
        place.add_user(name, typed).await;
        let client = server.logged_in(name, password).await;
        assert_eq!(client.who().await.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn a_bad_name_or_password_is_refused_and_no_user_is_added() {
    let place = Place::new();
    let ascii = "| alice|alice\n|a b|<script>|a/b|a\u{1b}[31m";
    // With accents, a Cyrillic a, full width, a space without width, and from right to left.
    let others = "alicé|alice\u{301}|аlice|ａｌｉｃｅ|alice\u{200b}|\u{202e}ecila";
    for name in ascii.split('|').chain(others.split('|')).chain([&*"a".repeat(65)]) {
        let ran = place.run(&["user", "add", "--", name], PASSWORD).await;
        let has_reason = ran.error.contains("a name must be");
        assert!(!ran.worked && has_reason, "{name:?}: {}", ran.error);
    }
    for password in ["", "\n", "this is alice at home"] {
        let ran = place.run(&["user", "add", "alice"], password).await;
        assert!(!ran.worked && !ran.error.is_empty(), "{password:?}");
    }
    let ran = place.run(&["user", "add", "alice", PASSWORD], "").await;
    assert!(!ran.worked, "no password in arguments");
    assert_eq!(place.database().await.count("users").await, 0);
    place.add_user("alice", PASSWORD).await;
    let again = place.run(&["user", "add", "alice"], OTHER_PASSWORD).await;
    assert!(!again.worked && again.error.contains("already"), "{}", again.error);
    let server = place.serve(&[]).await;
    server.logged_in("alice", PASSWORD).await;
}

#[tokio::test]
async fn a_disabled_user_is_listed_as_such_and_logs_in_once_enabled() {
    let server = Server::demo().await;
    for (command, state, status) in [("disable", "disabled", 401), ("enable", "active", 200)] {
        server.place.done(&["user", command, "user01"], "").await;
        let list = server.place.done(&["user", "list"], "").await;
        let line = list.lines().find(|line| line.starts_with("user01 ")).unwrap();
        assert!(line.contains(state), "{list}");
        let login = json!({"user_id": "user01", "password": "user_01"});
        assert_eq!(server.client().call("login", login).await.status, status);
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_a_new_one_of_that_name_gets_nothing() {
    let server = Server::demo().await;
    let (client, admin) = (remembered(&server, "user01").await, server.admin().await);
    client.form("/functions/auth_func", &[("arguments", "{}")]).await;
    let mut database = server.place.database().await;
    for (command, rows) in [(&["user", "list"][..], 1), (&["user", "delete", "user01"], 0)] {
        server.place.done(command, "").await;
        for table in ["sessions", "remembered", "kept_calls"] {
            let found = database.count(&format!("{table} WHERE user_id = 'user01'")).await;
            assert_eq!(found, rows, "{table}");
        }
    }
    server.place.add_user("user01", PASSWORD).await;
    assert_eq!(client.who().await, None);
    let new = server.logged_in("user01", PASSWORD).await;

    // The events of the deleted user are for readers of the audit log only.
    let mut own = json!([]);
    until("the login is logged", async || {
        own = new.done("my_events", json!({})).await["events"].clone();
        own.as_array().unwrap().len() > 1
    })
    .await;
    assert_eq!(texts(&own, "action"), ["login", "user_added"]);
    let user01 = json!({"user_id": "user01"});
    assert_eq!(admin.done("show_user", user01).await["events"], own);
    let all = admin.done("list_events", json!({"user": "user01"})).await;
    let actions = texts(&all["events"], "action");
    assert!(actions.len() > 2 && actions.contains(&"user_deleted"), "{actions:?}");
}

#[tokio::test]
async fn a_login_does_not_outlive_a_new_password_or_disabling_meanwhile() {
    for (command, typed) in [("passwd", OTHER_PASSWORD), ("disable", "")] {
        let place = Place::new();
        place.add_user("alice", PASSWORD).await;
        // Verifying takes longer than the command, so that this comes in the middle of the login.
        let costs = [
            ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
            ("CALLGATE_PASSWORDS_ITERATIONS", "8"),
        ];
        let server = place.serve(&costs).await;
        // The first login hashes the password anew, at that cost.
        server.logged_in("alice", PASSWORD).await;
        let client = server.client();
        let login = json!({"user_id": "alice", "password": PASSWORD});
        let line = ["user", command, "alice"];
        let (login, changed) = tokio::join!(client.call("login", login), place.run(&line, typed));
        assert!(changed.worked, "{}", changed.error);
        assert!([200, 401].contains(&login.status), "{}", login.body);
        assert_eq!(client.who().await, None, "{command} {}", login.status);
        if command == "disable" {
            place.done(&["user", "enable", "alice"], "").await;
            assert_eq!(client.who().await, None, "{command} {}", login.status);
        }
    }
}

#[tokio::test]
async fn passwords_are_argon2id_hashes_that_a_login_renews_once_when_the_cost_is_raised() {
    let place = Place::with_default_settings();
    for user in ["alice", "bob"] {
        place.add_user(user, PASSWORD).await;
    }
    let mut database = place.database().await;
    let mut hashes = Vec::new();
    for user in ["alice", "bob"] {
        let hash = format!("SELECT password_hash FROM users WHERE user_id = '{user}'");
        hashes.push(database.text(&hash).await);
    }
    let parts: Vec<Vec<&str>> = hashes.iter().map(|hash| hash.split('$').collect()).collect();
    for parts in &parts {
        assert_eq!(parts[..4], ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        // 128 bits of salt are 22 characters without padding.
        assert!(parts[4].len() >= 22, "{parts:?}");
    }
    assert_ne!(parts[0][4], parts[1][4]);

    let server = place.serve(&[]).await;
    let client = server.logged_in("alice", PASSWORD).await;
    server.stop().await;
    let dearer = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "32768"),
        ("CALLGATE_PASSWORDS_ITERATIONS", "3"),
    ];
    let server = place.serve(&dearer).await;
    let hash = "SELECT password_hash FROM users WHERE user_id = 'alice'";
    let wrong = json!({"user_id": "alice", "password": "wrong"});
    assert_eq!(server.client().call("login", wrong).await.status, 401);
    assert_eq!(database.text(hash).await, hashes[0]);
    let login = server.logged_in("alice", PASSWORD).await;
    let after = database.text(hash).await;
    assert!(after.contains("$m=32768,t=3,p=1$"), "{after}");
    for client in [client.moved_to(&server.client()), login] {
        assert_eq!(client.who().await.as_deref(), Some("alice"));
    }
    server.logged_in("alice", PASSWORD).await;
    assert_eq!(database.text(hash).await, after);
}

#[tokio::test]
async fn the_data_folder_is_readable_by_its_owner_only() {
    let server = Place::with_default_settings().demo(&[]).await;
    server.user01().await;
    let data = server.place.data();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let entries = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    for path in files.chain([data.join("callgate.db"), data.join("certs/localhost.key")]) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
