//! The pages as they leave the server: what they show to whom, and with which headers.

use crate::{
    client::{Client, Reply, SESSION},
    page::unescaped,
    raw,
    server::{Place, Server},
};

const PAGES: [&str; 8] = [
    "/",
    "/login",
    "/confirm",
    "/account",
    "/functions/auth_func",
    "/functions/notauth_func",
    "/functions/quote_stay",
    "/functions/change_password",
];

fn directive<'a>(policy: &'a str, name: &str) -> Vec<&'a str> {
    policy
        .split(';')
        .map(|directive| directive.split_ascii_whitespace().collect::<Vec<_>>())
        .find(|words| words.first() == Some(&name))
        .unwrap_or_else(|| panic!("no {name} in {policy}"))[1..]
        .to_vec()
}

fn nonce(reply: &Reply) -> String {
    directive(reply.header("content-security-policy"), "script-src")
        .iter()
        .find_map(|word| word.strip_prefix("'nonce-")?.strip_suffix('\''))
        .expect("a nonce")
        .to_owned()
}

#[tokio::test]
async fn home_lists_every_function_with_who_may_call_it_in_words() {
    let server = Server::demo().await;
    let home = server.client().get("/").await;
    assert_eq!(home.status, 200);
    assert_eq!(home.header("content-type"), "text/html; charset=utf-8");
    let list = server.client().json("/api/list_functions", "{}").await.value();
    let functions = list["functions"].as_array().unwrap();
    assert!(functions.len() >= 12);
    for (name, group) in [
        ("auth_func", "functions"),
        ("login", "account"),
        ("put_role", "administration"),
    ] {
        let function = functions.iter().find(|function| function["name"] == name);
        assert_eq!(function.unwrap()["group"], group, "{name}");
    }
    for function in functions {
        let name = function["name"].as_str().unwrap();
        let (_, row) = home
            .body
            .split_once(&format!(r#"href="/functions/{name}""#))
            .unwrap_or_else(|| panic!("{name}: {}", home.body));
        let row = row.split_once("</li>").unwrap().0;
        let words = match function["rule"]["guard"].as_str().unwrap() {
            "Anyone" => "Open to anyone",
            "LoggedIn" => "For logged-in users",
            "FreshLogin" => "For recently logged-in users",
            _ => function["rule"]["words"].as_str().unwrap(),
        };
        assert!(
            unescaped(row).to_lowercase().contains(&words.to_lowercase()),
            "{name}: {row}"
        );
        assert!(row.contains(function["summary"].as_str().unwrap()), "{name}: {row}");
    }
}

#[tokio::test]
async fn the_page_of_a_function_says_what_it_does_and_how_to_call_it() {
    let server = Server::demo().await;
    let page = server.client().get("/functions/auth_func").await;
    assert_eq!(page.status, 200);
    for text in [
        "auth_func",
        "For logged-in users",
        "Echoes a JSON object to whoever is logged in",
        r#"action="/functions/auth_func""#,
        "No call yet",
        "curl ",
        "/api/auth_func",
    ] {
        assert!(page.shows(text), "{text}: {}", page.body);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_page_with_status_404() {
    let server = Server::demo().await;
    for client in [server.client(), server.user01().await] {
        for path in [
            "/nothing",
            "/functions",
            "/functions/nothing",
            "/functions/nothing/more",
            "/login/x",
            "/index.html",
        ] {
            let reply = client.get(path).await;
            assert_eq!(reply.status, 404, "{path}");
            assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert!(reply.shows("Page not found"), "{path}: {}", reply.body);
        }
        for path in ["/pkg/nothing.js", "/pkg/", "/pkg/nothing.html"] {
            let reply = client.get(path).await;
            assert_eq!(reply.status, 404, "{path}");
            assert!(reply.set_cookies().is_empty());
        }
    }
}

/// security check 74
#[tokio::test]
async fn the_pages_of_an_anonymous_visitor_hold_nothing_of_anybody() {
    let place = Place::new();
    place.add_user("canary-user", "canary-password").await;
    let server = place.serve(&[]).await;
    let user = server.logged_in("canary-user", "canary-password").await;
    user.form("/functions/auth_func", &[("arguments", r#"{"canary":"typed"}"#)])
        .await;
    for path in PAGES {
        let page = user.get(path).await;
        assert!(page.shows("canary-user"), "{path} greets who is logged in");
        let stranger = server.client();
        let dead = stranger.with_only(SESSION, "AAECAwQFBgcICQoLDA0ODw");
        for visitor in [stranger, dead] {
            let page = visitor.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(!page.shows("canary"), "{path}: {}", page.body);
            assert!(!page.shows("argon2"), "{path}");
            assert!(!page.shows("Log out"), "{path}");
        }
    }
}

/// The guard holds while a page is rendered: the header calls `current_user`.
#[tokio::test]
async fn a_page_knows_its_visitor_by_a_live_session_only() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for path in PAGES {
        let page = client.get(path).await;
        assert!(
            page.shows("Logged in as") && page.shows("Log out"),
            "{path}: {}",
            page.body
        );
    }
    let session = client.session();
    let greets = async |client: &Client| {
        let mut greets = false;
        for path in PAGES {
            greets |= client.get(path).await.shows("Logged in as");
        }
        greets
    };
    assert!(greets(&client.with_only(SESSION, &session)).await);
    server.place.done(&["user", "disable", "user01"], "").await;
    assert!(!greets(&client.with_only(SESSION, &session)).await);
    server.place.done(&["user", "enable", "user01"], "").await;
    assert!(!greets(&client.with_only(SESSION, &session)).await);
    let client = server.user01().await;
    let session = client.session();
    client.json("/api/logout", "{}").await;
    assert!(!greets(&client.with_only(SESSION, &session)).await);
}

/// security check 9
#[tokio::test]
async fn every_page_has_a_policy_with_a_nonce_of_its_own_and_no_unsafe_source() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let wrong = client
        .form("/login", &[("user_id", "user01"), ("password", "wrong")])
        .await;
    let mut pages = vec![wrong];
    for path in PAGES.into_iter().chain(["/nothing", "/functions/nothing"]) {
        pages.push(client.get(path).await);
        pages.push(client.get(path).await);
    }
    let mut nonces = Vec::new();
    for page in &pages {
        let policy = page.header("content-security-policy");
        let script = directive(policy, "script-src");
        let nonce = nonce(page);
        assert!(nonce.len() >= 22, "{nonce}");
        assert_eq!(
            script,
            [&format!("'nonce-{nonce}'"), "'strict-dynamic'", "'wasm-unsafe-eval'"],
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
            "{policy}"
        );
        for (name, value) in [
            ("default-src", "'none'"),
            ("object-src", "'none'"),
            ("base-uri", "'none'"),
            ("frame-ancestors", "'none'"),
            ("form-action", "'self'"),
            ("style-src", "'self'"),
            ("connect-src", "'self'"),
            ("img-src", "'self'"),
        ] {
            assert_eq!(directive(policy, name), [value], "{policy}");
        }
        // What the page holds runs under that policy.
        let scripts: Vec<&str> = page.body.split("<script").skip(1).collect();
        assert!(!scripts.is_empty());
        for script in scripts {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
        }
        assert!(!page.shows("<style") && !page.shows(" style=\""), "{}", page.body);
        assert!(!page.shows(" onclick=") && !page.shows("javascript:"), "{}", page.body);
        nonces.push(nonce);
    }
    let count = nonces.len();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), count, "each answer has a nonce of its own");
}

/// security check 9, for pages without script
#[tokio::test]
async fn a_page_that_tells_of_a_failure_has_a_policy_too() {
    let server = Server::demo().await;
    let client = server.client();
    let page = client
        .form("/functions/auth_func", &[("arguments", &"x".repeat(70_000))])
        .await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (413, "text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy");
    assert_eq!(directive(policy, "default-src"), ["'none'"]);
    assert_eq!(directive(policy, "frame-ancestors"), ["'none'"]);
    assert!(!policy.contains("script-src") && !page.shows("<script"), "{policy}");
}

/// security check 13
#[tokio::test]
async fn what_depends_on_the_visitor_is_kept_by_nobody() {
    let server = Server::demo().await;
    for client in [server.client(), server.user01().await] {
        let mut replies = vec![
            client.json("/api/auth_func", "{}").await,
            client.json("/api/nothing", "{}").await,
            client
                .json("/api/login", r#"{"user_id":"user02","password":"user_02"}"#)
                .await,
            client.form("/functions/auth_func", &[("arguments", "{}")]).await,
        ];
        for path in PAGES.into_iter().chain(["/nothing", "/logout"]) {
            replies.push(client.get(path).await);
        }
        replies.push(client.form("/logout", &[]).await);
        for reply in replies {
            assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
            let vary: Vec<String> = reply
                .headers
                .get_all("vary")
                .iter()
                .flat_map(|value| value.to_str().unwrap().split(','))
                .map(|name| name.trim().to_ascii_lowercase())
                .collect();
            assert!(vary.contains(&"cookie".to_owned()), "{reply:?}");
        }
        for path in ["/pkg/callgate.js", "/favicon.svg"] {
            let reply = client.get(path).await;
            assert_eq!(reply.status, 200, "{path}");
            assert!(reply.set_cookies().is_empty(), "{path}");
        }
    }
}

/// security checks 14 and 73
#[tokio::test]
async fn no_spelling_of_a_path_gets_around_a_guard_or_out_of_the_site() {
    let server = Server::demo().await;
    let client = server.client();
    let user = server.user01().await;
    for path in [
        "//api/auth_func",
        "/api//auth_func",
        "/api/auth_func/",
        "/api/auth_func//",
        "/api/%61uth_func",
        "/%61pi/auth_func",
        "/api%2fauth_func",
        "/api/./auth_func",
        "/./api/auth_func",
        "/x/../api/auth_func",
        "/api/notauth_func/../auth_func",
        "/api/notauth_func%2f..%2fauth_func",
        "/api/notauth_func/..%2fauth_func",
        "/api/auth_func;x",
        "/api;x/auth_func",
        "/api/auth_func%00",
        "/api/auth_func%20",
        "/api/auth_func.",
        "/API/auth_func",
        "/api/AUTH_FUNC",
        "/api/auth_func/a.js",
        "/pkg/../api/auth_func",
        "/pkg/..%2fapi/auth_func",
        "/functions/auth_func/",
        "/functions//auth_func",
    ] {
        for method in ["POST", "GET"] {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                let reply = client
                    .request(method, path)
                    .header("content-type", kind)
                    .body("{}")
                    .send()
                    .await;
                assert!(
                    reply.status >= 400 && reply.status < 500,
                    "{method} {path}: {}",
                    reply.status
                );
                assert!(!reply.shows("user_id="), "{method} {path}: {}", reply.body);
            }
        }
        // Nor is it another way to the function for who is logged in.
        let reply = user.json(path, "{}").await;
        assert!(reply.status >= 400 && reply.status < 500, "{path}: {}", reply.status);
    }
    // A query is part of no path.
    let reply = client.json("/api/auth_func?/api/notauth_func", "{}").await;
    assert_eq!(reply.status, 401);
}

/// security check 14
#[tokio::test]
async fn nothing_but_the_site_is_served() {
    let server = Server::demo().await;
    let client = server.client();
    for path in [
        "/.git/config",
        "/.env",
        "/Cargo.toml",
        "/data/callgate.db",
        "/callgate.db",
        "/pkg",
        "/pkg/../data/callgate.db",
        "/pkg/..%2f..%2fdata%2fcallgate.db",
        "/pkg/%2e%2e/%2e%2e/data/callgate.db",
        "/pkg/..\\..\\data\\callgate.db",
        "/pkg/..%5c..%5cdata%5ccallgate.db",
        "/pkg//etc/passwd",
        "/pkg/%2fetc%2fpasswd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/favicon.svg/../../data/callgate.db",
        "/functions/..%2f..%2fdata%2fcallgate.db",
        "/certs/localhost.key",
        "/data/certs/localhost.key",
        "/account/x.css",
    ] {
        for verb in ["GET", "HEAD"] {
            let request = format!("{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = raw::exchange(&server, request).await;
            let status = raw::status(&answer);
            assert!((400..500).contains(&status), "{path}: {answer}");
            for bad in ["SQLite", "PRIVATE KEY", "root:", "Index of"] {
                assert!(!answer.contains(bad), "{path}: {answer}");
            }
        }
    }
    let reply = client.get("/").await;
    assert_eq!(reply.find("server"), None);
    assert_eq!(reply.find("x-powered-by"), None);
}

/// security check 94
#[tokio::test]
async fn strange_paths_and_queries_are_answered_and_nothing_breaks() {
    let server = Server::demo().await;
    let client = server.client();
    for path in [
        "/%FF",
        "/functions/%FF",
        "/functions/%00",
        "/functions/%E2%28%A1",
        "/functions/%F0%9F%94%91",
        "/functions/%3Cscript%3E",
        "/login?next=%FF",
        "/login?next",
        "/login?%FF=%FF&next=/&next=/x",
        "/?%",
        "/%",
        "/functions/%",
        "/functions/auth_func?__path=/api/auth_func&__err=%3Cscript%3Ealert(1)%3C/script%3E",
        "/?__path=/api/login&__err=eyJ9",
        "/?a=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let reply = client.get(path).await;
        assert!([200, 400, 404].contains(&reply.status), "{path}: {}", reply.status);
        assert!(!reply.shows("<script>alert"), "{path}: {}", reply.body);
    }
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn what_is_too_long_for_a_filter_is_not_cut_off_but_said_and_kept() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let long = "x".repeat(65);
    for (page, fields, status) in [
        ("/users", &["part", "role"][..], 422),
        ("/audit", &["user"], 422),
        ("/calls", &["user", "function"], 422),
        // What else that page tells is there.
        ("/access", &["user_id"], 200),
        ("/roles", &[], 200),
    ] {
        let shown = admin.get(page).await;
        assert!(
            shown.status == 200 && !shown.shows("maxlength"),
            "{page}: {}",
            shown.body
        );
        for field in fields {
            let reply = admin.get(&format!("{page}?{field}={long}")).await;
            assert_eq!(reply.status, status, "{page} {field}: {}", reply.body);
            assert!(reply.shows("at most 64 characters"), "{page} {field}: {}", reply.body);
            assert!(
                reply.shows(&format!(r#"value="{long}""#)),
                "{page} {field}: {}",
                reply.body
            );
        }
    }
}

/// security check 15
#[tokio::test]
async fn head_mirrors_get_and_other_methods_are_405() {
    let server = Server::demo().await;
    let client = server.client();
    for path in [
        "/",
        "/login",
        "/functions/auth_func",
        "/nothing",
        "/functions/nothing",
        "/favicon.svg",
        "/logout",
    ] {
        let (get, head) = (client.get(path).await, client.request("HEAD", path).send().await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.find("content-type"), get.find("content-type"), "{path}");
    }
    for (path, methods, allowed) in [
        ("/", vec!["TRACE", "PUT", "DELETE", "POST", "OPTIONS"], vec!["GET"]),
        ("/login", vec!["TRACE", "PUT", "DELETE", "OPTIONS"], vec!["GET", "POST"]),
        (
            "/functions/auth_func",
            vec!["TRACE", "PUT", "OPTIONS"],
            vec!["GET", "POST"],
        ),
        ("/logout", vec!["GET", "HEAD", "TRACE", "PUT"], vec!["POST"]),
    ] {
        for method in methods {
            let reply = client.request(method, path).send().await;
            assert_eq!(reply.status, 405, "{method} {path}");
            let allow = reply.header("allow");
            // Who wanted to read is told why there is nothing.
            let is_reading = ["GET", "HEAD"].contains(&method);
            assert_eq!(reply.find("content-type").is_some(), is_reading, "{method} {path}");
            assert_eq!(
                reply.shows("Opening this address does nothing"),
                method == "GET",
                "{method} {path}"
            );
            for wanted in &allowed {
                assert!(allow.contains(wanted), "{method} {path}: {allow}");
            }
        }
    }
}
