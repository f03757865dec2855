//! The headers of answers: every route with every kind of request, by whom ever, in order and out of order. What each
//! answer must carry does not depend on its status.

use std::collections::BTreeSet;

use tokio::io::AsyncWriteExt as _;

use crate::{
    client::{Client, Reply, SESSION},
    raw,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Routes that are no function's.
const ROUTES: [&str; 17] = [
    "/",
    "/login",
    "/logout",
    "/confirm",
    "/account",
    "/nothing",
    "/functions",
    "/functions/nothing",
    "/functions/nothing/kept",
    "/api",
    "/api/",
    "/api/nothing",
    "/api/openapi.json",
    "/favicon.svg",
    "/pkg/callgate.js",
    "/pkg/nothing.js",
    "/pkg/",
];

/// Headers that every answer has, with what is in them.
const EVERYWHERE: [(&str, &str); 8] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    ("content-security-policy", "default-src 'none'"),
];

fn is_file(path: &str) -> bool {
    path.starts_with("/pkg") || path == "/favicon.svg"
}

/// The names in a header that lists some.
fn listed(reply: &Reply, name: &str) -> Vec<String> {
    let values = reply.headers.get_all(name).iter();
    values
        .flat_map(|value| value.to_str().unwrap().split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

/// What every answer must be like; security checks 4, 9 and 11 to 15.
fn check(context: &str, path: &str, reply: &Reply) {
    let context = format!("{context}: {reply:?}");
    for (name, value) in EVERYWHERE {
        assert!(reply.header(name).contains(value), "{name}: {context}");
    }
    let policy = reply.header("content-security-policy");
    for directive in ["frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{context}");
    }
    for name in ["server", "x-powered-by", "via"] {
        assert_eq!(reply.find(name), None, "{context}");
    }
    if !reply.body.is_empty() {
        let kind = reply.header("content-type");
        let is_text = ["text/", "application/json"]
            .iter()
            .any(|start| kind.starts_with(start))
            || kind.contains("xml");
        assert_eq!(is_text, kind.ends_with("; charset=utf-8"), "{context}");
        if path.starts_with("/api") {
            assert!(kind.starts_with(JSON), "{context}");
            let is_refusal = reply.value()["ok"] == false;
            assert_eq!(is_refusal, reply.status >= 400, "{context}");
        }
    }
    if is_file(path) {
        assert!(reply.set_cookies().is_empty(), "{context}");
        assert_eq!(reply.header("cache-control"), "no-cache", "{context}");
        assert_eq!(listed(reply, "vary"), ["accept-encoding"], "{context}");
    } else {
        assert_eq!(reply.header("cache-control"), "no-store", "{context}");
        // What was refused before anyone looked at a cookie does not depend on one.
        let looked_at_nothing = reply.status == 403 && reply.body.contains("another site");
        if !looked_at_nothing {
            assert!(listed(reply, "vary").contains(&"cookie".to_owned()), "{context}");
        }
    }
    if reply.status == 405 {
        let allow = listed(reply, "allow");
        assert!(!allow.is_empty(), "{context}");
        for never in ["trace", "put", "delete", "connect"] {
            assert!(!allow.contains(&never.to_owned()), "{context}");
        }
    }
    if let Some(location) = reply.find("location") {
        assert!((300..400).contains(&reply.status), "{context}");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{context}");
    }
    assert!(reply.status < 500, "{context}");
}

/// HEAD says what GET says, without the body (RFC 9110, section 9.3.2).
fn check_mirrors(context: &str, get: &Reply, head: &Reply) {
    assert_eq!(head.status, get.status, "{context}");
    assert_eq!(head.body, "", "{context}");
    let shown = |reply: &Reply| -> Vec<String> {
        // The first differs by its nonce, the next two from request to request, the others belong to the body.
        let differing = [
            "content-security-policy",
            "date",
            "x-request-id",
            "content-length",
            "transfer-encoding",
        ];
        let headers = reply
            .headers
            .iter()
            .filter(|(name, _)| !differing.contains(&name.as_str()));
        let mut lines: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
        lines.sort();
        lines
    };
    assert_eq!(shown(head), shown(get), "{context}");
    if let Some(length) = head.find("content-length")
        && !get.body.contains("nonce-")
    {
        let told: usize = length.parse().unwrap();
        assert!(
            told == get.body.len() || told == 0 && get.body.is_empty(),
            "{context}: {told}"
        );
    }
}

/// The bodies that a route gets, with their types.
fn bodies() -> Vec<(&'static str, String)> {
    vec![
        (JSON, "{}".to_owned()),
        (JSON, "{".to_owned()),
        (JSON, format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000))),
        (FORM, String::new()),
        (FORM, "arguments=%7B%7D&user_id=x&password=y".to_owned()),
        (FORM, format!("arguments={}", "x".repeat(70_000))),
        ("text/plain", "{}".to_owned()),
    ]
}

async fn routes(server: &Server) -> Vec<String> {
    let list = server.client().json("/api/list_functions", "{}").await.value();
    let names = list["functions"].as_array().unwrap().iter();
    let mut routes: Vec<String> = ROUTES.map(str::to_owned).to_vec();
    for name in names.map(|function| function["name"].as_str().unwrap().to_owned()) {
        routes.push(format!("/api/{name}"));
        routes.push(format!("/functions/{name}"));
        routes.push(format!("/functions/{name}/kept"));
    }
    assert!(routes.len() > 17 + 3 * 11);
    routes
}

/// Sends every kind of request to a route, as someone or nobody, and gives the statuses of the answers.
async fn crawl(server: &Server, path: &str, is_user: bool) -> BTreeSet<u16> {
    let visitor = async || match is_user {
        true => server.user01().await,
        false => server.client(),
    };
    let mut client = visitor().await;
    let mut statuses = BTreeSet::new();
    let mut note = |context: &str, reply: &Reply| {
        check(context, path, reply);
        statuses.insert(reply.status);
    };
    let get = client.get(path).await;
    note(&format!("GET {path}"), &get);
    let head = client.request("HEAD", path).send().await;
    check_mirrors(&format!("HEAD {path}"), &get, &head);
    note(&format!("HEAD {path}"), &head);
    for method in ["PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"] {
        let reply = client.request(method, path).send().await;
        let context = format!("{method} {path}");
        assert!([404, 405].contains(&reply.status), "{context}: {reply:?}");
        note(&context, &reply);
    }
    // Where nothing is posted to, the connection may be closed before a large body is sent.
    let taken = ![404, 405].contains(&client.request("POST", path).send().await.status);
    for origin in [client.origin(), "https://evil.example".to_owned()] {
        for (kind, body) in bodies() {
            if body.len() > 10_000 && !taken {
                continue;
            }
            // The last call may have ended the session.
            if is_user && client.cookie(SESSION).is_none() {
                client = visitor().await;
            }
            let sending = client.request("POST", path).header("content-type", kind);
            let reply = sending.header("origin", &origin).body(&body).send().await;
            note(&format!("POST {path} {kind} {}", &body[..body.len().min(20)]), &reply);
        }
    }
    statuses
}

/// security checks 4, 9 and 11 to 15
#[tokio::test]
async fn every_answer_of_every_route_has_its_headers_and_a_type() {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    let mut statuses = BTreeSet::new();
    for path in routes(&server).await {
        for is_user in [false, true] {
            statuses.extend(crawl(&server, &path, is_user).await);
        }
    }
    for wanted in [200, 303, 400, 401, 403, 404, 405, 413, 415, 422] {
        assert!(statuses.contains(&wanted), "no {wanted} among {statuses:?}");
    }
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}

async fn post(client: &Client, kind: &str, path: &str, body: &str) -> Reply {
    let sending = client.request("POST", path).header("content-type", kind);
    sending.body(body).send().await
}

/// The same, for answers with a status that is known: a crawl cannot tell whether it saw what it should.
#[tokio::test]
async fn each_kind_of_answer_has_its_headers_and_a_type() {
    let server = Server::quick_demo().await;
    let (anyone, user) = (server.client(), server.user01().await);
    let large = "x".repeat(70_000);
    let other_site = user
        .request("POST", "/api/auth_func")
        .header("sec-fetch-site", "cross-site");
    let foreign_form = user.request("POST", "/logout").header("origin", "null");
    let login = [("user_id", "user02"), ("password", "user_02")];
    for (status, path, reply) in [
        (200, "/", user.get("/").await),
        (200, "/favicon.svg", user.get("/favicon.svg").await),
        (200, "/pkg/callgate.js", user.get("/pkg/callgate.js").await),
        (200, "/api/auth_func", user.json("/api/auth_func", "{}").await),
        (
            303,
            "/functions/auth_func",
            post(&user, FORM, "/functions/auth_func", "arguments={}").await,
        ),
        (303, "/logout", server.user01().await.form("/logout", &[]).await),
        (303, "/login", anyone.form("/login", &login).await),
        (400, "/api/auth_func", user.json("/api/auth_func", "{").await),
        (
            401,
            "/api/auth_func",
            server.client().json("/api/auth_func", "{}").await,
        ),
        (
            401,
            "/login",
            server
                .client()
                .form("/login", &[("user_id", "x"), ("password", "y")])
                .await,
        ),
        (403, "/api/auth_func", other_site.send().await),
        (403, "/logout", foreign_form.send().await),
        (404, "/nothing", user.get("/nothing").await),
        (404, "/pkg/nothing.js", user.get("/pkg/nothing.js").await),
        (404, "/pkg/", user.get("/pkg/").await),
        (404, "/api/nothing", user.json("/api/nothing", "{}").await),
        (404, "/nothing", post(&user, FORM, "/nothing", "").await),
        (
            404,
            "/functions/nothing",
            post(&user, FORM, "/functions/nothing", "").await,
        ),
        (405, "/logout", user.get("/logout").await),
        (405, "/api/logout", user.get("/api/logout").await),
        (
            405,
            "/pkg/callgate.js",
            user.request("PUT", "/pkg/callgate.js").send().await,
        ),
        (413, "/api/notauth_func", user.json("/api/notauth_func", &large).await),
        (
            413,
            "/functions/notauth_func",
            post(&user, FORM, "/functions/notauth_func", &large).await,
        ),
        (
            415,
            "/api/notauth_func",
            post(&user, FORM, "/api/notauth_func", "{}").await,
        ),
        (422, "/api/login", user.json("/api/login", "{}").await),
    ] {
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        check(path, path, &reply);
    }
}

/// security checks 4, 11 and 12: a failure inside is dressed like any other answer
#[tokio::test]
async fn a_failure_of_the_server_has_its_headers_and_a_type_too() {
    let server = Server::quick_demo().await;
    let user = server.user01().await;
    let mut database = server.place.database().await;
    database.change("ALTER TABLE sessions RENAME TO gone").await;
    for (method, path, kind) in [
        ("GET", "/", FORM),
        ("GET", "/account", FORM),
        ("GET", "/functions/auth_func", FORM),
        ("POST", "/functions/auth_func", FORM),
        ("POST", "/logout", FORM),
        ("POST", "/api/auth_func", JSON),
        ("POST", "/api/logout", JSON),
        ("POST", "/api/current_user", JSON),
    ] {
        let sending = user.request(method, path).header("content-type", kind);
        let reply = sending.body("").send().await;
        let context = format!("{method} {path}: {reply:?}");
        assert_eq!(reply.status, 500, "{context}");
        assert!(reply.set_cookies().is_empty(), "{context}");
        assert!(!reply.shows("no such table") && !reply.shows("SELECT"), "{context}");
        let dressed = Reply { status: 499, ..reply };
        check(&context, path, &dressed);
        if path.starts_with("/api") {
            assert_eq!(dressed.code(), "internal", "{context}");
        } else {
            assert_eq!(dressed.header("content-type"), "text/html; charset=utf-8", "{context}");
        }
    }
    database.change("ALTER TABLE gone RENAME TO sessions").await;
    assert_eq!(user.who().await.as_deref(), Some("user01"));
}

/// Answers that only a raw client gets to see.
#[tokio::test]
async fn a_refusal_of_a_slow_or_ambiguous_request_has_its_headers_too() {
    let mut variables = QUICK.to_vec();
    variables.push(("CALLGATE_HTTPS_BODY_SECONDS", "1"));
    let server = Place::new().demo(&variables).await;
    for (status, code, request) in [
        (
            408,
            "body_too_slow",
            "POST /api/notauth_func HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
        ),
        (
            400,
            "malformed_request",
            "POST /api/notauth_func HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        ),
        (
            400,
            "The request is not valid",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ),
    ] {
        let mut stream = raw::tls(&server).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = raw::read_until(&mut stream, code).await;
        assert_eq!(raw::status(&answer), status, "{answer}");
        let lower = answer.to_ascii_lowercase();
        for (name, value) in EVERYWHERE {
            assert!(
                lower.contains(&format!("\r\n{name}: {}", value.to_ascii_lowercase())),
                "{name}: {answer}"
            );
        }
        for line in ["\r\ncache-control: no-store\r\n", "; charset=utf-8\r\n"] {
            assert!(lower.contains(line), "{line}: {answer}");
        }
    }
}

/// security check 13
#[tokio::test]
async fn part_of_a_file_and_a_file_that_is_known_are_dressed_as_the_whole_one() {
    let server = Server::quick_demo().await;
    let user = server.user01().await;
    for path in ["/pkg/callgate.js", "/favicon.svg"] {
        let whole = user.get(path).await;
        let modified = whole.header("last-modified").to_owned();
        for (status, name, value) in [
            (206, "range", "bytes=0-2"),
            (416, "range", "bytes=9999-"),
            (304, "if-modified-since", modified.as_str()),
            (200, "accept-encoding", "br, gzip"),
        ] {
            let reply = user.request("GET", path).header(name, value).send().await;
            assert_eq!(reply.status, status, "{path} {name}");
            check(&format!("{path} {name}"), path, &reply);
        }
    }
}

/// security checks 13 and 14: a cache that goes by the end of a path finds no page of anybody there
#[tokio::test]
async fn a_page_is_not_shown_under_the_name_of_a_file() {
    let server = Server::quick_demo().await;
    let user = server.user01().await;
    assert!(user.get("/account").await.shows(">this session<"));
    for path in [
        "/account/x.css",
        "/account.css",
        "/account;x.css",
        "/account%2fx.css",
        "/account%3fx.css",
        "/account%23x.css",
        "/account%00.css",
        "/account%0a.css",
        "/account/..%2fx.css",
        "/login/x.js",
        "/functions/auth_func/x.png",
        "/functions/auth_func.js",
        "/api/auth_func/a.js",
        "/api/my_sessions/x.css",
        "/api/my_sessions.css",
        "/api/current_user;x.js",
    ] {
        let reply = user.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(!reply.shows(">this session<"), "{path}: {}", reply.body);
        check(path, path, &reply);
        let reply = user.json(path, "{}").await;
        assert!([404, 405].contains(&reply.status), "{path}: {}", reply.status);
        check(path, path, &reply);
    }
}
