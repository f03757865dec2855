//! The log as operators read it: its two formats, the reference of every request, and what it says about security.

use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    client::{Client, REMEMBER, SESSION},
    poll, raw,
    server::{Place, QUICK, Server},
};

const LOGIN: &str = r#"{"user_id":"user01","password":"user_01","remember":false}"#;

/// A demo that logs JSON, as much as `filter` says.
async fn logging(filter: &str) -> Server {
    let mut settings = QUICK.to_vec();
    settings.extend([("CALLGATE_LOG_FORMAT", "json"), ("CALLGATE_LOG_FILTER", filter)]);
    Place::new().demo(&settings).await
}

/// The lines of a JSON log.
fn lines(place: &Place) -> Vec<Value> {
    let log = place.log();
    let read = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(read).collect()
}

/// The lines about security.
fn security(place: &Place) -> Vec<Value> {
    lines(place)
        .into_iter()
        .filter(|line| line["target"] == "callgate::security")
        .collect()
}

/// Event, level and user of each line about security.
fn events(place: &Place) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    security(place)
        .iter()
        .map(|line| (text(&line["event"]), text(&line["level"]), text(&line["user"])))
        .collect()
}

async fn log_in(client: &Client, user: &str, password: &str) -> u16 {
    let body = serde_json::json!({"user_id": user, "password": password, "remember": false});
    client.json("/api/login", &body.to_string()).await.status
}

#[tokio::test]
async fn a_json_log_has_one_object_a_line_with_time_level_and_message() {
    let place = Place::new();
    let server = Server::start(
        &place,
        &["--demo", "--log", "json"],
        &[("CALLGATE_LOG_FILTER", "trace")],
    )
    .await;
    let client = server.user01().await;
    client.get("/").await;
    client.json("/api/auth_func", r#"{"a":"\r\n"}"#).await;
    server.stop().await;
    let lines = lines(&place);
    for line in &lines {
        let time = line["timestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{line}");
        let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        assert!(levels.contains(&line["level"].as_str().unwrap()), "{line}");
    }
    let stopping = lines
        .iter()
        .find(|line| line["level"] == "INFO" && line["target"] == "callgate::server::startup");
    assert!(stopping.unwrap()["message"].as_str().unwrap().starts_with("stopping"));
}

#[tokio::test]
async fn a_text_log_has_no_colours_and_the_command_line_comes_before_the_variable() {
    let place = Place::new();
    let variables = [("CALLGATE_LOG_FORMAT", "json"), ("CALLGATE_LOG_FILTER", "trace")];
    let server = Server::start(&place, &["--demo", "--log", "text"], &variables).await;
    let reply = server.client().json("/api/login", LOGIN).await;
    server.stop().await;
    let log = place.log();
    assert!(!log.contains('\u{1b}'), "{log}");
    let line = log.lines().find(|line| line.contains("authn_login_success")).unwrap();
    for part in [
        "INFO",
        "logged in",
        r#"user="user01""#,
        reply.reference(),
        r#"path="/api/login""#,
    ] {
        assert!(line.contains(part), "{line}");
    }
    let (time, _) = line.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{line}");
}

#[tokio::test]
async fn a_format_that_does_not_exist_refuses_to_start() {
    let place = Place::new();
    let ran = place.refused(&["--demo", "--log", "xml"], &[]).await;
    assert!(ran.error.contains("json"), "{}", ran.error);
    for (name, value) in [("CALLGATE_LOG_FORMAT", "xml"), ("CALLGATE_LOG", "info")] {
        let ran = place.refused(&["--demo"], &[(name, value)]).await;
        assert!(ran.error.contains(name), "{}", ran.error);
    }
}

/// security check 109, for names that would break or colour a line
#[tokio::test]
async fn a_name_cannot_forge_a_line() {
    let name = "eve\r\n2026-01-01T00:00:00Z ERROR forged \u{1b}[31mred\u{9b}2J\u{2028}\u{202e}";
    for format in ["text", "json"] {
        let place = Place::new();
        let mut settings = QUICK.to_vec();
        settings.extend([
            ("CALLGATE_LOG_FORMAT", format),
            ("CALLGATE_LOG_FILTER", "callgate=debug"),
        ]);
        let server = place.demo(&settings).await;
        // No way but a look into the database makes such a name.
        let renamed = format!(
            "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at)
             SELECT '{name}', password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = 'user03'"
        );
        assert_eq!(place.database().await.change(&renamed).await, 1);
        let before = place.log().lines().count();
        assert_eq!(log_in(&server.client(), name, "user_03").await, 200);
        let log = place.log();
        let new: Vec<&str> = log.lines().skip(before).collect();
        assert_eq!(new.len(), 3, "the hashing, the login and an access line: {new:?}");
        assert!(
            new[1].contains("authn_login_success") && new[1].contains(r"eve\r\n2026"),
            "{new:?}"
        );
        let is_text =
            |character: char| character == '\n' || !(character.is_control() || "\u{2028}\u{202e}".contains(character));
        assert!(log.chars().all(is_text), "{log:?}");
    }
}

/// security check 109, for the request id
#[tokio::test]
async fn every_line_of_a_request_carries_its_reference_and_nobody_chooses_it() {
    let server = logging("debug").await;
    let client = server.client();
    let login = client
        .request("POST", "/api/login")
        .header("content-type", "application/json")
        .header("x-request-id", "chosen-by-me")
        .body(LOGIN)
        .send()
        .await;
    let page = client.get("/account?secret=canary-query").await;
    assert_eq!((login.status, page.status), (200, 200));
    assert_ne!(login.reference(), page.reference());
    let of_request = |reference: &str| -> Vec<Value> {
        let of_it = |line: &Value| line["request_id"] == reference;
        lines(&server.place).into_iter().filter(of_it).collect()
    };
    poll::until("the access lines", async || {
        let has_access = |reference| of_request(reference).iter().any(|line| line["message"] == "answered");
        has_access(login.reference()) && has_access(page.reference())
    })
    .await;
    for (reply, method, path) in [(&login, "POST", "/api/login"), (&page, "GET", "/account")] {
        let lines = of_request(reply.reference());
        for line in &lines {
            assert_eq!(
                (&line["method"], &line["path"]),
                (&method.into(), &path.into()),
                "{line}"
            );
            assert_eq!(line["address"], "127.0.0.1", "{line}");
        }
        let count = |target: &str| lines.iter().filter(|line| line["target"] == target).count();
        assert_eq!(count("callgate::access"), 1, "{lines:?}");
        // A session that is in use is kept in memory: the database need not be asked much.
        assert!(count("sqlx::query") >= 1, "{lines:?}");
        let access = lines.iter().find(|line| line["target"] == "callgate::access").unwrap();
        assert_eq!(access["status"], 200, "{access}");
        assert!(access["duration_ms"].is_u64(), "{access}");
    }
    let log = server.place.log();
    assert!(!log.contains("chosen-by-me") && !log.contains("canary-query"), "{log}");
    for line in lines(&server.place) {
        let target = line["target"].as_str().unwrap();
        let is_of_requests = ["callgate::access", "callgate::security"].contains(&target);
        assert!(!is_of_requests || line["request_id"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn the_reference_is_on_the_lines_whatever_the_filter_says() {
    for filter in ["warn", "off,callgate::security=info", "error,callgate=warn"] {
        let server = logging(filter).await;
        let reply = server
            .client()
            .json("/api/login", r#"{"user_id":"user01","password":"wrong"}"#)
            .await;
        let line = security(&server.place).pop().expect(filter);
        assert_eq!(line["request_id"], reply.reference(), "{filter}");
    }
}

/// security check 109, for the request id
#[tokio::test]
async fn every_answer_and_every_refusal_has_a_reference() {
    let server = logging("info").await;
    let (client, user) = (server.client(), server.user01().await);
    // The client looks for the header in every answer, and `code` for the same in the body.
    assert_eq!(client.json("/api/auth_func", "{}").await.code(), "not_logged_in");
    assert_eq!(client.json("/api/nothing", "{}").await.code(), "unknown_function");
    assert_eq!(client.json("/api/login", "{").await.code(), "malformed_body");
    assert_eq!(client.json("/api/login", "{}").await.code(), "invalid_arguments");
    assert_eq!(client.get("/api/login").await.code(), "method_not_allowed");
    assert_eq!(
        user.request("POST", "/api/auth_func").send().await.code(),
        "unsupported_media_type"
    );
    for path in [
        "/",
        "/nothing",
        "/favicon.svg",
        "/pkg/nothing.js",
        "/api/openapi.json",
        "/livez",
    ] {
        client.get(path).await;
        client.request("DELETE", path).send().await;
    }
    // A page that failed shows it to its person.
    let reply = client
        .request("POST", "/login")
        .header("origin", "https://evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await;
    assert_eq!(reply.status, 403);
    assert!(
        reply.shows("Reference: ") && reply.shows(reply.reference()),
        "{}",
        reply.body
    );
    for (head, status) in [("GET / ", 308), ("POST /api/login ", 403)] {
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        let request = format!("{head}HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = raw::read_to_close(&mut stream).await;
        assert_eq!(raw::status(&answer), status, "{answer}");
        let (_, rest) = answer.split_once("x-request-id: ").expect("a reference");
        let (reference, rest) = rest.split_once('\r').unwrap();
        let in_body = rest.contains(&format!(r#""request_id":"{reference}""#));
        assert_eq!(in_body, status == 403, "{answer}");
    }
}

/// security check 104, for where the failure is told
#[tokio::test]
async fn the_reference_of_a_failure_finds_its_cause_in_the_log() {
    let server = logging("info").await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    assert_eq!(database.change("UPDATE sessions SET data = 'canary-broken'").await, 1);
    let causes = |reference: &str| -> Vec<Value> {
        let of_it = |line: &Value| line["level"] == "ERROR" && line["request_id"] == reference;
        lines(&server.place).into_iter().filter(of_it).collect()
    };
    let call = client.json("/api/auth_func", "{}").await;
    assert_eq!((call.status, call.code().as_str()), (500, "internal"));
    assert_eq!(call.value()["reference"], call.reference());
    assert_eq!(causes(call.reference()).len(), 1, "logged once: {}", server.place.log());
    assert!(causes(call.reference())[0]["cause"].is_string());
    // What a page calls while it is rendered runs in tasks of its own.
    let page = client.get("/account").await;
    assert_eq!(page.status, 500);
    assert!(page.shows(page.reference()), "{}", page.body);
    assert!(!causes(page.reference()).is_empty(), "{}", server.place.log());
    for line in lines(&server.place) {
        assert!(line["level"] != "ERROR" || line["request_id"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_call_that_goes_well_leaves_no_line() {
    // sqlx tells of statements that take long, which is up to the machine.
    let server = logging("info,sqlx=off").await;
    let client = server.user01().await;
    let before = server.place.log();
    for path in ["/api/auth_func", "/api/notauth_func", "/api/my_sessions"] {
        assert_eq!(client.json(path, "{}").await.status, 200);
    }
    for path in [
        "/",
        "/account",
        "/functions/auth_func",
        "/favicon.svg",
        "/readyz",
        "/nothing",
    ] {
        client.get(path).await;
    }
    assert_eq!(server.client().json("/api/auth_func", "{}").await.status, 401);
    assert_eq!(server.place.log(), before);
}

/// security check 109: the events of logins, sessions and passwords
#[tokio::test]
async fn what_happens_to_logins_sessions_and_passwords_is_logged_by_name() {
    let server = logging("info").await;
    let (client, other) = (server.client(), server.client());
    assert_eq!(log_in(&client, "user01", "user_01").await, 200);
    assert_eq!(log_in(&client, "user01", "canary-wrong").await, 401);
    assert_eq!(log_in(&client, "user01", &"canary-long".repeat(50)).await, 401);
    // Perhaps a password in the wrong field.
    assert_eq!(log_in(&client, "canary-name", "canary-wrong").await, 401);
    server.place.done(&["user", "disable", "user02"], "").await;
    assert_eq!(log_in(&client, "user02", "user_02").await, 401);
    assert_eq!(log_in(&other, "user01", "user_01").await, 200);
    client
        .json("/api/confirm_login", r#"{"password":"canary-wrong"}"#)
        .await;
    client.json("/api/confirm_login", r#"{"password":"user_01"}"#).await;
    client.json("/api/end_other_sessions", "{}").await;
    client.json("/api/end_other_sessions", "{}").await;
    let changed = client
        .json("/api/change_password", r#"{"new_password":"canary-7 small zebras"}"#)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    client.json("/api/logout", "{}").await;
    let expected = [
        ("authn_login_success", "INFO", "user01"),
        ("authn_login_fail", "WARN", "user01"),
        ("authn_login_fail", "WARN", "user01"),
        ("authn_login_fail", "WARN", ""),
        ("authn_login_fail", "WARN", "user02"),
        ("authn_login_success", "INFO", "user01"),
        ("authn_login_fail", "WARN", "user01"),
        ("session_renewed", "INFO", "user01"),
        ("session_expired", "INFO", "user01"),
        ("authn_password_change", "INFO", "user01"),
        ("session_expired", "INFO", "user01"),
    ];
    let expected = expected.map(|(event, level, user)| (event.to_owned(), level.to_owned(), user.to_owned()));
    assert_eq!(events(&server.place), expected);
    let reasons: Vec<Value> = security(&server.place)
        .into_iter()
        .map(|line| line["reason"].clone())
        .collect();
    let reason = |at: usize| reasons[at].as_str().unwrap_or_default();
    assert_eq!(
        [1, 3, 4, 8, 10].map(reason),
        ["wrong_password", "unknown_user", "disabled", "revoked", "logout"]
    );
    assert!(!server.place.log().contains("canary"), "{}", server.place.log());
}

/// security check 109: what is turned away
#[tokio::test]
async fn what_is_turned_away_is_logged_by_name() {
    let server = logging("info").await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let body = r#"{"new_password":"canary-7 small zebras"}"#;
    let refused = client.json("/api/change_password", body).await;
    assert_eq!(refused.code(), "fresh_login_required");
    let line = security(&server.place).pop().unwrap();
    assert_eq!(
        (
            &line["event"],
            &line["level"],
            &line["user"],
            &line["code"],
            &line["guard"],
            &line["what"]
        ),
        (
            &"authz_fail".into(),
            &"INFO".into(),
            &"user01".into(),
            &"fresh_login_required".into(),
            &"FreshLogin".into(),
            &"change_password".into()
        )
    );
    assert_eq!(line["request_id"], refused.reference());

    let refused = client
        .request("POST", "/api/auth_func")
        .header("origin", "https://evil.example")
        .send()
        .await;
    assert_eq!(refused.code(), "cross_origin");
    let line = security(&server.place).pop().unwrap();
    assert_eq!(
        (&line["event"], &line["level"], &line["origin"]),
        (&"malicious_csrf".into(), &"WARN".into(), &"https://evil.example".into())
    );

    let remembered = server.client();
    let body = r#"{"user_id":"user02","password":"user_02"}"#;
    assert_eq!(remembered.json("/api/login", body).await.status, 200);
    let old = remembered.cookie(REMEMBER).unwrap();
    remembered.drop_cookie(SESSION);
    assert!(remembered.who().await.is_some());
    let line = security(&server.place).pop().unwrap();
    assert_eq!(
        (&line["event"], &line["way"]),
        (&"authn_login_success".into(), &"remembered".into())
    );
    let aged = "UPDATE remembered SET rotated_at = rotated_at - 11000";
    server.place.database().await.change(aged).await;
    remembered.with_only(REMEMBER, &old).who().await;
    let line = security(&server.place).pop().unwrap();
    assert_eq!(
        (&line["event"], &line["level"], &line["user"]),
        (&"authn_token_reuse".into(), &"WARN".into(), &"user02".into())
    );
}
