//! Settings: where they come from, and what refuses to start.

use std::fs;

use crate::support::{
    place::Place,
    server::{Server, free_address},
};

#[tokio::test]
async fn what_the_settings_command_prints_is_a_file_to_start_from() {
    let place = Place::with_default_settings();
    let printed = place.done(&["settings"], "").await;
    fs::write(place.path("callgate.toml"), &printed).unwrap();
    let server = place.demo(&[("CALLGATE_SETTINGS", "callgate.toml")]).await;
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    // The option names the same file.
    place.done(&["user", "list", "--settings", "callgate.toml"], "").await;
}

#[tokio::test]
async fn the_command_line_goes_before_variables_and_those_before_the_file() {
    let place = Place::new();
    let file = "data = \"from-file\"\n[limits]\nbody_bytes = 50\n[sessions]\nremember_seconds = 55\n";
    fs::write(place.path("callgate.toml"), file).unwrap();
    let variables = [
        ("CALLGATE_SETTINGS", "callgate.toml"),
        ("CALLGATE_DATA", "data"),
        ("CALLGATE_LIMITS_BODY_BYTES", "60"),
        ("CALLGATE_HTTPS_ADDRESS", "127.0.0.1:1"),
    ];
    let server = place.demo(&variables).await;
    assert!(place.data().join("callgate.db").exists() && !place.path("from-file").exists());
    let client = server.client();
    for (bytes, status) in [(60, 200), (61, 413)] {
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8));
        assert_eq!(client.json("/api/notauth_func", &body).await.status, status);
    }
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    let cookies = client.json("/api/login", login).await.set_cookies();
    assert!(cookies.iter().any(|cookie| cookie.max_age == Some(55)), "{cookies:?}");
    client.session();
}

#[tokio::test]
async fn relative_paths_in_a_settings_file_count_from_that_file() {
    let place = Place::new();
    place.done(&["cert", "--certs", "etc/own"], "").await;
    let file = "data = 'data'\n[https]\ncertificate = 'own/localhost.pem'\nkey = 'own/localhost.key'\n";
    fs::write(place.path("etc/callgate.toml"), file).unwrap();
    place
        .done(
            &["user", "add", "ada", "--settings", "etc/callgate.toml"],
            "seven small zebras swim",
        )
        .await;
    assert!(place.path("etc/data/callgate.db").exists() && !place.data().exists());
    let server = Server::start(&place, &["--settings", "etc/callgate.toml"], &[]).await;
    assert!(!server.announced.is_empty());
    // Those of variables and of the command line count from the working directory.
    let variables = [("CALLGATE_SETTINGS", "etc/callgate.toml"), ("CALLGATE_DATA", "here")];
    for (options, made) in [(&[][..], "here"), (&["--data", "there"], "there")] {
        let line = [&["user", "add", "ada"], options].concat();
        let ran = place.run_with(&line, "seven small zebras swim", &variables).await;
        assert!(
            ran.worked && place.path(made).join("callgate.db").exists(),
            "{}",
            ran.error
        );
    }
}

#[tokio::test]
async fn a_mistake_in_the_file_refuses_to_start_and_is_named() {
    let place = Place::new();
    for (text, named) in [
        ("dmeo = true", "dmeo"),
        ("[sesions]\nidle_seconds = 1", "sesions"),
        ("[limits]\nbody_bytes = \"many\"", "body_bytes"),
        ("[sessions]\nidle_seconds = -1", "idle_seconds"),
        ("[http]\naddress = \"of\"", "of"),
        ("demo = ", "demo"),
    ] {
        fs::write(place.path("bad.toml"), text).unwrap();
        let ran = place.refused(&["--demo", "--settings", "bad.toml"], &[]).await;
        ran.assert_failed(&["bad.toml", named]);
        let ran = place.run(&["user", "list", "--settings", "bad.toml"], "").await;
        assert!(!ran.worked, "{text}");
    }
    let ran = place.refused(&["--demo", "--settings", "absent.toml"], &[]).await;
    ran.assert_failed(&["absent.toml"]);
    assert!(!place.data().exists(), "nothing was touched");
}

#[tokio::test]
async fn a_mistake_in_a_variable_refuses_to_start_and_is_named() {
    let place = Place::new();
    let address = free_address().to_string();
    // An option would go before the variable that is about the same.
    let options = [
        ("DEMO", &["--demo"][..]),
        ("HTTPS_ADDRESS", &["--https", &address]),
        ("HTTP_ADDRESS", &["--http", "off"]),
    ];
    for assignment in "DMEO=1 SESSIONS_IDLE=1 =1 demo=1 LOG=info LOG_FORMAT=xml SESSIONS_IDLE_SECONDS=soon
        SESSIONS_IDLE_SECONDS=-1 PASSWORDS_PERMITS=0.5 DEMO=perhaps HTTPS_ADDRESS=localhost HTTP_ADDRESS=of"
        .split_whitespace()
    {
        let (name, value) = assignment.split_once('=').unwrap();
        let options = options.iter().filter(|(instead, _)| *instead != name);
        let line: Vec<&str> = options.flat_map(|(_, line)| *line).copied().collect();
        let name = format!("CALLGATE_{name}");
        let line = [&["serve"], &line[..]].concat();
        let ran = place.run_with(&line, "", &[(&name, value)]).await;
        ran.assert_failed(&[&name]);
    }
    let ran = place.refused(&["--demo", "--log", "xml"], &[]).await;
    ran.assert_failed(&["json"]);
    assert!(!place.data().exists(), "nothing was touched");
}

#[tokio::test]
async fn variables_that_kubernetes_sets_for_a_service_are_ignored_with_a_line_in_the_log() {
    let place = Place::new();
    let names = "PORT PORT_8443_TCP PORT_8443_TCP_ADDR SERVICE_HOST SERVICE_PORT_HTTPS
        DB_SERVICE_HOST DB_SERVICE_PORT DB_PORT DB_PORT_5432_TCP_PROTO";
    let names: Vec<String> = names
        .split_whitespace()
        .map(|name| format!("CALLGATE_{name}"))
        .collect();
    let variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "tcp://10.0.0.7:1")).collect();
    place.demo(&variables).await;
    let log = place.log();
    let line = log.lines().find(|line| line.contains("Kubernetes")).expect("a line");
    for name in &names {
        assert!(line.contains(name.as_str()), "{name}: {line}");
    }
    // Another setting of that kind is one that somebody misspelt.
    for name in ["CALLGATE_PORTS", "CALLGATE_DB_PORT"] {
        place.refused(&["--demo"], &[(name, "1")]).await.assert_failed(&[name]);
    }
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let place = Place::with_default_settings();
    let printed = place.done(&["settings"], "").await;
    let comments = printed.lines().filter(|line| line.contains("environment variable"));
    let settings = comments.filter_map(|line| line.split('`').nth(1));
    let names = settings.chain(["CALLGATE_SETTINGS", "CALLGATE_MISSPELT"]);
    let variables: Vec<(&str, &str)> = names.map(|name| (name, "")).collect();
    assert!(variables.len() > 40, "{variables:?}");
    let made = place.run_with(&["cert"], "", &variables).await;
    assert!(made.worked && place.path("certs/ca.pem").exists(), "{}", made.error);
    let file = "data = 'elsewhere'\n[https]\ncertificate = 'certs/localhost.pem'\nkey = 'certs/localhost.key'\n\
        [site]\norigin = 'https://calls.example'\nfiles = 'site'\n[log]\nfilter = 'debug'\n";
    fs::write(place.path("callgate.toml"), file).unwrap();
    let line = ["--demo", "--settings", "callgate.toml"];
    let server = Server::start(&place, &line, &variables).await;
    assert!(
        server.announced.contains("https://calls.example"),
        "{}",
        server.announced
    );
    assert!(place.path("elsewhere/callgate.db").exists() && !place.path("callgate.db").exists());
    assert!(place.log().contains("DEBUG"), "{}", place.log());
}

#[tokio::test]
async fn what_a_setting_cannot_be_is_refused_with_how_it_is_written() {
    let place = Place::new();
    let (seconds, address) = ("a whole number of seconds", "127.0.0.1:8443");
    let ran = place.run(&["serve", "--demo", "--https", ":9443"], "").await;
    ran.assert_failed(&["--https", ":9443", address]);
    for (name, key, value, form) in [
        ("HTTPS_ADDRESS", "[https]\naddress", ":9443", address),
        ("SESSIONS_IDLE_SECONDS", "[sessions]\nidle_seconds", "30m", seconds),
        ("HTTPS_LINGER_SECONDS", "[https]\nlinger_seconds", "5s", seconds),
        (
            "AUDIT_RETENTION_DAYS",
            "[audit]\nretention_days",
            "1y",
            "a whole number of days",
        ),
    ] {
        let ran = place
            .run_with(&["serve", "--demo"], "", &[(&format!("CALLGATE_{name}"), value)])
            .await;
        ran.assert_failed(&[name, value, form]);
        for quote in ["\"", ""] {
            fs::write(place.path("bad.toml"), format!("{key} = {quote}{value}{quote}\n")).unwrap();
            let ran = place.run(&["serve", "--demo", "--settings", "bad.toml"], "").await;
            ran.assert_failed(&["bad.toml", value]);
            // An address without quotes is no TOML at all.
            assert!(
                ran.error.contains(form) || name == "HTTPS_ADDRESS" && quote.is_empty(),
                "{}",
                ran.error
            );
        }
    }
    assert!(!place.data().exists(), "nothing was touched");
}

#[tokio::test]
async fn a_contradiction_refuses_to_start_and_names_the_key() {
    let place = Place::with_default_settings();
    for line in [
        "HTTPS_KEY=k.pem https.certificate",
        "HTTPS_CERTIFICATE=c.pem https.key",
        "SITE_ORIGIN=http://calls.example site.origin",
        "SITE_ORIGIN=https://calls.example/x site.origin",
        "SITE_ORIGIN=https://: site.origin",
        "SITE_ORIGIN=https://calls.example:99999 site.origin",
        "SITE_ORIGIN=https://a:1:2 site.origin",
        "SITE_ORIGIN=https://a:+80 site.origin",
        "SITE_ORIGIN=https://. site.origin",
        "SITE_TIME_ZONE=Asia/Seol site.time_zone",
        "SESSIONS_IDLE_SECONDS=43201 sessions.idle_seconds",
        "SESSIONS_IDLE_SECONDS=0 sessions.idle_seconds",
        "SESSIONS_FRESH_SECONDS=0 sessions.fresh_seconds",
        "SESSIONS_PER_USER=0 sessions.per_user",
        "LIMITS_BODY_BYTES=0 limits.body_bytes",
        "LIMITS_CONNECTIONS=1 limits.connections",
        "LIMITS_CALL_SECONDS=0 limits.call_seconds",
        "THROTTLE_ACCOUNT_DELAY_SECONDS=901 throttle.account_delay_seconds",
        "PASSWORDS_MAX_WAIT_MS=20000 passwords.max_wait_ms",
        "PASSWORDS_PERMITS=0 passwords.permits",
        "PASSWORDS_MIN_CHARS=7 passwords.min_chars",
        "PASSWORDS_MIN_CHARS=65 passwords.min_chars",
        "PASSWORDS_MEMORY_KIB=1 password",
        "LOG_FILTER=callgate=loud log.filter",
    ] {
        let (assignment, named) = line.split_once(' ').unwrap();
        let (name, value) = assignment.split_once('=').unwrap();
        let variable = format!("CALLGATE_{name}");
        let ran = place.refused(&["--demo"], &[(&variable, value)]).await;
        ran.assert_failed(&[named]);
    }
    let ran = place.refused(&["--demo", "--https", "127.0.0.1:0"], &[]).await;
    ran.assert_failed(&["https.address"]);
}

#[tokio::test]
async fn a_demo_listens_on_loopback_only() {
    let place = Place::new();
    for host in ["0.0.0.0", "[::]", "192.0.2.1"] {
        let address = format!("{host}:{}", free_address().port());
        for (option, variables) in [(&["--demo"][..], &[][..]), (&[], &[("CALLGATE_DEMO", "true")])] {
            let line = [option, &["--https", &address]].concat();
            let ran = place.refused(&line, variables).await;
            ran.assert_failed(&["demo", "loopback"]);
        }
    }
    assert!(!place.data().exists());
}

#[tokio::test]
async fn demo_users_are_not_served_without_demo_until_they_have_other_passwords() {
    let place = Place::new();
    place.demo(&[]).await.stop().await;
    let ran = place.refused(&[], &[]).await;
    ran.assert_failed(&["user01", "user02", "user03", "--demo"]);
    place.done(&["user", "delete", "user01"], "").await;
    place.done(&["user", "passwd", "user02"], "another password").await;
    let error = place.refused(&[], &[]).await.error;
    assert!(error.contains("user03") && !error.contains("user02,"), "{error}");
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
    for (user, password) in [("user01", "user_01"), ("user02", "user_02")] {
        let body = serde_json::json!({"user_id": user, "password": password});
        assert_eq!(server.client().call("login", body).await.status, 401, "{user}");
    }
    server.logged_in("user03", "user_03").await;
}
