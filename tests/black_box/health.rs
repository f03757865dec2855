//! `/livez` and `/readyz`: what load balancers and supervisors ask.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{client::REMEMBER, raw, server::Server};

/// The answer of the plain listener.
async fn plain(server: &Server, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    raw::read_to_close(&mut stream).await
}

#[tokio::test]
async fn a_server_that_serves_says_so_on_both_listeners() {
    let server = Server::demo().await;
    let client = server.client();
    for (path, text) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        for method in ["GET", "HEAD"] {
            let reply = client.request(method, path).send().await;
            assert_eq!(reply.status, 200, "{method} {path}");
            assert_eq!(reply.body, if method == "GET" { text } else { "" });
            assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(reply.header("cache-control"), "no-store");
            let answer = plain(&server, method, path).await;
            assert_eq!(raw::status(&answer), 200, "{method} {path}: {answer}");
            assert_eq!(answer.ends_with(text), method == "GET", "{answer}");
            let lower = answer.to_ascii_lowercase();
            assert!(lower.contains("\r\ncache-control: no-store\r\n"), "{answer}");
            assert!(lower.contains("\r\nx-request-id: "), "{answer}");
            assert!(!lower.contains("strict-transport-security"), "{answer}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let reply = client.request(method, path).send().await;
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, "GET,HEAD"),
                "{method} {path}"
            );
            assert_eq!(raw::status(&plain(&server, method, path).await), 405, "{method} {path}");
        }
        assert_eq!(client.get(&format!("{path}/")).await.status, 404);
    }
}

#[tokio::test]
async fn asking_for_health_touches_no_session() {
    let server = Server::demo().await;
    let client = server.client();
    let body = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(client.json("/api/login", body).await.status, 200);
    let mut database = server.place.database().await;
    database.rest_sessions(300).await;
    let last_use = "SELECT MAX(last_used_at) FROM sessions";
    let before = database.number(last_use).await;
    let remembered = client.with_only(REMEMBER, &client.cookie(REMEMBER).unwrap());
    for path in ["/livez", "/readyz"] {
        for asking in [&client, &remembered] {
            let reply = asking.get(path).await;
            assert_eq!((reply.status, reply.set_cookies().len()), (200, 0), "{path}");
        }
    }
    assert_eq!(database.number(last_use).await, before);
    assert_eq!(database.count("sessions").await, 1);
}

#[tokio::test]
async fn a_server_without_its_database_lives_but_is_not_ready_until_it_is_back() {
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
    let told = log
        .lines()
        .find(|line| line.contains(reply.reference()))
        .expect("the cause is logged");
    assert!(told.contains("ERROR") && told.contains("users"), "{told}");
    assert_eq!(raw::status(&plain(&server, "GET", "/readyz").await), 503);
    assert_eq!(client.get("/livez").await.status, 200);
    database.change("ALTER TABLE gone RENAME TO users").await;
    assert_eq!(client.get("/readyz").await.status, 200);
}
