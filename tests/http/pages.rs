//! The pages as they leave the server: what they show, and the policy for what runs in them.

use jiff::{Timestamp, ToSpan as _};

use crate::support::{
    client::{Client, Reply},
    page::{assert_shows, unescaped},
    place::Place,
    server::Server,
};

fn directive<'a>(policy: &'a str, name: &str) -> Vec<&'a str> {
    let mut directives = policy
        .split(';')
        .map(|words| words.split_ascii_whitespace().collect::<Vec<_>>());
    let words = directives.find(|words| words.first() == Some(&name));
    words.unwrap_or_else(|| panic!("no {name} in {policy}"))[1..].to_vec()
}

fn nonce(page: &Reply) -> String {
    let sources = directive(page.header("content-security-policy"), "script-src");
    let nonce = sources[0]
        .strip_prefix("'nonce-")
        .and_then(|rest| rest.strip_suffix('\''));
    nonce.expect("a nonce").to_owned()
}

fn assert_is_html(page: &Reply, status: u16) {
    let kind = page.header("content-type");
    assert_eq!(
        (page.status, kind),
        (status, "text/html; charset=utf-8"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn home_lists_every_function_with_who_may_call_it_in_words() {
    let client = Server::shared().client();
    let home = client.get("/").await;
    assert_is_html(&home, 200);
    let list = client.json("/api/list_functions", "{}").await.value();
    let functions = list["functions"].as_array().unwrap();
    assert!(functions.len() >= 12);
    for function in functions {
        let name = function["name"].as_str().unwrap();
        match name {
            "auth_func" => assert_eq!(function["group"], "functions"),
            "login" => assert_eq!(function["group"], "account"),
            "put_role" => assert_eq!(function["group"], "administration"),
            _ => {}
        }
        let link = format!(r#"href="/functions/{name}""#);
        let (_, row) = home.body.split_once(&link).expect(name);
        let row = row.split_once("</li>").unwrap().0;
        let words = match function["rule"]["guard"].as_str().unwrap() {
            "Anyone" if !function["closed"].is_null() => "Closed",
            "Anyone" => "Open to anyone",
            "LoggedIn" => "For logged-in users",
            "FreshLogin" => "For recently logged-in users",
            _ => function["rule"]["words"].as_str().unwrap(),
        };
        let shown = unescaped(row).to_lowercase();
        assert!(shown.contains(&words.to_lowercase()), "{name}: {row}");
        assert!(row.contains(function["summary"].as_str().unwrap()), "{name}: {row}");
    }
}

/// The names of the functions that the home page lists.
fn listed(home: &Reply) -> Vec<&str> {
    let links = home.body.split(r#"href="/functions/"#).skip(1);
    links.map(|link| link.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn home_finds_functions_by_all_words_of_a_search_in_names_and_summaries() {
    let client = Server::shared().client();
    for (search, found) in [
        ("QUOTE+stay", &["quote_stay"][..]),
        ("role+gives", &["give_role"]),
        ("echoes", &["auth_func", "notauth_func"]),
        ("nothing+of+that+kind", &[]),
    ] {
        assert_eq!(listed(&client.get(&format!("/?q={search}")).await), found, "{search}");
    }
    let hostile = client.get("/?q=%22%3E%3Cscript%3E").await;
    assert!(
        hostile.shows("No function found.") && !hostile.shows("\"><script>"),
        "{}",
        hostile.body
    );
}

#[tokio::test]
async fn home_lists_what_a_user_can_call_and_the_rest_on_demand() {
    let server = Server::shared();
    let (user, admin) = (server.user01().await, server.admin().await);
    let home = user.get("/").await;
    assert!(
        home.shows("Hello, ") && !home.shows("Functions behind a login"),
        "{}",
        home.body
    );
    let (mine, all) = (listed(&home), user.get("/?all=yes").await);
    // A login that must be confirmed first is no obstacle. What is closed is one for everybody.
    assert!(mine.contains(&"change_password"), "{mine:?}");
    for other in ["list_users", "put_role", "register"] {
        assert!(
            !mine.contains(&other) && listed(&all).contains(&other),
            "{other}: {mine:?}"
        );
    }
    let row = |name: &str| {
        let (_, row) = all.body.split_once(&format!(r#"href="/functions/{name}""#)).unwrap();
        row.split_once("</li>").unwrap().0.contains("No permission")
    };
    assert!(row("put_role") && !row("register") && !row("auth_func"));
    assert!(listed(&admin.get("/").await).contains(&"put_role"));
}

#[tokio::test]
async fn the_page_of_a_function_says_what_it_does_and_how_to_call_it() {
    let page = Server::shared().client().get("/functions/auth_func").await;
    assert_eq!(page.status, 200);
    for text in [
        "auth_func",
        "For logged-in users",
        "Echoes a JSON object to logged-in users",
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
    let server = Server::shared();
    for client in [server.client(), server.user01().await] {
        let paths = "/nothing /functions /functions/nothing /functions/nothing/more /login/x /index.html";
        for path in paths.split(' ') {
            let reply = client.get(path).await;
            assert_is_html(&reply, 404);
            assert!(reply.shows("Page not found"), "{path}: {}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_refused_page_says_why_and_how_to_go_on_and_gives_its_reference() {
    let server = Server::shared();
    let page = server.client().get("/users?part=a").await;
    assert_is_html(&page, 401);
    assert_shows(&page, &["You are not logged in", r#"href="/login?next=/users?part=a""#]);
    let page = server.user01().await.get("/users").await;
    assert_is_html(&page, 403);
    let reference = format!("<code>{}", page.reference());
    assert_shows(
        &page,
        &[
            "No access",
            "users.manage",
            r#"href="/" class="button quiet""#,
            &reference,
        ],
    );
}

#[tokio::test]
async fn every_page_has_a_policy_with_a_nonce_of_its_own_and_no_unsafe_source() {
    let server = Server::shared();
    let client = server.user01().await;
    let wrong = [("user_id", "nobody"), ("password", "wrong")];
    let mut pages = vec![client.form("/login", &wrong).await];
    let paths = "/ /login /confirm /account /functions/auth_func /functions/notauth_func /functions/quote_stay \
                 /functions/change_password /nothing /functions/nothing";
    for path in paths.split(' ') {
        pages.push(client.get(path).await);
        pages.push(client.get(path).await);
    }
    let mut nonces = Vec::new();
    for page in &pages {
        let policy = page.header("content-security-policy");
        let nonce = nonce(page);
        assert!(nonce.len() >= 22, "{nonce}");
        let own = format!("'nonce-{nonce}'");
        let sources = [&own, "'strict-dynamic'", "'wasm-unsafe-eval'"];
        assert_eq!(directive(policy, "script-src"), sources, "{policy}");
        let is_unsafe = policy.contains("unsafe-inline") || policy.contains("'unsafe-eval'");
        assert!(!is_unsafe, "{policy}");
        for name in ["default-src", "object-src", "base-uri", "frame-ancestors"] {
            assert_eq!(directive(policy, name), ["'none'"], "{policy}");
        }
        for name in ["form-action", "style-src", "connect-src", "img-src"] {
            assert_eq!(directive(policy, name), ["'self'"], "{policy}");
        }
        // What the page holds runs under that policy.
        let scripts: Vec<&str> = page.body.split("<script").skip(1).collect();
        assert!(!scripts.is_empty());
        for script in scripts {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{tag}");
        }
        for inline in ["<style", " style=\"", " onclick=", "javascript:"] {
            assert!(!page.shows(inline), "{inline}: {}", page.body);
        }
        nonces.push(nonce);
    }
    let count = nonces.len();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), count, "each answer has a nonce of its own");
}

#[tokio::test]
async fn a_page_without_script_has_a_policy_too() {
    let client = Server::shared().client();
    let large = "x".repeat(70_000);
    let page = client.form("/functions/auth_func", &[("arguments", &large)]).await;
    assert_is_html(&page, 413);
    let policy = page.header("content-security-policy");
    assert_eq!(directive(policy, "default-src"), ["'none'"]);
    assert_eq!(directive(policy, "frame-ancestors"), ["'none'"]);
    assert!(!policy.contains("script-src") && !page.shows("<script"), "{policy}");
}

#[tokio::test]
async fn what_is_too_long_for_a_filter_is_refused_and_kept_in_its_input() {
    let admin = Server::shared().admin().await;
    let long = "x".repeat(65);
    for (page, fields, status) in [
        ("/users", &["part", "role"][..], 422),
        ("/audit", &["user"], 422),
        ("/calls", &["user", "function"], 422),
        // What else that page shows is there.
        ("/access", &["user_id"], 200),
        ("/roles", &[], 200),
    ] {
        let shown = admin.get(page).await;
        assert_is_html(&shown, 200);
        assert!(!shown.shows("maxlength"), "{page}: {}", shown.body);
        for field in fields {
            let reply = admin.get(&format!("{page}?{field}={long}")).await;
            assert_eq!(reply.status, status, "{page} {field}: {}", reply.body);
            for text in ["at most 64 characters", &format!(r#"value="{long}""#)] {
                assert!(reply.shows(text), "{page} {field} {text}: {}", reply.body);
            }
        }
    }
}

#[tokio::test]
async fn a_method_that_a_page_does_not_take_is_405_and_names_those_it_takes() {
    let client = Server::shared().client();
    for (path, methods, allowed) in [
        ("/", &["TRACE", "PUT", "DELETE", "POST", "OPTIONS"][..], &["GET"][..]),
        ("/login", &["TRACE", "PUT", "DELETE", "OPTIONS"], &["GET", "POST"]),
        ("/functions/auth_func", &["TRACE", "PUT", "OPTIONS"], &["GET", "POST"]),
        ("/logout", &["GET", "HEAD", "TRACE", "PUT"], &["POST"]),
    ] {
        for method in methods {
            let reply = client.request(method, path).send().await;
            assert_eq!(reply.status, 405, "{method} {path}");
            // Who reads gets a page that says why.
            let is_reading = ["GET", "HEAD"].contains(method);
            assert_eq!(reply.find("content-type").is_some(), is_reading, "{method} {path}");
            let is_explained = reply.shows("only accepts form submissions");
            assert_eq!(is_explained, *method == "GET", "{method} {path}");
            for wanted in allowed {
                assert!(reply.header("allow").contains(wanted), "{method} {path}: {reply:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_slash_too_many_leads_to_the_page_and_nowhere_else() {
    let server = Server::shared();
    let client = server.client();
    for (path, page) in [
        ("/login/", "/login"),
        ("/login/?next=/account", "/login?next=/account"),
        ("/account/", "/account"),
        ("/functions/auth_func/?a=%2F", "/functions/auth_func?a=%2F"),
    ] {
        for method in ["GET", "HEAD"] {
            let reply = client.request(method, path).send().await;
            assert_eq!((reply.status, reply.header("location")), (308, page), "{method} {path}");
        }
        assert_eq!(client.post(path, "text/plain", "").await.status, 404, "{path}");
    }
    for path in [
        "//evil.example/",
        "/login//",
        "/functions/nothing/",
        "/functions/%61uth_func/",
        "/api/auth_func/",
    ] {
        let reply = client.get(path).await;
        assert_eq!((reply.status, reply.find("location")), (404, None), "{path}");
    }
}

async fn read(client: &Client, path: &str, language: &str) -> Reply {
    let request = client.request("GET", path).header("accept-language", language);
    request.send().await
}

#[tokio::test]
async fn times_are_in_the_zone_of_the_site_and_in_the_language_of_the_reader() {
    let server = Place::new().demo(&[("CALLGATE_SITE_TIME_ZONE", "Asia/Seoul")]).await;
    let user = server.user01().await;
    for (language, now, from) in [
        ("en", ["just now", "min ago"], "From (Asia/Seoul)"),
        ("ko", ["방금", "분 전"], "시작일(Asia/Seoul 기준)"),
    ] {
        let page = read(&user, "/account", language).await;
        let mut times = page.body.split(r#"<time datetime=""#).skip(1);
        let (at, rest) = times.next().unwrap().split_once('"').unwrap();
        let there = at.parse::<Timestamp>().unwrap() + 9.hours();
        let exact = there.strftime("%Y-%m-%d %H:%M:%S (Asia/Seoul, UTC+9)").to_string();
        assert!(rest.starts_with(&format!(r#" title="{exact}">"#)), "{rest}");
        let (shown, _) = rest.split_once("</time>").unwrap();
        // On a slow machine the event is older than a minute.
        let is_recent = |text: &str| now.iter().any(|words| text.contains(&format!("{words}<")));
        assert!(is_recent(shown) && shown.contains(&format!(">{exact}<")), "{shown}");
        let page = read(&server.admin().await, "/audit", language).await;
        assert!(is_recent(&page.body) && page.shows(from), "{}", page.body);
    }
}
