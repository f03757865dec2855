//! Settings: where they come from, and what refuses to start.

use std::fs;

use crate::{
    client::SESSION,
    server::{Place, free_address},
};

#[tokio::test]
async fn what_the_command_prints_is_a_file_to_start_from() {
    let place = Place::new();
    let printed = place.done(&["settings"], "").await;
    fs::write(place.path("callgate.toml"), &printed).unwrap();
    let server = place.demo(&[("CALLGATE_SETTINGS", "callgate.toml")]).await;
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    // The option names the same file.
    place.done(&["user", "list", "--settings", "callgate.toml"], "").await;
}

#[tokio::test]
async fn every_setting_is_printed_with_its_meaning_default_and_variable() {
    let place = Place::new();
    let printed = place.done(&["settings"], "").await;
    let mut section = String::new();
    let (mut comments, mut settings) = (Vec::new(), 0);
    for line in printed.lines() {
        if line.starts_with('[') {
            section = format!("_{}", line.trim_matches(['[', ']']).to_uppercase());
            comments.clear();
        } else if let Some(comment) = line.strip_prefix("# ") {
            comments.push(comment);
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ") {
            let variable = format!("Variable: CALLGATE{section}_{}", key.to_uppercase());
            assert!(comments.contains(&variable.as_str()), "{line}: {comments:?}");
            assert!(comments.len() >= 2, "{line} has no meaning");
            assert!(!value.is_empty(), "{line}");
            settings += 1;
            comments.clear();
        }
    }
    assert!(settings >= 20, "{settings}: {printed}");
    assert!(printed.contains("body_bytes = 65536"), "{printed}");
}

#[tokio::test]
async fn the_command_line_goes_before_variables_and_those_before_the_file() {
    let place = Place::new();
    fs::write(
        place.path("callgate.toml"),
        "data = \"from-file\"\n[limits]\nbody_bytes = 50\n[sessions]\nremember_seconds = 55\n",
    )
    .unwrap();
    let server = place
        .demo(&[
            ("CALLGATE_SETTINGS", "callgate.toml"),
            ("CALLGATE_DATA", "data"),
            ("CALLGATE_LIMITS_BODY_BYTES", "60"),
            ("CALLGATE_HTTPS_ADDRESS", "127.0.0.1:1"),
        ])
        .await;
    assert!(place.data().join("callgate.db").exists());
    assert!(!place.path("from-file").exists());
    let client = server.client();
    let body = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
    assert_eq!(client.json("/api/notauth_func", &body(60)).await.status, 200);
    assert_eq!(client.json("/api/notauth_func", &body(61)).await.status, 413);
    let login = client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    let ages: Vec<_> = login.set_cookies().into_iter().map(|cookie| cookie.max_age).collect();
    assert!(ages.contains(&Some(55)), "{ages:?}");
    assert!(client.cookie(SESSION).is_some());
}

/// security check 108, the bad configuration
#[tokio::test]
async fn an_unknown_key_in_the_file_refuses_to_start_and_is_named() {
    let place = Place::new();
    for (text, named) in [
        ("dmeo = true", "dmeo"),
        ("[https]\nadress = \"127.0.0.1:1\"", "adress"),
        ("[sesions]\nidle_seconds = 1", "sesions"),
        ("[limits]\nbody_bytes = \"many\"", "body_bytes"),
        ("[sessions]\nidle_seconds = -1", "idle_seconds"),
        ("[http]\naddress = \"of\"", "of"),
        ("demo = ", "demo"),
    ] {
        fs::write(place.path("bad.toml"), text).unwrap();
        let ran = place.refused(&["--demo", "--settings", "bad.toml"], &[]).await;
        assert!(
            ran.error.contains("bad.toml") && ran.error.contains(named),
            "{text}: {}",
            ran.error
        );
        let ran = place.run(&["user", "list", "--settings", "bad.toml"], "").await;
        assert!(!ran.worked, "{text}");
    }
    let ran = place.refused(&["--demo", "--settings", "absent.toml"], &[]).await;
    assert!(ran.error.contains("absent.toml"), "{}", ran.error);
    assert!(!place.data().exists(), "nothing was touched");
}

#[tokio::test]
async fn an_unknown_variable_refuses_to_start_and_is_named() {
    let place = Place::new();
    for name in ["CALLGATE_DMEO", "CALLGATE_SESSIONS_IDLE", "CALLGATE_", "CALLGATE_demo"] {
        let ran = place.refused(&["--demo"], &[(name, "1")]).await;
        assert!(ran.error.contains(name), "{}", ran.error);
    }
    for (name, value) in [
        ("CALLGATE_SESSIONS_IDLE_SECONDS", "soon"),
        ("CALLGATE_SESSIONS_IDLE_SECONDS", "-1"),
        ("CALLGATE_DEMO", "perhaps"),
        ("CALLGATE_HTTPS_ADDRESS", "localhost"),
        ("CALLGATE_HTTP_ADDRESS", "of"),
        ("CALLGATE_PASSWORDS_PERMITS", "0.5"),
    ] {
        let address = free_address().to_string();
        let line = match name {
            "CALLGATE_HTTPS_ADDRESS" => vec!["serve", "--demo", "--http", "off"],
            "CALLGATE_HTTP_ADDRESS" => vec!["serve", "--demo", "--https", &address],
            "CALLGATE_DEMO" => vec!["serve", "--https", &address, "--http", "off"],
            _ => vec!["serve", "--demo", "--https", &address, "--http", "off"],
        };
        let ran = place.run_with(&line, "", &[(name, value)]).await;
        assert!(!ran.worked, "{name}={value}");
        assert!(ran.error.contains(name), "{name}={value}: {}", ran.error);
    }
}

#[tokio::test]
async fn a_contradiction_refuses_to_start_and_names_the_key() {
    let place = Place::new();
    for (variables, named) in [
        (vec![("CALLGATE_HTTPS_KEY", "k.pem")], "https.certificate"),
        (vec![("CALLGATE_HTTPS_CERTIFICATE", "c.pem")], "https.key"),
        (vec![("CALLGATE_SITE_ORIGIN", "http://calls.example")], "site.origin"),
        (vec![("CALLGATE_SITE_ORIGIN", "https://calls.example/x")], "site.origin"),
        (
            vec![("CALLGATE_SESSIONS_IDLE_SECONDS", "43201")],
            "sessions.idle_seconds",
        ),
        (vec![("CALLGATE_SESSIONS_IDLE_SECONDS", "0")], "sessions.idle_seconds"),
        (vec![("CALLGATE_SITE_ORIGIN", "https://:")], "site.origin"),
        (
            vec![("CALLGATE_SITE_ORIGIN", "https://calls.example:99999")],
            "site.origin",
        ),
        (vec![("CALLGATE_SITE_ORIGIN", "https://a:1:2")], "site.origin"),
        (vec![("CALLGATE_SITE_ORIGIN", "https://a:+80")], "site.origin"),
        (vec![("CALLGATE_SITE_ORIGIN", "https://.")], "site.origin"),
        (vec![("CALLGATE_LIMITS_BODY_BYTES", "0")], "limits.body_bytes"),
        (vec![("CALLGATE_LIMITS_CONNECTIONS", "1")], "limits.connections"),
        (vec![("CALLGATE_LIMITS_CALL_SECONDS", "0")], "limits.call_seconds"),
        (
            vec![("CALLGATE_PASSWORDS_MAX_WAIT_MS", "20000")],
            "passwords.max_wait_ms",
        ),
        (
            vec![("CALLGATE_THROTTLE_ACCOUNT_DELAY_SECONDS", "901")],
            "throttle.account_delay_seconds",
        ),
        (vec![("CALLGATE_PASSWORDS_PERMITS", "0")], "passwords.permits"),
        (vec![("CALLGATE_PASSWORDS_MIN_CHARS", "7")], "passwords.min_chars"),
        (vec![("CALLGATE_PASSWORDS_MIN_CHARS", "65")], "passwords.min_chars"),
        (vec![("CALLGATE_SESSIONS_FRESH_SECONDS", "0")], "sessions.fresh_seconds"),
        (vec![("CALLGATE_SESSIONS_PER_USER", "0")], "sessions.per_user"),
        (vec![("CALLGATE_PASSWORDS_MEMORY_KIB", "1")], "password"),
        (vec![("CALLGATE_LOG_FILTER", "callgate=loud")], "log.filter"),
    ] {
        let ran = place.refused(&["--demo"], &variables).await;
        assert!(ran.error.contains(named), "{variables:?}: {}", ran.error);
    }
    let ran = place.refused(&["--demo", "--https", "127.0.0.1:0"], &[]).await;
    assert!(ran.error.contains("https.address"), "{}", ran.error);
}

/// security check 48
#[tokio::test]
async fn a_demo_listens_on_loopback_only() {
    let place = Place::new();
    let port = free_address().port();
    for host in ["0.0.0.0", "[::]", "192.0.2.1"] {
        let address = format!("{host}:{port}");
        let ran = place.refused(&["--demo", "--https", &address], &[]).await;
        assert!(
            ran.error.contains("demo") && ran.error.contains("loopback"),
            "{}",
            ran.error
        );
        let ran = place
            .refused(&["--https", &address], &[("CALLGATE_DEMO", "true")])
            .await;
        assert!(ran.error.contains("loopback"), "{}", ran.error);
    }
    assert!(!place.data().exists());
}

/// security check 48
#[tokio::test]
async fn demo_users_are_not_served_in_earnest_until_they_have_other_passwords() {
    let place = Place::new();
    let server = place.demo(&[]).await;
    assert!(server.announced.contains("ready"));
    server.stop().await;
    let ran = place.refused(&[], &[]).await;
    for name in ["user01", "user02", "user03", "--demo"] {
        assert!(ran.error.contains(name), "{}", ran.error);
    }
    place.done(&["user", "delete", "user01"], "").await;
    place.done(&["user", "passwd", "user02"], "another password").await;
    let ran = place.refused(&[], &[]).await;
    assert!(
        ran.error.contains("user03") && !ran.error.contains("user02,"),
        "{}",
        ran.error
    );
    // Somebody else is to be the administrator from now on.
    place.done(&["role", "give", "user02", "admin"], "").await;
    // A disabled one could be enabled by mistake.
    place.done(&["user", "disable", "user03"], "").await;
    place.refused(&[], &[]).await;
    place.done(&["user", "delete", "user03"], "").await;
    let server = place.serve(&[]).await;
    let old = r#"{"user_id":"user02","password":"user_02"}"#;
    assert_eq!(server.client().json("/api/login", old).await.status, 401);
    server.logged_in("user02", "another password").await;
}

#[tokio::test]
async fn a_demo_leaves_alone_what_an_operator_changed() {
    let place = Place::new();
    place.demo(&[]).await.stop().await;
    place.done(&["user", "passwd", "user01"], "another password").await;
    place.done(&["user", "disable", "user02"], "").await;
    let server = place.demo(&[]).await;
    server.logged_in("user01", "another password").await;
    for body in [
        r#"{"user_id":"user01","password":"user_01"}"#,
        r#"{"user_id":"user02","password":"user_02"}"#,
    ] {
        assert_eq!(server.client().json("/api/login", body).await.status, 401, "{body}");
    }
    server.logged_in("user03", "user_03").await;
}
