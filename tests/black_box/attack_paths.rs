//! Ways around a guard: other spellings of a path, and requests of every kind without a session.

use futures::{StreamExt as _, stream};

use crate::{
    client::SESSION,
    effort::rounds,
    raw, routes,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

/// Other spellings of the path of a guarded function, for a request line byte by byte.
fn spellings(server: &Server) -> Vec<Vec<u8>> {
    let port = server.https.port();
    let mut spellings: Vec<Vec<u8>> = [
        "//api/auth_func",
        "///api/auth_func",
        "/api//auth_func",
        "/api///auth_func",
        "/api/auth_func/",
        "/api/auth_func//",
        "/api/auth_func/.",
        "/api/auth_func/..",
        "/api/auth_func/../auth_func",
        "/api/./auth_func",
        "/api/../api/auth_func",
        "/./api/auth_func",
        "/../api/auth_func",
        "/x/../api/auth_func",
        "/login/../api/auth_func",
        "/pkg/../api/auth_func",
        "/favicon.svg/../api/auth_func",
        "/livez/../api/auth_func",
        "/api/notauth_func/../auth_func",
        "/api/%2e/auth_func",
        "/api/%2e%2e/api/auth_func",
        "/%2e/api/auth_func",
        "/%2e%2e/api/auth_func",
        "/pkg/%2e%2e/api/auth_func",
        "/pkg/..%2fapi%2fauth_func",
        "/api%2fauth_func",
        "/api%2Fauth_func",
        "/api/%2fauth_func",
        "/%2fapi/auth_func",
        "/%2f%2fapi/auth_func",
        "/api%252fauth_func",
        "/api/%2561uth_func",
        "/api/%61uth_func",
        "/api/auth%5ffunc",
        "/%61%70%69/auth_func",
        "/api%5cauth_func",
        "/api/notauth_func%2f..%2fauth_func",
        "/api/notauth_func/..%2fauth_func",
        "/api/notauth_func%00/../auth_func",
        "/api\\auth_func",
        "\\api\\auth_func",
        "/api/..\\api\\auth_func",
        "/API/auth_func",
        "/Api/auth_func",
        "/api/AUTH_FUNC",
        "/api/Auth_Func",
        "/api/auth_func;x",
        "/api/auth_func;jsessionid=x",
        "/api;x/auth_func",
        "/api;/auth_func",
        "/;x/api/auth_func",
        "/api/auth_func%3bx",
        "/api/auth_func%3f",
        "/api/auth_func%23",
        "/api/auth_func%00",
        "/api/auth_func%00.js",
        "/api/auth_func%0a",
        "/api/auth_func%0d%0aX-User:user01",
        "/api/auth_func%20",
        "/api/auth_func%09",
        "/api/%20auth_func",
        "/api/auth_func.",
        "/api/auth_func.json",
        "/api/auth_func/a.js",
        "/api/auth_func/a.css",
        "/api/auth_func&x",
        "/api/auth_func,x",
        "/api/auth_func:443",
        "/api/auth_func@localhost",
        "/api/*",
        "/api/auth*",
        "/api/{*name}",
        "/api/{name}",
        "/functions/auth_func/",
        "/functions//auth_func",
        "/functions/auth_func/../../api/auth_func",
        "/functions/%61uth_func/kept/",
        "/functions/auth_func;x",
        "/functions/AUTH_FUNC",
        "/api/auth_func%c0%ae",
        "/api/%c0%ae%c0%ae/api/auth_func",
        "/api%c0%afauth_func",
        "/api%e0%80%afauth_func",
        "/api/auth_func%ff",
        "/api/%ef%bd%81uth_func",
        "/api/\u{ff41}uth_func",
        "/api/auth_func\u{200b}",
        "/api/%u0061uth_func",
        "/%",
        "/api/auth_func%",
        "/api/auth_func%zz",
        "*",
        "api/auth_func",
        "auth_func",
        ".",
        "",
        "?",
        "/api?/auth_func",
        "/api/?auth_func",
        "localhost",
        "localhost:443",
        "https:/api/auth_func",
        "https:///api/auth_func",
        "https://localhost//api/auth_func",
        "https://evil.example/%61pi/auth_func",
        "http://localhost/api//auth_func",
        "ftp://localhost/api//auth_func",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ]
    .into_iter()
    .map(|path| path.as_bytes().to_vec())
    .collect();
    spellings.push(format!("https://user01@localhost:{port}/api//auth_func").into_bytes());
    for bytes in [
        &b"/api/\xc0\xae\xc0\xae/api/auth_func"[..],
        b"/api\xc0\xafauth_func",
        b"/api/auth_func\x00",
        b"/api/auth_func\x00.js",
        b"/api/\x61uth_func\xff",
        b"/api/auth_func\x0b",
        b"/api/auth_func\t",
        b"/api/auth_func\x7f",
        b"/api/ auth_func",
    ] {
        spellings.push(bytes.to_vec());
    }
    spellings
}

async fn send(server: &Server, method: &str, target: &[u8], kind: &str, cookie: &str) -> String {
    let mut request = format!("{method} ").into_bytes();
    request.extend(target);
    request.extend(
        format!(
            " HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\
             X-Original-URL: /api/auth_func\r\nX-Rewrite-URL: /api/auth_func\r\nConnection: close\r\n\r\n{{}}",
            server.https.port()
        )
        .as_bytes(),
    );
    raw::exchange(server, request).await
}

/// security check 73: no spelling reaches a guarded function for nobody, none is another way to it for who is logged in,
/// and none is a failure
#[tokio::test]
async fn no_spelling_of_a_path_is_another_way_to_a_function() {
    let server = Server::quick_demo().await;
    let session = format!("{SESSION}={}", server.user01().await.session());
    for target in spellings(&server) {
        for method in ["POST", "GET", "PUT"] {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                for cookie in ["none=none", &session] {
                    let answer = send(&server, method, &target, kind, cookie).await;
                    let context = format!("{method} {} {kind} {cookie}: {answer}", target.escape_ascii());
                    assert!(
                        (400..500).contains(&raw::status(&answer)) || is_page(&answer, method),
                        "{context}"
                    );
                    assert!(!answer.contains("auth_func({"), "{context}");
                    assert!(!answer.contains("root:"), "{context}");
                }
            }
        }
    }
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}

/// Reading may show a page, to whoever asks.
fn is_page(answer: &str, method: &str) -> bool {
    method == "GET" && raw::status(answer) == 200 && answer.contains("<!DOCTYPE html>")
}

/// security check 73: a target with a host in it, and a query, name the same function with the same guard
#[tokio::test]
async fn the_spellings_that_are_right_ask_the_guard() {
    let server = Server::quick_demo().await;
    let session = format!("{SESSION}={}", server.user01().await.session());
    let port = server.https.port();
    for target in [
        "/api/auth_func".to_owned(),
        "/api/auth_func?".to_owned(),
        "/api/auth_func?/api/notauth_func".to_owned(),
        "/api/auth_func?user_id=user01&next=%00".to_owned(),
        // A fragment, which no client sends, is no part of a path.
        "/api/auth_func#x".to_owned(),
        format!("https://localhost:{port}/api/auth_func"),
        "https://evil.example/api/auth_func".to_owned(),
    ] {
        for (cookie, status) in [("none=none", 401), (session.as_str(), 200)] {
            let answer = send(&server, "POST", target.as_bytes(), "application/json", cookie).await;
            assert_eq!(raw::status(&answer), status, "{target}: {answer}");
        }
    }
}

/// security checks 54 and 70: whatever is sent to a guarded function without a session, the answer is 401
#[tokio::test]
async fn nothing_of_a_request_is_looked_at_before_the_guard() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
    let guarded: Vec<String> = routes::functions(&server)
        .await
        .into_iter()
        .filter(|function| !function.is_open)
        .map(|function| function.name)
        .collect();
    assert!(guarded.len() >= 9, "{guarded:?}");
    let large = "x".repeat(70_000);
    let deep = "[".repeat(60_000);
    let bodies = [
        "",
        "{}",
        "{",
        "[]",
        "null",
        "\u{feff}{}",
        "\0",
        r#"{"user_id":"user01","password":"user_01"}"#,
        "arguments=%7B%7D",
        "--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--",
        &deep,
        &large,
    ];
    let kinds = [
        "application/json",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/cbor",
        "application/octet-stream",
        "",
        "\u{e9}",
    ];
    let queries = ["", "?", "?user_id=user01", "?__path=/api/notauth_func", "?a=%FF%00"];
    let encodings = ["", "gzip", "br", "identity", "x"];
    let all: Vec<(usize, usize)> = (0..bodies.len())
        .flat_map(|body| (0..kinds.len()).map(move |kind| (body, kind)))
        .collect();
    let every = rounds(4, 1);
    stream::iter(guarded.iter().enumerate().flat_map(|(number, name)| {
        all.iter()
            .enumerate()
            .skip(number % every)
            .step_by(every)
            .map(move |(at, (body, kind))| (name, at, *body, *kind))
    }))
    .for_each_concurrent(8, |(name, at, body, kind)| {
        let client = server.client();
        let path = format!("/api/{name}{}", queries[at % queries.len()]);
        let (body, kind, encoding) = (bodies[body], kinds[kind], encodings[at % encodings.len()]);
        async move {
            let mut call = client
                .request("POST", &path)
                .header_bytes("content-type", kind.as_bytes());
            if !encoding.is_empty() {
                call = call.header("content-encoding", encoding);
            }
            if at % 2 == 1 {
                call = call.http2();
            }
            let reply = call.body(body).send().await;
            let context = format!("{path} {kind} {encoding} {body:.30}");
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (401, "not_logged_in"),
                "{context}"
            );
        }
    })
    .await;
}

/// security check 70: what the description names, which programs read, is guarded as the table of functions says
#[tokio::test]
async fn every_path_of_the_description_asks_its_guard() {
    let server = Server::quick_demo().await;
    let client = server.client();
    let description = client.get("/api/openapi.json").await.value();
    let mut open = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert_eq!(method, "post", "{path}");
            let reply = client.json(path, "{}").await;
            let is_guarded = operation["responses"].get("401").is_some() && path != "/api/login";
            assert_eq!(reply.status == 401, is_guarded, "{path}: {}", reply.body);
            if !is_guarded {
                open.push(path.clone());
            }
        }
    }
    let names = [
        "choose_password",
        "create_first_admin",
        "list_functions",
        "login",
        "notauth_func",
        "register",
    ];
    assert_eq!(open, names.map(|name| format!("/api/{name}")));
}
