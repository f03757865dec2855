//! Requests that another site makes a browser send, to every route: none does anything, and none of its answers can be read.
//! The requests are made by hand; the browser tests show what a real browser makes of the same.

use futures::{StreamExt as _, stream};

use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    effort::rounds,
    place::Place,
    routes,
    server::{Server, UNTHROTTLED},
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// Bodies that would do something, as forms and scripts of another site can send them.
const BODIES: [(&str, &str); 6] = [
    (
        FORM,
        "user_id=user02&password=user_02&new_password=seven+small+zebras+swim&run=run&arguments=%7B%7D",
    ),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nuser02\r\n--x\r\nContent-Disposition: form-data; \
         name=\"password\"\r\n\r\nuser_02\r\n--x--\r\n",
    ),
    (
        "text/plain",
        r#"{"user_id":"user02","password":"user_02","new_password":"seven small zebras swim","a":"="}"#,
    ),
    ("text/plain", ""),
    (JSON, r#"{"user_id":"user02","password":"user_02"}"#),
    (JSON, "{}"),
];

/// What browsers say of a request that a page of another site, or of a sibling, sent.
const FOREIGN: [&str; 15] = [
    "sec-fetch-site: cross-site",
    "sec-fetch-site: same-site",
    "sec-fetch-site: ",
    "sec-fetch-site: SAME-ORIGIN",
    "origin: https://evil.example",
    "origin: null",
    "origin: http://localhost",
    "origin: https://localhost",
    "origin: https://localhost:1",
    "origin: http://{host}",
    "origin: https://sibling.{host}",
    "origin: https://localhost.evil.example\nreferer: https://localhost/",
    "origin: https://evil.example\nsec-fetch-site: same-origin",
    "origin: null\nsec-fetch-site: cross-site",
    "origin: null\nsec-fetch-site: none",
];

async fn post(client: &Client, path: &str, (kind, body): (&str, &str), headers: &'static str) -> Reply {
    let mut sending = client.request("POST", path).header("content-type", kind).body(body);
    for (name, value) in headers.lines().map(|line| line.split_once(": ").unwrap()) {
        let host = client.host();
        let value = value.replace("{host}", &host).replace("{HOST}", &host.to_uppercase());
        sending = sending.header(name, &value);
    }
    sending.send().await
}

/// A browser with all three cookies: logged in, remembered, and with a call that waits.
async fn victim(server: &Server) -> Client {
    let client = server.client();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(client.json("/api/login", login).await.status, 200);
    server.let_password_age("user01", 3600).await;
    let waits = [("new_password", "seven small zebras swim")];
    let reply = client.form("/functions/change_password", &waits).await;
    assert_eq!(reply.header("location"), "/confirm?next=/functions/change_password");
    client
}

#[tokio::test]
async fn no_route_does_anything_for_another_site() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let (victim, nobody) = (victim(&server).await, server.client());
    let combinations: Vec<_> = FOREIGN
        .iter()
        .flat_map(|&headers| BODIES.map(|body| (headers, body)))
        .collect();
    let paths = routes::paths(&server).await;
    let mut database = server.place.database().await;
    let before = database.state().await;
    // Every body at every path, and every combination at every thirteenth path.
    let every = rounds(13, 1);
    let mut requests = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let some = combinations.iter().skip(number % every).step_by(every);
        requests.extend(some.map(|combination| (&victim, path.as_str(), combination)));
    }
    // Nor is a browser logged in that is not.
    for path in ["/login", "/api/login", "/functions/login"] {
        requests.extend(
            combinations
                .iter()
                .step_by(5)
                .map(|combination| (&nobody, path, combination)),
        );
    }
    stream::iter(requests)
        .for_each_concurrent(8, |(client, path, &(headers, body))| async move {
            let reply = post(client, path, body, headers).await;
            let context = format!("{path} {headers:?} {body:?}: {} {}", reply.status, reply.body);
            // Files and health checks have no session and take no POST. The logout by a provider has no session; there is none.
            let without_session = ["/favicon.svg", "/livez", "/pkg", "/pkg/", "/readyz"].contains(&path);
            if without_session || path.ends_with("/backchannel-logout") {
                assert!([404, 405].contains(&reply.status), "{context}");
            } else {
                assert_eq!(reply.status, 403, "{context}");
            }
            if path.starts_with("/api/") {
                assert_eq!(reply.code(), "cross_origin", "{context}");
            }
            assert!(reply.set_cookies().is_empty(), "{context}");
            assert!(!reply.shows("user01") && !reply.shows("user_id="), "{context}");
        })
        .await;
    assert_eq!(database.state().await, before);
    assert_eq!(victim.who().await.as_deref(), Some("user01"));
}

/// The refusal does not depend on the session, the path or the method.
#[tokio::test]
async fn another_site_is_refused_before_anything_else_is_looked_at() {
    let server = Server::shared();
    let user = server.user01().await;
    let mut bodies = Vec::new();
    for client in [&server.client(), &user] {
        for path in ["/api/auth_func", "/api/nothing"] {
            let reply = post(client, path, ("text/plain", "{"), FOREIGN[0]).await;
            assert_eq!(reply.status, 403);
            bodies.push(reply.without_reference());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    for method in ["PUT", "DELETE", "PATCH", "PROPFIND"] {
        let request = user.request(method, "/api/logout");
        let reply = request.header("sec-fetch-site", "cross-site").send().await;
        assert_eq!(reply.status, 403, "{method}");
    }
}

#[tokio::test]
async fn own_pages_and_programs_pass() {
    let server = Server::shared();
    let client = server.user01().await;
    let own = client.origin();
    for headers in [
        "",
        "user-agent: curl/8\nreferer: https://evil.example/",
        "sec-fetch-site: same-origin",
        "sec-fetch-site: none",
        "origin: https://{host}",
        "origin: https://{HOST}",
        "origin: https://{host}\nsec-fetch-site: same-origin",
        // As browsers say where a proxy has set `Referrer-Policy: no-referrer`.
        "origin: null\nsec-fetch-site: same-origin",
    ] {
        let reply = post(&client, "/api/auth_func", (JSON, "{}"), headers).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.body);
        let reply = post(&client, "/functions/auth_func", (FORM, "arguments=%7B%7D"), headers).await;
        assert_eq!(reply.status, 303, "{headers:?}: {}", reply.body);
    }
    // Over HTTP/2 the host stands elsewhere.
    for (origin, status) in [(own.as_str(), 200), ("https://evil.example", 403), ("null", 403)] {
        let request = client.request("POST", "/api/auth_func").header("content-type", JSON);
        let reply = request.header("origin", origin).body("{}").http2().send().await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

#[tokio::test]
async fn the_public_origin_of_the_settings_is_an_own_one() {
    let settings = [("CALLGATE_SITE_ORIGIN", "https://Calls.example:443")];
    let server = Place::new().demo(&settings).await;
    let announced = &server.announced;
    assert!(announced.contains("https://calls.example"), "{announced}");
    let client = server.user01().await;
    for (from, status) in [
        ("origin: https://calls.example", 200),
        ("origin: http://calls.example", 403),
        ("origin: https://calls.example:1", 403),
        ("origin: https://evil-calls.example", 403),
        ("origin: https://calls.example.evil.example", 403),
    ] {
        let reply = post(&client, "/api/auth_func", (JSON, "{}"), from).await;
        assert_eq!(reply.status, status, "{from}");
    }
}

/// Every route, read in every way and by everybody, with all that would do something if it were sent; and no answer that
/// another origin may read or frame, or that allows what a browser asks for first.
#[tokio::test]
async fn reading_a_route_changes_nothing_and_allows_another_origin_nothing() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let client = victim(&server).await;
    let own = client.origin();
    let (nobody, session_only) = (server.client(), client.with_only(SESSION, &client.session()));
    let mut database = server.place.database().await;
    let before = database.state().await;
    let acting =
        "?user_id=user02&password=user_02&new_password=seven+small+zebras+swim&run=run&arguments=%7B%7D&then=/account";
    let as_post = "?_method=POST&__path=/api/logout&__err=%3Cscript%3Ealert(1)%3C/script%3E";
    let requests = [
        (&client, "GET", "", "https://evil.example"),
        (&client, "GET", acting, "null"),
        (&client, "GET", as_post, &own),
        (&session_only, "GET", acting, "https://evil.example"),
        (&nobody, "GET", acting, "https://evil.example"),
        (&client, "HEAD", acting, "https://evil.example"),
        (&client, "OPTIONS", as_post, "https://evil.example"),
        (&client, "OPTIONS", acting, "null"),
        (&client, "OPTIONS", "", &own),
    ];
    let paths = routes::paths(&server).await;
    // Of the paths that each function has, every one in a third of the ways.
    let all = paths.iter().enumerate().flat_map(|(number, path)| {
        let every = if path.matches('/').count() > 1 { 3 } else { 1 };
        let some = requests.into_iter().skip(number % every).step_by(every);
        some.map(move |request| (path, request))
    });
    stream::iter(all)
        .for_each_concurrent(8, |(path, (visitor, method, query, origin))| async move {
            let reply = visitor
                .request(method, &format!("{path}{query}"))
                .header("origin", origin)
                .header("sec-fetch-site", "cross-site")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type, x-anything")
                .header("access-control-request-private-network", "true")
                .header("purpose", "prefetch")
                .header("x-http-method-override", "POST")
                .header("content-type", FORM)
                .body(BODIES[0].1)
                .send()
                .await;
            let context = format!("{method} {path}{query}: {}", reply.status);
            match method {
                "GET" | "HEAD" if reply.status == 303 => {
                    // A page for a fresh login only.
                    let to = reply.header("location");
                    let (way, next) = to.split_once("?next=").unwrap();
                    assert!(["/login", "/confirm"].contains(&way), "{context}: {to}");
                    assert!(next.starts_with("/account/password"), "{context}: {to}");
                }
                "OPTIONS" => assert!([404, 405].contains(&reply.status), "{context}"),
                _ => assert!([200, 401, 403, 404, 405].contains(&reply.status), "{context}"),
            }
            assert!(reply.set_cookies().is_empty(), "{context}");
            assert!(!reply.shows("<script>alert"), "{context}: {}", reply.body);
            for name in reply.headers.keys() {
                assert!(!name.as_str().starts_with("access-control-"), "{context}: {name}");
            }
            assert_eq!(reply.header("x-frame-options"), "DENY", "{context}");
            assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{context}");
            let policy = reply.header("content-security-policy");
            assert!(policy.contains("frame-ancestors 'none'"), "{context}: {policy}");
        })
        .await;
    assert_eq!(database.state().await, before);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    let log = server.place.log();
    assert!(!log.contains("panic") && !log.contains("ERROR"), "{log}");
}

/// Neither in its text and attributes nor in the data that it hands to its script.
#[tokio::test]
async fn no_page_holds_anything_of_a_user_for_who_is_not_logged_in() {
    let place = Place::new();
    place.add_user("canary-name", "canary password of mine").await;
    let server = place.serve(UNTHROTTLED).await;
    let client = server.client();
    let device = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let login = client.request("POST", "/api/login").header("content-type", JSON);
    let body = r#"{"user_id":"canary-name","password":"canary password of mine"}"#;
    assert_eq!(login.header("user-agent", device).body(body).send().await.status, 200);
    let form = [("arguments", r#"{"typed":"canary-typed"}"#)];
    client.form("/functions/auth_func", &form).await;
    let session = client.session();
    for (path, texts) in [
        (
            "/account",
            &["canary-name", "Firefox on Windows", "127.0.0.1", "Log out"][..],
        ),
        ("/functions/auth_func", &["canary-typed"]),
    ] {
        let page = client.get(path).await;
        for text in texts {
            assert!(page.shows(text), "{path} shows {text} to its owner: {}", page.body);
        }
    }

    let texts = [
        "canary",
        "Firefox on Windows",
        "127.0.0.1",
        "Log out",
        "argon2",
        &session,
    ];
    let mut secrets: Vec<String> = texts.map(str::to_owned).into();
    let sessions = client.done("my_sessions", serde_json::json!({})).await;
    for session in sessions["sessions"].as_array().unwrap() {
        secrets.push(session["id"].as_str().unwrap().to_owned());
    }
    let call_only = client.clone();
    call_only.drop_cookie(SESSION);
    call_only.drop_cookie(REMEMBER);
    // Every page but those of functions, of which each stranger sees a fourth.
    let pages = routes::pages(&server).await;
    let look = async |stranger: &Client, part: usize| {
        let is_seen = |number, path: &str| !path.starts_with("/functions/") || number % 4 == part;
        for (_, path) in pages.iter().enumerate().filter(|(number, path)| is_seen(*number, path)) {
            let page = stranger.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            for text in &secrets {
                assert!(!page.shows(text), "{path} shows {text}: {}", page.body);
            }
        }
    };
    look(&server.client(), 0).await;
    look(&client.with_only(SESSION, "AAECAwQFBgcICQoLDA0ODw"), 1).await;
    look(&call_only, 2).await;
    client.json("/api/logout", "{}").await;
    look(&client.with_only(SESSION, &session), 3).await;
}
