//! The log as operators read it: its two formats, the reference of every request, and the events of security.

use serde_json::{Value, json};

use crate::support::{
    client::{REMEMBER, SESSION},
    place::Place,
    raw,
    server::Server,
};

const ACCESS: &str = "callgate::access";
const SECURITY: &str = "callgate::security";

/// A demo that logs JSON, as much as `filter` says.
async fn logging(filter: &str) -> Server {
    let settings = [("CALLGATE_LOG_FORMAT", "json"), ("CALLGATE_LOG_FILTER", filter)];
    Place::new().demo(&settings).await
}

fn login(user: &str, password: &str) -> Value {
    json!({"user_id": user, "password": password, "remember": false})
}

/// The lines of a JSON log.
fn lines(place: &Place) -> Vec<Value> {
    let read = |line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    // A start on a port that was taken meanwhile is made again, and leaves a line that is not of the log.
    let is_of_log = |line: &&str| !line.ends_with("(os error 98)");
    place.log().lines().filter(is_of_log).map(read).collect()
}

/// Those where this field has this value.
fn lines_with(place: &Place, field: &str, value: &str) -> Vec<Value> {
    lines(place).into_iter().filter(|line| line[field] == value).collect()
}

/// These fields of each line about security, with a space between.
fn events(place: &Place, fields: &str) -> Vec<String> {
    let text = |line: &Value| {
        let values = fields.split(' ').map(|field| line[field].as_str().unwrap_or("-"));
        values.collect::<Vec<_>>().join(" ")
    };
    lines_with(place, "target", SECURITY).iter().map(text).collect()
}

fn assert_time(text: &str) {
    assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
}

#[tokio::test]
async fn a_text_log_has_no_colours_and_the_command_line_comes_before_the_variable() {
    let place = Place::new();
    let variables = [("CALLGATE_LOG_FORMAT", "json"), ("CALLGATE_LOG_FILTER", "trace")];
    let server = Server::start(&place, &["--demo", "--log", "text"], &variables).await;
    let reply = server.client().call("login", login("user01", "user_01")).await;
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
async fn every_line_is_json_and_those_of_a_request_carry_its_reference_that_nobody_chooses() {
    let server = logging("trace").await;
    let client = server.client();
    let body = login("user01", "user_01").to_string();
    let login = client.request("POST", "/api/login").body(body);
    let login = login.header("content-type", "application/json");
    let login = login.header("x-request-id", "chosen-by-me").send().await;
    let page = client.get("/account?secret=canary-query").await;
    assert_eq!((login.status, page.status), (200, 200));
    assert_ne!(login.reference(), page.reference());
    client.json("/api/auth_func", r#"{"a":"\r\n"}"#).await;
    let place = server.stop().await;
    for (reply, method, path) in [(&login, "POST", "/api/login"), (&page, "GET", "/account")] {
        let lines = lines_with(&place, "request_id", reply.reference());
        for line in &lines {
            let request = (&line["method"], &line["path"], &line["address"]);
            assert_eq!(request, (&json!(method), &json!(path), &json!("127.0.0.1")), "{line}");
        }
        // A session that is in use is kept in memory: the database need not be asked much.
        assert!(lines.iter().any(|line| line["target"] == "sqlx::query"), "{lines:?}");
        let access: Vec<&Value> = lines.iter().filter(|line| line["target"] == ACCESS).collect();
        assert_eq!(access.len(), 1, "{lines:?}");
        assert_eq!(access[0]["status"], 200);
        assert!(access[0]["duration_ms"].is_u64(), "{access:?}");
    }
    let log = place.log();
    assert!(!log.contains("chosen-by-me") && !log.contains("canary-query"), "{log}");
    for line in lines(&place) {
        assert_time(line["timestamp"].as_str().unwrap());
        let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        assert!(levels.contains(&line["level"].as_str().unwrap()), "{line}");
    }
    let of_startup = lines_with(&place, "target", "callgate::server::run");
    let stopping = of_startup.iter().find(|line| line["level"] == "INFO").unwrap();
    assert!(stopping["message"].as_str().unwrap().starts_with("stopping"));
    for target in [ACCESS, SECURITY] {
        for line in lines_with(&place, "target", target) {
            assert!(line["request_id"].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn the_reference_is_on_the_lines_whatever_the_filter_says() {
    for filter in ["warn", "off,callgate::security=info", "error,callgate=warn"] {
        let server = logging(filter).await;
        let reply = server.client().call("login", login("user01", "wrong")).await;
        assert_eq!(events(&server.place, "request_id"), [reply.reference()], "{filter}");
    }
}

/// The client looks for the header in every answer, and for the same in every refusal in JSON.
#[tokio::test]
async fn a_refused_page_and_the_plain_listener_show_the_reference_too() {
    let server = Server::shared();
    let client = server.client();
    let foreign = client.request("POST", "/login");
    let refused = foreign.header("origin", "https://evil.example").send().await;
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
        let lines = lines_with(&server.place, "request_id", reference);
        let is_cause = |line: &&Value| line["level"] == "ERROR" && line["cause"].is_string();
        lines.iter().filter(is_cause).count()
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
    for line in lines_with(&server.place, "level", "ERROR") {
        assert!(line["request_id"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_call_that_goes_well_leaves_no_line() {
    // sqlx logs statements that take long, which is up to the machine.
    let server = logging("info,sqlx=off").await;
    let client = server.user01().await;
    let before = server.place.log();
    for function in ["auth_func", "notauth_func", "my_sessions"] {
        client.done(function, json!({})).await;
    }
    for path in ["", "account", "functions/auth_func", "favicon.svg", "readyz", "nothing"] {
        client.get(&format!("/{path}")).await;
    }
    assert_eq!(server.client().who().await, None);
    assert_eq!(server.place.log(), before);
}

#[tokio::test]
async fn what_happens_to_logins_sessions_and_passwords_is_logged_by_name() {
    // The status of a call, its function and arguments, and what is logged of it.
    const STEPS: &str = r#"
        200 login {"user_id":"user01","password":"user_01","remember":false} > authn_login_success INFO user01 -
        401 login {"user_id":"user01","password":"wrong"} > authn_login_fail WARN user01 wrong_password
        401 login {"user_id":"user01","password":"LONG"} > authn_login_fail WARN user01 wrong_password
        401 login {"user_id":"unknown-name","password":"wrong"} > authn_login_fail WARN - unknown_user
        401 login {"user_id":"user02","password":"user_02"} > authn_login_fail WARN user02 disabled
        401 confirm_login {"password":"wrong"} > authn_login_fail WARN user01 wrong_password
        200 confirm_login {"password":"user_01"} > session_renewed INFO user01 -
        200 end_other_sessions {} > session_expired INFO user01 revoked
        200 end_other_sessions {} >
        200 change_password {"new_password":"7 small brown zebras"} > authn_password_change INFO user01 -
        200 logout {} > session_expired INFO user01 logout"#;
    let server = logging("info").await;
    let client = server.client();
    server.place.done(&["user", "disable", "user02"], "").await;
    // Its session is the other one that is ended.
    server.user01().await;
    let mut expected = vec!["authn_login_success INFO user01 -"];
    for step in STEPS.lines().skip(1).map(str::trim) {
        let (call, event) = step.split_once(" >").unwrap();
        let (status, call) = call.split_once(' ').unwrap();
        let (function, arguments) = call.split_once(' ').unwrap();
        let arguments = arguments.replace("LONG", &"too long".repeat(50));
        let reply = client.json(&format!("/api/{function}"), &arguments).await;
        assert_eq!(reply.status.to_string(), status, "{function}: {}", reply.body);
        expected.extend(event.strip_prefix(' '));
    }
    assert_eq!(events(&server.place, "event level user reason"), expected);
    // Perhaps a password in the wrong field: the name is not logged.
    assert!(!server.place.log().contains("unknown-name"), "{}", server.place.log());
}

#[tokio::test]
async fn what_is_refused_is_logged_by_name() {
    let server = logging("info").await;
    let assert_last = |fields: &str, values: &str| assert_eq!(events(&server.place, fields).pop().unwrap(), values);
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let refused = client.call("change_password", json!({"new_password": "7 small brown zebras"}));
    let refused = refused.await;
    assert_eq!(refused.code(), "fresh_login_required");
    let reference = refused.reference();
    assert_last(
        "event level user request_id",
        &format!("authz_fail INFO user01 {reference}"),
    );
    assert_last("code guard what", "fresh_login_required FreshLogin change_password");
    let foreign = client.request("POST", "/api/auth_func");
    let foreign = foreign.header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.code(), "cross_origin");
    let both = format!("malicious_csrf WARN https://evil.example {}", client.origin());
    assert_last("event level origin site.origin", &both);

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
