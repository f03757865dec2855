//! The headers of answers: every route with every kind of request, by whom ever.

use std::collections::BTreeSet;

use crate::support::{
    client::{Reply, SESSION},
    place::Place,
    routes,
    server::{Server, UNTHROTTLED},
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// What every answer has, with what is in it.
const EVERYWHERE: [(&str, &str); 10] = [
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    ("content-security-policy", "default-src 'none'"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("content-security-policy", "base-uri 'none'"),
];

/// The same of a refusal that only a raw client gets to see.
pub fn check_raw(answer: &str) {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let of_a_refusal = [("cache-control", "no-store"), ("content-type", "; charset=utf-8")];
    for (name, value) in EVERYWHERE.into_iter().chain(of_a_refusal) {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let is_there = lines.any(|(key, found)| key.eq_ignore_ascii_case(name) && found.contains(value));
        assert!(is_there, "{name}: {answer}");
    }
}

/// The names in a header that lists some.
fn listed(reply: &Reply, name: &str) -> Vec<String> {
    let values = reply.headers.get_all(name).iter();
    let names = values.flat_map(|value| value.to_str().unwrap().split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// What every answer must be like, whatever its status.
fn check(context: &str, path: &str, reply: &Reply) {
    let context = format!("{context}: {reply:?}");
    for (name, value) in EVERYWHERE {
        assert!(reply.header(name).contains(value), "{name}: {context}");
    }
    for name in ["server", "x-powered-by", "via"] {
        assert_eq!(reply.find(name), None, "{context}");
    }
    if !reply.body.is_empty() {
        let kind = reply.header("content-type");
        let is_text = kind.starts_with("text/") || kind.starts_with(JSON) || kind.contains("xml");
        assert_eq!(is_text, kind.ends_with("; charset=utf-8"), "{context}");
        if path.starts_with("/api") {
            assert!(kind.starts_with(JSON), "{context}");
            let is_refusal = reply.value()["ok"] == false;
            assert_eq!(is_refusal, reply.status >= 400, "{context}");
        }
    }
    if path.starts_with("/pkg") || path == "/favicon.svg" {
        assert!(reply.set_cookies().is_empty(), "{context}");
        assert_eq!(reply.header("cache-control"), "no-cache", "{context}");
        assert_eq!(listed(reply, "vary"), ["accept-encoding"], "{context}");
    } else {
        assert_eq!(reply.header("cache-control"), "no-store", "{context}");
        // What was answered before anyone looked at a cookie does not depend on one.
        let has_no_session = path.ends_with('z') || path.ends_with("/backchannel-logout");
        let is_for_all = reply.status == 403 && reply.body.contains("another site") || has_no_session;
        if !is_for_all {
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
    assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{context}");
    // The first differs by its nonce, the next two from request to request, the others belong to the body.
    let differing = "content-security-policy date x-request-id content-length transfer-encoding";
    let shown = |reply: &Reply| -> BTreeSet<String> {
        let mut headers = reply.headers.clone();
        differing.split(' ').for_each(|name| drop(headers.remove(name)));
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect()
    };
    assert_eq!(shown(head), shown(get), "{context}");
    if let Some(length) = head.find("content-length")
        && !get.body.contains("nonce-")
    {
        assert_eq!(length, get.body.len().to_string(), "{context}");
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
        (FORM, "user_id=user02&password=user_02".to_owned()),
        (FORM, format!("arguments={}", "x".repeat(70_000))),
        ("text/plain", "{}".to_owned()),
    ]
}

/// Reads a route and sends it one in `every` of all kinds of requests, logged in or not. Returns the statuses of the answers.
async fn crawl(server: &Server, path: &str, is_user: bool, every: usize) -> BTreeSet<u16> {
    let visitor = async || {
        if is_user {
            server.user01().await
        } else {
            server.client()
        }
    };
    let mut client = visitor().await;
    let mut statuses = BTreeSet::new();
    let mut record = |context: &str, reply: &Reply| {
        check(context, path, reply);
        statuses.insert(reply.status);
    };
    let get = client.get(path).await;
    record(&format!("GET {path}"), &get);
    let head = client.request("HEAD", path).send().await;
    check_mirrors(&format!("HEAD {path}"), &get, &head);
    record(&format!("HEAD {path}"), &head);
    let options = client.request("OPTIONS", path).send().await;
    record(&format!("OPTIONS {path}"), &options);
    // Where nothing is posted to, the connection may be closed before a large body is sent.
    let takes_bodies = !path.contains("nothing") && listed(&options, "allow").contains(&"post".to_owned());
    let own = client.origin();
    let methods = ["PUT", "DELETE", "TRACE", "PROPFIND", "QUERY"];
    let mut requests: Vec<_> = methods.map(|method| (method, own.as_str(), FORM, String::new())).into();
    for (kind, body) in bodies() {
        if body.len() < 10_000 || takes_bodies {
            requests.push(("POST", &own, kind, body));
        }
    }
    requests.push(("POST", "https://evil.example", JSON, "{}".to_owned()));
    for (method, origin, kind, body) in requests.iter().skip(path.len() % every).step_by(every) {
        // The last call may have ended the session, or begun one.
        if is_user != client.cookie(SESSION).is_some() {
            client = visitor().await;
        }
        let sending = client.request(method, path).header("content-type", kind);
        let reply = sending.header("origin", origin).body(body).send().await;
        let context = format!("{method} {path} {kind} {body:.20}");
        let is_known = *method == "POST";
        assert!(is_known || [404, 405].contains(&reply.status), "{context}: {reply:?}");
        record(&context, &reply);
    }
    statuses
}

#[tokio::test]
async fn every_answer_of_every_route_has_its_headers_and_a_type() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let whole = ["auth_func", "notauth_func", "login"];
    let mut paths = routes::paths(&server).await;
    let others =
        "/nothing /functions /functions/nothing /functions/nothing/kept /api/nothing /pkg/callgate.js /pkg/x.js";
    paths.extend(others.split(' ').map(str::to_owned));
    let mut seen = BTreeSet::new();
    for (number, path) in paths.iter().enumerate() {
        // Of routes that many functions have, a part for each of the others.
        let function = path.split('/').nth(2).unwrap_or("nothing");
        let is_whole = path.matches('/').count() < 2 || whole.contains(&function) || others.contains(path.as_str());
        for is_user in [false, true] {
            if is_whole || is_user == number.is_multiple_of(2) {
                let statuses = crawl(&server, path, is_user, if is_whole { 1 } else { 7 }).await;
                seen.extend(statuses.into_iter().map(|status| (status, path.as_str())));
            }
        }
    }
    for (status, paths) in [
        (200, &["/", "/favicon.svg", "/pkg/callgate.js", "/api/auth_func"][..]),
        (303, &["/functions/auth_func", "/login", "/logout"]),
        (400, &["/api/auth_func"]),
        (401, &["/api/auth_func", "/login", "/users"]),
        (403, &["/api/auth_func", "/logout", "/users"]),
        (
            404,
            &["/nothing", "/pkg/x.js", "/pkg/", "/api/nothing", "/functions/nothing"],
        ),
        (405, &["/logout", "/api/logout", "/pkg/callgate.js"]),
        (413, &["/api/notauth_func", "/functions/notauth_func"]),
        (415, &["/api/notauth_func"]),
        (422, &["/api/login"]),
    ] {
        for path in paths {
            assert!(seen.contains(&(status, path)), "no {status} of {path}");
        }
    }
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_failure_of_the_server_has_its_headers_and_a_type_too() {
    let server = Server::demo().await;
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
        let reply = user.request(method, path).header("content-type", kind).send().await;
        let context = format!("{method} {path}: {reply:?}");
        assert_eq!(reply.status, 500, "{context}");
        assert!(reply.set_cookies().is_empty(), "{context}");
        assert!(!reply.shows("no such table") && !reply.shows("SELECT"), "{context}");
        let reply = Reply { status: 499, ..reply };
        check(&context, path, &reply);
        if path.starts_with("/api") {
            assert_eq!(reply.code(), "internal", "{context}");
        } else {
            assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{context}");
        }
    }
    database.change("ALTER TABLE gone RENAME TO sessions").await;
    assert_eq!(user.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn part_of_a_file_and_a_file_that_is_known_have_the_headers_of_the_whole_one() {
    let client = Server::shared().client();
    for path in ["/pkg/callgate.js", "/favicon.svg"] {
        let whole = client.get(path).await;
        for (status, name, value) in [
            (206, "range", "bytes=0-2"),
            (416, "range", "bytes=9999-"),
            (304, "if-modified-since", whole.header("last-modified")),
            (200, "accept-encoding", "br, gzip"),
        ] {
            let reply = client.request("GET", path).header(name, value).send().await;
            assert_eq!(reply.status, status, "{path} {name}");
            check(&format!("{path} {name}"), path, &reply);
        }
    }
}

/// A cache that goes by the end of a path finds no page of anybody there.
#[tokio::test]
async fn a_page_is_not_shown_under_the_name_of_a_file() {
    let user = Server::shared().user01().await;
    assert!(user.get("/account").await.shows(">this session<"));
    for (start, ends) in [
        (
            "/account",
            "/x.css .css ;x.css %2fx.css %3fx.css %23x.css %00.css %0a.css",
        ),
        ("/login", "/x.js"),
        ("/functions/auth_func", "/x.png .js"),
        ("/api/my_sessions", "/x.css .css ;x.js"),
    ] {
        for path in ends.split(' ').map(|end| format!("{start}{end}")) {
            let reply = user.get(&path).await;
            assert_eq!(reply.status, 404, "{path}");
            assert!(!reply.shows(">this session<"), "{path}: {}", reply.body);
            check(&path, &path, &reply);
            let reply = user.json(&path, "{}").await;
            assert!([404, 405].contains(&reply.status), "{path}: {}", reply.status);
            check(&path, &path, &reply);
        }
    }
}
