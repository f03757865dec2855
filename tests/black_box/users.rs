//! Users and the commands that manage them, on the database of a running server.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::{
    poll::until,
    server::{Place, QUICK, Server},
};

const PASSWORD: &str = "correct horse battery staple";

/// security check 48: there is nobody to begin with
#[tokio::test]
async fn a_server_in_earnest_has_no_users_until_one_is_added() {
    let place = Place::new();
    let server = place.serve(&[]).await;
    let client = server.client();
    for number in ["01", "02", "03"] {
        let body = format!(r#"{{"user_id":"user{number}","password":"user_{number}"}}"#);
        assert_eq!(client.json("/api/login", &body).await.status, 401);
    }
    assert_eq!(place.done(&["user", "list"], "").await.trim(), "");
    place.add_user("alice", PASSWORD).await;
    let alice = server.logged_in("alice", PASSWORD).await;
    assert_eq!(alice.who().await.as_deref(), Some("alice"));
    let list = place.done(&["user", "list"], "").await;
    assert!(list.starts_with("alice ") && list.contains("active"), "{list}");
    assert!(!client.get("/login").await.shows("This is a demo"));
}

#[tokio::test]
async fn a_password_is_read_from_standard_input_whole_and_less_its_line_break() {
    let place = Place::new();
    let server = place.serve(QUICK).await;
    let long: String = "schnörkel und 7 zebras; ".chars().cycle().take(256).collect();
    for (name, typed, password) in [
        ("unix", "seven small zebras\n", "seven small zebras"),
        ("windows", "seven small zebras\r\n", "seven small zebras"),
        ("bare", "seven small zebras", "seven small zebras"),
        ("spaces", "  seven small zebras  ", "  seven small zebras  "),
        ("unicode", "Grüße, 7 漢字 und 🔑", "Grüße, 7 漢字 und 🔑"),
        ("long", &long, &long),
        ("nul", "seven\0small\0zebras", "seven\0small\0zebras"),
    ] {
        place.add_user(name, typed).await;
        let client = server.logged_in(name, password).await;
        assert_eq!(client.who().await.as_deref(), Some(name));
    }
    // Every byte counts, also beyond the 72 that other algorithms take.
    let other: String = long.chars().take(255).chain(['?']).collect();
    let body = serde_json::json!({"user_id": "long", "password": other});
    let reply = server.client().json("/api/login", &body.to_string()).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_name_or_password_that_cannot_be_is_refused_and_nothing_is_added() {
    let place = Place::new();
    for name in [
        "",
        " ",
        "a b",
        "a\nb",
        "<script>",
        "é",
        "a/b",
        "a\u{1b}[31m",
        &"a".repeat(65),
    ] {
        let ran = place.run(&["user", "add", "--", name], PASSWORD).await;
        assert!(!ran.worked, "{name:?}");
        assert!(!ran.error.is_empty(), "{name:?}");
    }
    for password in [
        "",
        "\n",
        "fourteen chars",
        "passwordpassword",
        "this is alice at home",
        &"é7!x".repeat(65),
    ] {
        assert!(
            !place.run(&["user", "add", "alice"], password).await.worked,
            "{password:?}"
        );
    }
    assert!(
        !place.run(&["user", "add", "alice", PASSWORD], "").await.worked,
        "no password in arguments"
    );
    for command in ["passwd", "disable", "enable", "delete"] {
        let ran = place.run(&["user", command, "nobody"], PASSWORD).await;
        assert!(!ran.worked && ran.error.contains("nobody"), "{command}: {}", ran.error);
    }
    assert_eq!(place.database().await.count("users").await, 0);
    place.add_user("alice", PASSWORD).await;
    let again = place.run(&["user", "add", "alice"], "another").await;
    assert!(!again.worked && again.error.contains("already"), "{}", again.error);
    let server = place.serve(&[]).await;
    assert!(server.logged_in("alice", PASSWORD).await.who().await.is_some());
}

/// security check 96
#[tokio::test]
async fn of_many_commands_that_add_one_name_at_once_one_wins() {
    let place = Place::new();
    // The first one makes the tables.
    place.add_user("first", PASSWORD).await;
    let adding = (0..6).map(|number| {
        let place = &place;
        async move {
            place
                .run(&["user", "add", "alice"], &format!("{number} small brown zebras"))
                .await
        }
    });
    let ran = futures::future::join_all(adding).await;
    let worked: Vec<usize> = (0..ran.len()).filter(|number| ran[*number].worked).collect();
    assert_eq!(worked.len(), 1);
    for ran in ran.iter().filter(|ran| !ran.worked) {
        assert!(ran.error.contains("already"), "{}", ran.error);
    }
    let server = place.serve(&[]).await;
    server
        .logged_in("alice", &format!("{} small brown zebras", worked[0]))
        .await;
}

/// security check 34
#[tokio::test]
async fn the_next_call_of_a_disabled_or_deleted_user_is_refused_on_every_door() {
    let server = Server::demo().await;
    for (user, command) in [("user01", "disable"), ("user02", "delete")] {
        let password = user.replace("user", "user_");
        let client = server.logged_in(user, &password).await;
        let other = server.logged_in("user03", "user_03").await;
        assert_eq!(client.who().await.as_deref(), Some(user));
        server.place.done(&["user", command, user], "").await;
        assert_eq!(client.who().await, None, "{command}");
        assert_eq!(client.json("/api/current_user", "{}").await.status, 401);
        assert!(!client.get("/").await.shows("Logged in as"), "{command}");
        let reply = client.form("/functions/auth_func", &[("arguments", "{}")]).await;
        assert_eq!(reply.header("location"), "/login?next=/functions/auth_func");
        let body = format!(r#"{{"user_id":"{user}","password":"{password}"}}"#);
        assert_eq!(client.json("/api/login", &body).await.code(), "invalid_credentials");
        assert_eq!(other.who().await.as_deref(), Some("user03"));
    }
}

#[tokio::test]
async fn an_enabled_user_logs_in_again_and_no_old_session_comes_back() {
    let server = Server::demo().await;
    let client = server.user01().await;
    server.place.done(&["user", "disable", "user01"], "").await;
    let list = server.place.done(&["user", "list"], "").await;
    assert!(
        list.lines()
            .any(|line| line.starts_with("user01 ") && line.contains("disabled")),
        "{list}"
    );
    server.place.done(&["user", "enable", "user01"], "").await;
    assert_eq!(client.who().await, None);
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_a_new_one_of_that_name_gets_nothing() {
    let server = Server::demo().await;
    let client = server.client();
    client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    client.form("/functions/auth_func", &[("arguments", "{}")]).await;
    let mut database = server.place.database().await;
    for table in ["sessions", "remembered", "kept_calls"] {
        assert_eq!(database.count(table).await, 1, "{table}");
    }
    server.place.done(&["user", "delete", "user01"], "").await;
    for table in ["sessions", "remembered", "kept_calls"] {
        assert_eq!(database.count(table).await, 0, "{table}");
    }
    server.place.add_user("user01", PASSWORD).await;
    assert_eq!(client.who().await, None);
    let new = server.logged_in("user01", PASSWORD).await;
    assert_eq!(new.who().await.as_deref(), Some("user01"));

    // What happened to the one who is gone is for those to see who read the audit trail.
    let admin = server.admin().await;
    let actions = |told: &Value| -> Vec<String> {
        let events = told["events"].as_array().unwrap().iter();
        events
            .map(|event| event["action"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_user01 = json!({"user_id": "user01"});
    let mut own = Vec::new();
    until("the login is in the trail", async || {
        own = actions(&new.done("my_events", json!({})).await);
        own.len() > 1
    })
    .await;
    assert_eq!(own, ["login", "user_added"]);
    assert_eq!(actions(&admin.done("show_user", of_user01).await), own);
    let all = actions(&admin.done("list_events", json!({"user": "user01"})).await);
    assert!(
        all.len() > own.len() && all.contains(&"user_deleted".to_owned()),
        "{all:?}"
    );
}

/// security check 33, for a change by the operator
#[tokio::test]
async fn another_password_ends_all_sessions_of_the_user_and_of_nobody_else() {
    let server = Server::demo().await;
    let (phone, laptop) = (server.user01().await, server.user01().await);
    let other = server.logged_in("user02", "user_02").await;
    server.place.done(&["user", "passwd", "user01"], PASSWORD).await;
    assert_eq!(phone.who().await, None);
    assert_eq!(laptop.who().await, None);
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    let old = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(phone.json("/api/login", old).await.status, 401);
    server.logged_in("user01", PASSWORD).await;
}

/// security check 33: a login with the old password that is still being worked on does not outlive the change
#[tokio::test]
async fn a_login_under_way_with_the_old_password_does_not_outlive_the_change() {
    let place = Place::new();
    place.add_user("alice", "old brown zebras swim").await;
    // So dear that the change comes in the middle of the login.
    let server = place
        .serve(&[
            ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
            ("CALLGATE_PASSWORDS_ITERATIONS", "8"),
        ])
        .await;
    // The first login hashes the password anew, at that cost.
    server.logged_in("alice", "old brown zebras swim").await;
    let client = server.client();
    let body = r#"{"user_id":"alice","password":"old brown zebras swim","remember":true}"#;
    let change = async {
        place
            .run_with(&["user", "passwd", "alice"], "new green zebras swim", QUICK)
            .await
    };
    let (login, changed) = tokio::join!(client.json("/api/login", body), change);
    assert!(changed.worked, "{}", changed.error);
    assert!([200, 401].contains(&login.status), "{}", login.body);
    assert_eq!(client.who().await, None, "the login was answered {}", login.status);
}

/// security check 34: the same for a user who is disabled meanwhile, and enabled later
#[tokio::test]
async fn a_login_under_way_does_not_outlive_the_disabling_of_its_user() {
    let place = Place::new();
    place.add_user("alice", PASSWORD).await;
    let server = place
        .serve(&[
            ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
            ("CALLGATE_PASSWORDS_ITERATIONS", "8"),
        ])
        .await;
    server.logged_in("alice", PASSWORD).await;
    let client = server.client();
    let body = serde_json::json!({"user_id": "alice", "password": PASSWORD}).to_string();
    let disable = async { place.run_with(&["user", "disable", "alice"], "", QUICK).await };
    let (login, disabled) = tokio::join!(client.json("/api/login", &body), disable);
    assert!(disabled.worked, "{}", disabled.error);
    assert_eq!(client.who().await, None, "the login was answered {}", login.status);
    place.done(&["user", "enable", "alice"], "").await;
    assert_eq!(client.who().await, None, "the login was answered {}", login.status);
}

/// security check 43
#[tokio::test]
async fn passwords_are_stored_as_argon2id_at_a_cost_that_holds_and_each_with_its_own_salt() {
    let place = Place::new();
    place.add_user("alice", PASSWORD).await;
    place.add_user("bob", PASSWORD).await;
    let mut database = place.database().await;
    let mut salts = Vec::new();
    for user in ["alice", "bob"] {
        let hash = database
            .text(&format!("SELECT password_hash FROM users WHERE user_id = '{user}'"))
            .await;
        let parts: Vec<&str> = hash.split('$').collect();
        assert_eq!(parts[..3], ["", "argon2id", "v=19"], "{hash}");
        let cost = |name: &str| -> u32 {
            parts[3]
                .split(',')
                .find_map(|pair| pair.strip_prefix(name))
                .unwrap()
                .parse()
                .unwrap()
        };
        assert!(cost("m=") >= 19_456 && cost("t=") >= 2 && cost("p=") >= 1, "{hash}");
        // 128 bits of salt are 22 characters without padding.
        assert!(parts[4].len() >= 22, "{hash}");
        salts.push(parts[4].to_owned());
    }
    assert_ne!(salts[0], salts[1]);
}

/// security check 43
#[tokio::test]
async fn a_raised_cost_takes_effect_at_the_next_right_login_and_logs_nobody_out() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    let client = server.user01().await;
    place.done(&["user", "list"], "").await;
    server.stop().await;
    let server = place
        .demo(&[
            ("CALLGATE_PASSWORDS_MEMORY_KIB", "32768"),
            ("CALLGATE_PASSWORDS_ITERATIONS", "3"),
        ])
        .await;
    let mut database = place.database().await;
    let hash = "SELECT password_hash FROM users WHERE user_id = 'user01'";
    let before = database.text(hash).await;
    assert!(before.contains("$m=19456,t=2,p=1$"), "{before}");
    let client = client.moved_to(&server.client());
    let wrong = r#"{"user_id":"user01","password":"wrong"}"#;
    assert_eq!(server.client().json("/api/login", wrong).await.status, 401);
    assert_eq!(database.text(hash).await, before);
    let login = server.user01().await;
    let after = database.text(hash).await;
    assert!(after.contains("$m=32768,t=3,p=1$"), "{after}");
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(login.who().await.as_deref(), Some("user01"));
    server.user01().await;
    assert_eq!(database.text(hash).await, after, "hashed anew once");
}

#[tokio::test]
async fn the_data_folder_is_for_its_owner_only() {
    let server = Server::demo().await;
    server.user01().await;
    let mode = |path: std::path::PathBuf| {
        fs::metadata(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(server.place.data()), 0o700);
    for entry in fs::read_dir(server.place.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
        }
    }
    assert_eq!(mode(server.place.data().join("certs/localhost.key")), 0o600);
}
