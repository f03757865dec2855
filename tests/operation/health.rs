//! `/livez` and `/readyz`: what load balancers and supervisors ask.

use crate::support::{client::REMEMBER, poll, raw, server::Server};

/// The answer of the plain listener, in lower case.
async fn plain(server: &Server, method: &str, path: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    raw::exchange_plain(server, request).await.to_ascii_lowercase()
}

#[tokio::test]
async fn a_server_that_serves_is_live_and_ready_on_both_listeners() {
    let server = Server::shared();
    let client = server.client();
    for (path, text) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        for method in ["GET", "HEAD"] {
            let reply = client.request(method, path).send().await;
            let body = if method == "GET" { text } else { "" };
            assert_eq!((reply.status, reply.body.as_str()), (200, body), "{method} {path}");
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(reply.header("cache-control"), "no-store");
            let answer = plain(&server, method, path).await;
            assert_eq!(raw::status(&answer), 200, "{method} {path}: {answer}");
            assert_eq!(answer.ends_with(text), method == "GET", "{answer}");
            for header in ["\r\ncache-control: no-store\r\n", "\r\nx-request-id: "] {
                assert!(answer.contains(header), "{answer}");
            }
            assert!(!answer.contains("strict-transport-security"), "{answer}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let reply = client.request(method, path).send().await;
            let said = (reply.status, reply.header("allow"));
            assert_eq!(said, (405, "GET,HEAD"), "{method} {path}");
            assert_eq!(raw::status(&plain(&server, method, path).await), 405, "{method} {path}");
        }
        assert_eq!(client.get(&format!("{path}/")).await.status, 404);
    }
}

#[tokio::test]
async fn asking_for_health_uses_no_session_and_no_remembered_browser() {
    let server = Server::demo().await;
    let client = server.client();
    let body = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(client.json("/api/login", body).await.status, 200);
    let mut database = server.place.database().await;
    // The call log looks up who logged in, which counts as a use of the session.
    poll::until("the login is in the call log", async || {
        database.count("calls").await == 1
    })
    .await;
    database.rest_sessions(300).await;
    let remembered = client.with_only(REMEMBER, &client.cookie(REMEMBER).unwrap());
    let mut sessions = async || {
        let mut values = database.values().await;
        values.retain(|(table, ..)| table == "sessions" || table == "remembered");
        values
    };
    let before = sessions().await;
    for path in ["/livez", "/readyz"] {
        for asking in [&client, &remembered] {
            let reply = asking.get(path).await;
            assert_eq!((reply.status, reply.set_cookies().len()), (200, 0), "{path}");
        }
    }
    assert_eq!(sessions().await, before);
}

#[tokio::test]
async fn a_server_without_its_database_is_live_but_not_ready_until_it_is_back() {
    let server = Server::demo().await;
    let client = server.client();
    let mut database = server.place.database().await;
    database.change("ALTER TABLE users RENAME TO gone").await;
    let reply = client.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(reply.body, "not ready: the database does not answer\n");
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(reply.header("cache-control"), "no-store");
    let log = server.place.log();
    let cause = log.lines().find(|line| line.contains(reply.reference())).unwrap();
    assert!(cause.contains("ERROR") && cause.contains("users"), "{log}");
    assert_eq!(raw::status(&plain(&server, "GET", "/readyz").await), 503);
    assert_eq!(client.get("/livez").await.status, 200);
    database.change("ALTER TABLE gone RENAME TO users").await;
    assert_eq!(client.get("/readyz").await.status, 200);
}
