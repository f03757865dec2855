//! The log as operators read it: its two formats, the reference of every request, and the events of security.

use serde_json::{Value, json};

use crate::support::{
    client::{REMEMBER, SESSION},
    poll, raw,
    server::{Place, Server},
};

const LOGIN: &str = r#"{"user_id":"user01","password":"user_01","remember":false}"#;

/// A demo that logs JSON, as much as `filter` says.
async fn logging(filter: &str) -> Server {
    let settings = [("CALLGATE_LOG_FORMAT", "json"), ("CALLGATE_LOG_FILTER", filter)];
    Place::new().demo(&settings).await
}

/// The lines of a JSON log.
fn lines(place: &Place) -> Vec<Value> {
    let read = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    // A start on a port that was taken meanwhile is made again, and leaves a line that is not of the log.
    let is_of_log = |line: &&str| !line.ends_with("(os error 98)");
    place.log().lines().filter(is_of_log).map(read).collect()
}

/// The lines of one request.
fn lines_of(place: &Place, reference: &str) -> Vec<Value> {
    let mut lines = lines(place);
    lines.retain(|line| line["request_id"] == reference);
    lines
}

/// These fields of each line about security, with a space between.
fn events(place: &Place, fields: &[&str]) -> Vec<String> {
    let mut lines = lines(place);
    lines.retain(|line| line["target"] == "callgate::security");
    let text = |line: &Value| {
        let values = fields.iter().map(|field| line[field].as_str().unwrap_or("-"));
        values.collect::<Vec<_>>().join(" ")
    };
    lines.iter().map(text).collect()
}

fn assert_time(text: &str) {
    assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
}

#[tokio::test]
async fn a_json_log_has_one_object_a_line_with_time_level_and_message() {
    let place = Place::new();
    let filter = [("CALLGATE_LOG_FILTER", "trace")];
    let server = Server::start(&place, &["--demo", "--log", "json"], &filter).await;
    let client = server.user01().await;
    client.get("/").await;
    client.json("/api/auth_func", r#"{"a":"\r\n"}"#).await;
    server.stop().await;
    let lines = lines(&place);
    for line in &lines {
        assert_time(line["timestamp"].as_str().unwrap());
        let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        assert!(levels.contains(&line["level"].as_str().unwrap()), "{line}");
    }
    let is_of_stop = |line: &&Value| line["level"] == "INFO" && line["target"] == "callgate::server::startup";
    let stopping = lines.iter().find(is_of_stop).unwrap();
    assert!(stopping["message"].as_str().unwrap().starts_with("stopping"));
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
    let fields = [r#"user="user01""#, r#"path="/api/login""#, reply.reference()];
    for part in fields.into_iter().chain(["INFO", "logged in"]) {
        assert!(line.contains(part), "{line}");
    }
    assert_time(line.split_once(' ').unwrap().0);
}

#[tokio::test]
async fn every_line_of_a_request_carries_its_reference_and_nobody_chooses_it() {
    let server = logging("debug").await;
    let client = server.client();
    let login = client.request("POST", "/api/login").body(LOGIN);
    let login = login.header("content-type", "application/json");
    let login = login.header("x-request-id", "chosen-by-me").send().await;
    let page = client.get("/account?secret=canary-query").await;
    assert_eq!((login.status, page.status), (200, 200));
    assert_ne!(login.reference(), page.reference());
    for (reply, method, path) in [(&login, "POST", "/api/login"), (&page, "GET", "/account")] {
        let of_request = || lines_of(&server.place, reply.reference());
        let is_access = |line: &&Value| line["target"] == "callgate::access";
        poll::until("access", async || of_request().iter().any(|line| is_access(&line))).await;
        let lines = of_request();
        for line in &lines {
            let request = (&line["method"], &line["path"], &line["address"]);
            assert_eq!(request, (&json!(method), &json!(path), &json!("127.0.0.1")), "{line}");
        }
        // A session that is in use is kept in memory: the database need not be asked much.
        assert!(lines.iter().any(|line| line["target"] == "sqlx::query"), "{lines:?}");
        let access: Vec<&Value> = lines.iter().filter(is_access).collect();
        assert_eq!(access.len(), 1, "{lines:?}");
        assert_eq!(access[0]["status"], 200);
        assert!(access[0]["duration_ms"].is_u64(), "{access:?}");
    }
    let log = server.place.log();
    assert!(!log.contains("chosen-by-me") && !log.contains("canary-query"), "{log}");
    for line in lines(&server.place) {
        let is_of_request = ["callgate::access", "callgate::security"].contains(&line["target"].as_str().unwrap());
        assert!(!is_of_request || line["request_id"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn the_reference_is_on_the_lines_whatever_the_filter_says() {
    for filter in ["warn", "off,callgate::security=info", "error,callgate=warn"] {
        let server = logging(filter).await;
        let body = r#"{"user_id":"user01","password":"wrong"}"#;
        let reply = server.client().json("/api/login", body).await;
        assert_eq!(events(&server.place, &["request_id"]), [reply.reference()], "{filter}");
    }
}

/// The client looks for the header in every answer, and for the same in every refusal in JSON.
#[tokio::test]
async fn a_refused_page_and_the_plain_listener_show_the_reference_too() {
    let server = Server::shared();
    let client = server.client();
    let foreign = client
        .request("POST", "/login")
        .header("origin", "https://evil.example");
    let refused = foreign.send().await;
    assert_eq!(refused.status, 403);
    for shown in ["Reference: ", refused.reference()] {
        assert!(refused.shows(shown), "{}", refused.body);
    }
    for (head, status) in [("GET / ", 308), ("POST /api/login ", 403)] {
        let request = format!("{head}HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange_plain(&server, request).await;
        assert_eq!(raw::status(&answer), status, "{answer}");
        let (_, rest) = answer.split_once("x-request-id: ").expect("a reference");
        let (reference, rest) = rest.split_once('\r').unwrap();
        let in_body = rest.contains(&format!(r#""request_id":"{reference}""#));
        assert_eq!(in_body, status == 403, "{answer}");
    }
}

#[tokio::test]
async fn the_reference_of_a_failure_finds_its_cause_in_the_log() {
    let server = logging("info").await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    assert_eq!(database.change("UPDATE sessions SET data = 'broken'").await, 1);
    let causes = |reference: &str| {
        let mut lines = lines_of(&server.place, reference);
        lines.retain(|line| line["level"] == "ERROR" && line["cause"].is_string());
        lines.len()
    };
    let call = client.json("/api/auth_func", "{}").await;
    assert_eq!((call.status, call.code().as_str()), (500, "internal"));
    assert_eq!(call.value()["reference"], call.reference());
    assert_eq!(causes(call.reference()), 1, "logged once: {}", server.place.log());
    // What a page calls while it is rendered runs in tasks of its own.
    let page = client.get("/account").await;
    assert_eq!(page.status, 500);
    assert!(page.shows(page.reference()), "{}", page.body);
    assert!(causes(page.reference()) >= 1, "{}", server.place.log());
    for line in lines(&server.place) {
        assert!(line["level"] != "ERROR" || line["request_id"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_call_that_goes_well_leaves_no_line() {
    // sqlx logs statements that take long, which is up to the machine.
    let server = logging("info,sqlx=off").await;
    let client = server.user01().await;
    let before = server.place.log();
    for path in ["/api/auth_func", "/api/notauth_func", "/api/my_sessions"] {
        assert_eq!(client.json(path, "{}").await.status, 200);
    }
    for path in ["", "account", "functions/auth_func", "favicon.svg", "readyz", "nothing"] {
        client.get(&format!("/{path}")).await;
    }
    assert_eq!(server.client().json("/api/auth_func", "{}").await.status, 401);
    assert_eq!(server.place.log(), before);
}

#[tokio::test]
async fn what_happens_to_logins_sessions_and_passwords_is_logged_by_name() {
    let server = logging("info").await;
    let (client, other) = (server.client(), server.client());
    let login = |user: &str, password: &str| json!({"user_id": user, "password": password, "remember": false});
    let new_password = json!({"new_password": "7 small brown zebras"});
    server.place.done(&["user", "disable", "user02"], "").await;
    for (client, function, arguments, status) in [
        (&client, "login", login("user01", "user_01"), 200),
        (&client, "login", login("user01", "wrong"), 401),
        (&client, "login", login("user01", &"too long".repeat(50)), 401),
        // Perhaps a password in the wrong field: the name is not logged.
        (&client, "login", login("unknown-name", "wrong"), 401),
        (&client, "login", login("user02", "user_02"), 401),
        (&other, "login", login("user01", "user_01"), 200),
        (&client, "confirm_login", json!({"password": "wrong"}), 401),
        (&client, "confirm_login", json!({"password": "user_01"}), 200),
        (&client, "end_other_sessions", json!({}), 200),
        (&client, "end_other_sessions", json!({}), 200),
        (&client, "change_password", new_password.clone(), 200),
        (&client, "logout", json!({}), 200),
    ] {
        let reply = client.call(function, arguments).await;
        assert_eq!(reply.status, status, "{function}: {}", reply.body);
    }
    let expected = [
        "authn_login_success INFO user01 -",
        "authn_login_fail WARN user01 wrong_password",
        "authn_login_fail WARN user01 wrong_password",
        "authn_login_fail WARN - unknown_user",
        "authn_login_fail WARN user02 disabled",
        "authn_login_success INFO user01 -",
        "authn_login_fail WARN user01 wrong_password",
        "session_renewed INFO user01 -",
        "session_expired INFO user01 revoked",
        "authn_password_change INFO user01 -",
        "session_expired INFO user01 logout",
    ];
    assert_eq!(events(&server.place, &["event", "level", "user", "reason"]), expected);
    assert!(!server.place.log().contains("unknown-name"), "{}", server.place.log());
}

#[tokio::test]
async fn what_is_turned_away_is_logged_by_name() {
    let server = logging("info").await;
    let assert_last = |fields: &str, values: &str| {
        let fields: Vec<&str> = fields.split(' ').collect();
        assert_eq!(events(&server.place, &fields).pop().unwrap(), values);
    };
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let refused = client.call("change_password", json!({"new_password": "7 small brown zebras"}));
    let refused = refused.await;
    assert_eq!(refused.code(), "fresh_login_required");
    assert_last(
        "event level user request_id",
        &format!("authz_fail INFO user01 {}", refused.reference()),
    );
    assert_last("code guard what", "fresh_login_required FreshLogin change_password");
    let foreign = client.request("POST", "/api/auth_func");
    let foreign = foreign.header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.code(), "cross_origin");
    assert_last("event level origin", "malicious_csrf WARN https://evil.example");

    let remembered = server.client();
    let login = json!({"user_id": "user02", "password": "user_02"});
    remembered.done("login", login).await;
    let old = remembered.cookie(REMEMBER).unwrap();
    remembered.drop_cookie(SESSION);
    assert!(remembered.who().await.is_some());
    assert_last("event way", "authn_login_success remembered");
    let aged = "UPDATE remembered SET rotated_at = rotated_at - 11000";
    server.place.database().await.change(aged).await;
    assert_eq!(remembered.with_only(REMEMBER, &old).who().await, None);
    assert_last("event level user", "authn_token_reuse WARN user02");
}
