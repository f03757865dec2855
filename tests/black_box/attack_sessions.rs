//! Sessions under attack: guessed, left behind by nobody, and used from many sides at the moment in which they end.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt as _, future::join_all, stream};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::client::TlsStream;

use crate::{
    client::{Client, REMEMBER, SESSION},
    database::Database,
    effort::rounds,
    raw,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

/// How many clients are at it at once.
const AT_ONCE: usize = 8;

/// security check 19
#[tokio::test]
async fn of_ten_thousand_sessions_no_two_tokens_have_anything_in_common() {
    let server = Server::quick_demo().await;
    let count = rounds(100, 10_000);
    let tokens: Vec<String> = stream::iter(0..count)
        .map(|_| async { server.user01().await.session() })
        .buffered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), count);
    let tokens: Vec<Vec<u8>> = tokens
        .iter()
        .map(|token| URL_SAFE_NO_PAD.decode(token).expect("base64url"))
        .collect();
    assert!(
        tokens
            .iter()
            .all(|token| token.len() == tokens[0].len() && token.len() >= 16)
    );
    // Six standard deviations of a fair coin: beyond that, one of 128 comes up once in four million runs.
    let half = count / 2;
    let chance = half - 3 * count.isqrt()..=half + 3 * count.isqrt();
    let is_set = |token: &[u8], bit: usize| token[bit / 8] >> (bit % 8) & 1 == 1;
    for bit in 0..tokens[0].len() * 8 {
        let ones = tokens.iter().filter(|token| is_set(token, bit)).count();
        assert!(chance.contains(&ones), "bit {bit} is 1 in {ones} of {count}");
        // A counter or a clock would show here: its upper bits hardly ever change from one token to the next.
        let changes = tokens
            .windows(2)
            .filter(|pair| is_set(&pair[0], bit) != is_set(&pair[1], bit))
            .count();
        assert!(
            chance.contains(&changes),
            "bit {bit} changes {changes} times in {count}"
        );
    }
}

/// security check 20
#[tokio::test]
async fn many_visits_of_nobody_leave_no_cookie_and_no_row() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let before = database.state().await;
    stream::iter(0..rounds(100, 10_000))
        .for_each_concurrent(AT_ONCE, |number| {
            let client = server.client();
            async move {
                let reply = match number % 3 {
                    0 => client.get("/").await,
                    1 => client.get("/api/notauth_func").await,
                    _ => client.json("/api/notauth_func", "{}").await,
                };
                assert_eq!(reply.status, [200, 405, 200][number % 3]);
                assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
            }
        })
        .await;
    assert_eq!(database.state().await, before);
}

/// A call whose body is still to come.
struct Slow {
    stream: TlsStream<TcpStream>,
    body: &'static str,
}

impl Slow {
    /// The server asks for the body of a call only after its guard has let it in, and waits for it (RFC 9110, 10.1.1). A form
    /// is read before its guard is asked.
    async fn begin(mut stream: TlsStream<TcpStream>, client: &Client, (path, body): (&str, &'static str)) -> Self {
        let kind = match path.starts_with("/api/") {
            true => "application/json",
            false => "application/x-www-form-urlencoded",
        };
        let cookies: Vec<String> = [SESSION, REMEMBER]
            .into_iter()
            .filter_map(|name| Some(format!("{name}={}", client.cookie(name)?)))
            .collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Expect: 100-continue\r\nConnection: close\r\n\r\n",
            cookies.join("; "),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let interim = raw::read_until(&mut stream, "\r\n\r\n").await;
        assert_eq!(raw::status(&interim), 100, "{path}: {interim}");
        Self { stream, body }
    }

    /// Sends the body, and gives the answer.
    async fn finish(mut self) -> String {
        self.stream.write_all(self.body.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
        raw::read_to_close(&mut self.stream).await
    }
}

/// Every kind of call that writes to its session, or to what belongs to it.
const WRITING: [(&str, &str); 6] = [
    ("/api/auth_func", "{}"),
    ("/api/confirm_login", r#"{"password":"user_01"}"#),
    ("/api/change_password", r#"{"new_password":"seven small zebras swim"}"#),
    ("/api/end_other_sessions", "{}"),
    ("/api/logout", "{}"),
    ("/functions/auth_func", "arguments=%7B%7D"),
];

/// The session tokens that an answer sets.
fn tokens_in(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "))
        .filter_map(|cookie| cookie.strip_prefix(SESSION)?.strip_prefix('='))
        .map(|rest| rest.split(';').next().unwrap())
        .filter(|token| !token.is_empty())
        .collect()
}

/// Logs `client` out while fifty of its calls wait for their bodies, and then lets them come to their end.
async fn log_out_in_the_middle_of(
    calls: &[(&str, &'static str)],
    server: &Server,
    client: &Client,
    database: &mut Database,
) {
    // All connections stand before the first request, as those of a browser that sends all at once.
    let connections = join_all((0..51).map(|_| raw::tls(server))).await;
    let last = ("/api/logout", "{}");
    let calls = calls.iter().copied().cycle().take(50).chain([last]);
    let mut slow = join_all(
        connections
            .into_iter()
            .zip(calls)
            .map(|(connection, call)| Slow::begin(connection, client, call)),
    )
    .await;
    let answer = slow.pop().unwrap().finish().await;
    assert_eq!(raw::status(&answer), 200, "{answer}");
    for table in ["sessions", "remembered"] {
        assert_eq!(database.count(table).await, 0, "{table}");
    }
    for answer in join_all(slow.into_iter().map(Slow::finish)).await {
        // Of the changes of one user's password, one is worked on at a time.
        assert!([200, 303, 401, 503].contains(&raw::status(&answer)), "{answer}");
        for token in tokens_in(&answer) {
            assert_eq!(client.with_only(SESSION, token).who().await, None, "{answer}");
        }
    }
    for table in ["sessions", "remembered"] {
        assert_eq!(database.count(table).await, 0, "{table} came back");
    }
    assert_eq!(client.who().await, None);
}

/// security check 26: each of the fifty is past its guard when the session ends, and does its work after that
#[tokio::test]
async fn fifty_calls_whose_bodies_come_after_the_logout_do_not_bring_the_session_back() {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    let mut database = server.place.database().await;
    for _ in 0..rounds(1, 20) {
        let client = server.user01().await;
        log_out_in_the_middle_of(&WRITING, &server, &client, &mut database).await;
    }
}

/// security check 26, for calls that have logged a remembered browser in again
#[tokio::test]
async fn fifty_calls_of_a_remembered_browser_do_not_outlive_its_logout_either() {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    let mut database = server.place.database().await;
    for _ in 0..rounds(1, 20) {
        let client = server.client();
        let login = r#"{"user_id":"user01","password":"user_01"}"#;
        assert_eq!(client.json("/api/login", login).await.status, 200);
        client.drop_cookie(SESSION);
        database.change("DELETE FROM sessions").await;
        // What wants the password first does not get as far.
        let calls: Vec<_> = WRITING
            .into_iter()
            .filter(|(path, _)| *path != "/api/change_password")
            .collect();
        log_out_in_the_middle_of(&calls, &server, &client, &mut database).await;
    }
}

/// security check 27, across the moment in which a browser changes its user
#[tokio::test]
async fn a_hundred_calls_around_a_change_of_the_user_are_answered_for_the_user_whose_cookie_they_have() {
    // Three hundred handshakes at once take a slow machine a while.
    let patient = [("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "29")];
    let server = Place::new().demo(&[QUICK, &patient].concat()).await;
    for _ in 0..rounds(1, 50) {
        let users = [("user01", "user02"), ("user02", "user03"), ("user03", "user01")];
        let browsers = users.map(|(before, after)| {
            let server = &server;
            async move {
                let browser = server.logged_in(before, &before.replace("user", "user_")).await;
                let calls = (0..100).map(|number| {
                    let (tab, browser) = (browser.clone(), &browser);
                    async move {
                        if number == 50 {
                            let password = after.replace("user", "user_");
                            let body = serde_json::json!({"user_id": after, "password": password, "remember": false});
                            assert_eq!(browser.json("/api/login", &body.to_string()).await.status, 200);
                            return;
                        }
                        let reply = tab.json("/api/current_user", "{}").await;
                        assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
                        match reply.status {
                            200 => assert_eq!(reply.value()["user"]["user_id"], before),
                            status => assert_eq!(status, 401, "{}", reply.body),
                        }
                    }
                });
                join_all(calls).await;
                assert_eq!(browser.who().await.as_deref(), Some(after));
            }
        });
        join_all(browsers).await;
    }
}

/// security check 27: a login that fails leaves what was before it, and sets no cookie for what did not come about
#[tokio::test]
async fn a_login_that_fails_logs_nobody_out() {
    let place = Place::new();
    let server = place.demo(QUICK).await;
    let mut database = place.database().await;
    for remember in [true, false] {
        let client = server.client();
        let body = serde_json::json!({"user_id": "user01", "password": "user_01", "remember": remember}).to_string();
        assert_eq!(client.json("/api/login", &body).await.status, 200);
        for fails in ["INSERT ON sessions", "DELETE ON sessions"] {
            database
                .change(&format!(
                    "CREATE TRIGGER failing BEFORE {fails} BEGIN SELECT RAISE(ABORT, 'canary-cause'); END"
                ))
                .await;
            for (user, password) in [("user01", "user_01"), ("user02", "user_02")] {
                let body = serde_json::json!({"user_id": user, "password": password, "remember": remember});
                let reply = client.json("/api/login", &body.to_string()).await;
                assert_eq!((reply.status, reply.code().as_str()), (500, "internal"), "{fails}");
                assert!(reply.set_cookies().is_empty(), "{fails}: {:?}", reply.headers);
                assert_eq!(client.who().await.as_deref(), Some("user01"), "{fails}");
            }
            database.change("DROP TRIGGER failing").await;
            assert_eq!(client.who().await.as_deref(), Some("user01"), "{fails}");
        }
        if remember {
            client.drop_cookie(SESSION);
            assert_eq!(client.who().await.as_deref(), Some("user01"), "it is remembered");
        }
        let second = r#"{"user_id":"user02","password":"user_02","remember":false}"#;
        let before = client.session();
        assert_eq!(client.json("/api/login", second).await.status, 200);
        assert_eq!(client.with_only(SESSION, &before).who().await, None);
        assert_eq!(client.who().await.as_deref(), Some("user02"));
    }
}

/// security checks 27 and 31: nor is a browser forgotten because it could not be logged in again
#[tokio::test]
async fn a_remembered_login_that_fails_can_be_made_again() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    let client = server.client();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(client.json("/api/login", login).await.status, 200);
    for fails in ["INSERT ON sessions", "UPDATE ON remembered"] {
        client.drop_cookie(SESSION);
        let trigger = format!("CREATE TRIGGER failing BEFORE {fails} BEGIN SELECT RAISE(ABORT, 'no'); END");
        database.change(&trigger).await;
        for _ in 0..2 {
            let reply = client.json("/api/auth_func", "{}").await;
            assert_eq!((reply.status, reply.code().as_str()), (500, "internal"), "{fails}");
            assert!(reply.set_cookies().is_empty(), "{fails}: {:?}", reply.headers);
        }
        database.change("DROP TRIGGER failing").await;
        assert_eq!(client.who().await.as_deref(), Some("user01"), "{fails}");
    }
}
