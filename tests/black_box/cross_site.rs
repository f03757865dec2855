//! Requests that another site makes a browser send: refused wherever they could change something. The browser's own
//! part is tested with a browser; here the requests are made by hand.

use crate::{
    client::{Client, SESSION},
    server::{Place, QUICK, Server},
};

/// What a browser says of a request that a page of another site, or of a sibling, sent.
pub const FOREIGN: [&[(&str, &str)]; 12] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "")],
    &[("sec-fetch-site", "SAME-ORIGIN")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://localhost")],
    &[("origin", "https://localhost")],
    &[("origin", "https://localhost:1")],
    &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    &[
        ("origin", "https://localhost.evil.example"),
        ("referer", "https://localhost/"),
    ],
];

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Everything that could change something: path, type and body.
fn doors() -> Vec<(&'static str, &'static str, &'static str)> {
    let login = r#"{"user_id":"user02","password":"user_02"}"#;
    let mut doors = vec![
        ("/api/auth_func", JSON, "{}"),
        ("/api/notauth_func", JSON, "{}"),
        ("/api/current_user", JSON, "{}"),
        ("/api/list_functions", JSON, "{}"),
        ("/api/login", JSON, login),
        ("/api/login", "text/plain", login),
        ("/api/confirm_login", JSON, r#"{"password":"user_01"}"#),
        (
            "/api/change_password",
            JSON,
            r#"{"new_password":"seven small zebras swim"}"#,
        ),
        ("/api/end_other_sessions", JSON, "{}"),
        ("/api/end_other_sessions", "text/plain", ""),
        ("/api/openapi.json", JSON, "{}"),
        ("/confirm", FORM, "password=user_01"),
        ("/api/logout", JSON, "{}"),
        ("/api/logout", FORM, ""),
        ("/api/logout", "text/plain", ""),
        ("/login", FORM, "user_id=user02&password=user_02"),
        ("/login", "text/plain", "user_id=user02&password=user_02"),
        ("/logout", FORM, ""),
        ("/logout", "text/plain", ""),
    ];
    for (path, body) in [
        ("/functions/auth_func", "arguments=%7B%7D"),
        ("/functions/notauth_func", "arguments=%7B%7D"),
        ("/functions/login", "user_id=user02&password=user_02"),
        ("/functions/logout", ""),
        ("/functions/auth_func/kept", "run=run"),
        ("/functions/change_password", "new_password=seven+small+zebras+swim"),
        ("/functions/end_other_sessions", "then=/account"),
    ] {
        doors.push((path, FORM, body));
        doors.push((path, "multipart/form-data; boundary=x", body));
    }
    doors
}

async fn post(
    client: &Client,
    door: (&str, &str, &'static str),
    headers: &[(&'static str, &str)],
) -> crate::client::Reply {
    let (path, kind, body) = door;
    let mut sending = client.request("POST", path).header("content-type", kind).body(body);
    for (name, value) in headers {
        sending = sending.header(name, value);
    }
    sending.send().await
}

/// security checks 56 and 57
#[tokio::test]
async fn nothing_that_another_site_sends_is_done() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let session = client.session();
    for door in doors() {
        for headers in FOREIGN {
            let reply = post(&client, door, headers).await;
            assert_eq!(reply.status, 403, "{door:?} {headers:?}: {}", reply.body);
            assert!(reply.set_cookies().is_empty(), "{door:?} {headers:?}");
            assert!(!reply.shows("user_id="), "{}", reply.body);
            assert_eq!(reply.find("access-control-allow-origin"), None);
            if door.0.starts_with("/api/") {
                assert_eq!(reply.code(), "cross_origin");
            }
        }
    }
    assert_eq!(client.session(), session);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    let mut database = server.place.database().await;
    assert_eq!(database.count("sessions").await, 1);
    assert_eq!(database.count("remembered").await, 0);
    assert_eq!(database.count("kept_calls").await, 0);
}

/// security check 59
#[tokio::test]
async fn another_site_cannot_log_a_browser_in() {
    let server = Server::demo().await;
    let client = server.client();
    for door in doors().into_iter().filter(|door| door.0.ends_with("/login")) {
        for headers in FOREIGN {
            let reply = post(&client, door, headers).await;
            assert_eq!(reply.status, 403, "{door:?} {headers:?}: {}", reply.body);
        }
    }
    assert_eq!(client.cookie(SESSION), None);
    assert_eq!(server.place.database().await.count("sessions").await, 0);
}

/// security check 57: the refusal comes first, so a foreign page does not even learn who is logged in
#[tokio::test]
async fn another_site_is_refused_before_anything_else_is_looked_at() {
    let server = Server::demo().await;
    let mut bodies = Vec::new();
    for client in [server.client(), server.user01().await] {
        for path in ["/api/auth_func", "/api/nothing"] {
            let reply = post(&client, (path, "text/plain", "{"), FOREIGN[0]).await;
            assert_eq!(reply.status, 403);
            bodies.push(reply.without_reference());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // Methods other than POST are no way around.
    let client = server.user01().await;
    for method in ["PUT", "DELETE", "PATCH", "PROPFIND"] {
        let reply = client
            .request(method, "/api/logout")
            .header("sec-fetch-site", "cross-site")
            .send()
            .await;
        assert_eq!(reply.status, 403, "{method}");
    }
}

/// security check 57
#[tokio::test]
async fn own_pages_and_programs_pass() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let origin = client.origin();
    let upper = origin.replace("localhost", "LOCALHOST");
    let same = ("sec-fetch-site", "same-origin");
    let passing: [&[(&str, &str)]; 7] = [
        &[],
        &[("user-agent", "curl/8"), ("referer", "https://evil.example/")],
        &[same],
        &[("sec-fetch-site", "none")],
        &[("origin", &origin)],
        &[("origin", &upper)],
        &[("origin", &origin), same],
    ];
    for headers in passing {
        let reply = post(&client, ("/api/auth_func", JSON, "{}"), headers).await;
        assert_eq!(reply.status, 200, "{headers:?}: {}", reply.body);
        let reply = post(&client, ("/functions/auth_func", FORM, "arguments=%7B%7D"), headers).await;
        assert_eq!(reply.status, 303, "{headers:?}: {}", reply.body);
    }
    // Over HTTP/2, where the host stands elsewhere, as well.
    for (origin, status) in [(origin.as_str(), 200), ("https://evil.example", 403), ("null", 403)] {
        let reply = client
            .request("POST", "/api/auth_func")
            .header("content-type", JSON)
            .header("origin", origin)
            .body("{}")
            .http2()
            .send()
            .await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

#[tokio::test]
async fn the_public_origin_of_the_settings_is_an_own_one() {
    let place = Place::new();
    let mut variables = QUICK.to_vec();
    variables.push(("CALLGATE_SITE_ORIGIN", "https://calls.example"));
    let server = place.demo(&variables).await;
    assert!(
        server.announced.contains("https://calls.example"),
        "{}",
        server.announced
    );
    let client = server.user01().await;
    for (origin, status) in [
        ("https://calls.example", 200),
        ("http://calls.example", 403),
        ("https://calls.example:1", 403),
        ("https://evil-calls.example", 403),
        ("https://calls.example.evil.example", 403),
    ] {
        let reply = post(&client, ("/api/auth_func", JSON, "{}"), &[("origin", origin)]).await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

/// security check 58
#[tokio::test]
async fn reading_changes_nothing_wherever_it_comes_from() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    for path in [
        "/",
        "/login",
        "/logout",
        "/api/logout",
        "/api/login?user_id=user02&password=user_02",
        "/login?user_id=user02&password=user_02",
        "/functions/logout",
        "/functions/auth_func?arguments=%7B%7D",
        "/functions/auth_func/kept?run=run",
        "/functions/end_other_sessions?then=/account",
        "/functions/change_password?new_password=seven+small+zebras+swim",
        "/confirm?password=user_01",
        "/account",
        "/api/openapi.json",
        "/functions/login?user_id=user02&password=user_02",
        "/?__path=/api/logout&__err=x",
    ] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            for headers in [[("sec-fetch-site", "cross-site")], [("purpose", "prefetch")]] {
                let mut sending = client.request(method, path);
                for (name, value) in headers {
                    sending = sending.header(name, value);
                }
                let reply = sending.send().await;
                assert!(reply.set_cookies().is_empty(), "{method} {path}");
                assert!(reply.status < 300 || reply.status >= 400, "{method} {path}");
                if path.ends_with("/logout") && !path.starts_with("/functions") {
                    assert_eq!(reply.status, 405, "{method} {path}");
                    assert_eq!(reply.header("allow"), "POST", "{method} {path}");
                }
            }
        }
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(database.count("sessions").await, 1);
    assert_eq!(database.count("kept_calls").await, 0);
}

/// security check 61
#[tokio::test]
async fn no_other_site_may_read_an_answer_or_frame_a_page() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for path in ["/", "/api/auth_func", "/api/list_functions", "/login"] {
        for origin in ["https://evil.example", "null"] {
            let preflight = client
                .request("OPTIONS", path)
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "content-type")
                .send()
                .await;
            let read = client.request("GET", path).header("origin", origin).send().await;
            for reply in [preflight, read] {
                for name in reply.headers.keys() {
                    assert!(!name.as_str().starts_with("access-control-"), "{path}: {name}");
                }
                assert_eq!(reply.header("x-frame-options"), "DENY");
                let policy = reply.header("content-security-policy");
                assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            }
        }
    }
}
