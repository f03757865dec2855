//! Sessions under attack: guessed tokens, visits without a login, and many calls while a session ends or changes its user.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::{StreamExt as _, future::join_all, stream};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use tokio_rustls::client::TlsStream;

use super::steps::{log_in, remembered, without_session};
use crate::support::{
    client::{Client, REMEMBER, SESSION},
    database::Database,
    effort::rounds,
    place::Place,
    raw,
    server::{Server, UNTHROTTLED},
};

/// How many clients are at it at once.
const AT_ONCE: usize = 8;

#[tokio::test]
async fn of_ten_thousand_sessions_no_two_tokens_have_anything_in_common() {
    let server = Server::demo().await;
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
    let length = tokens[0].len();
    assert!(length >= 16 && tokens.iter().all(|token| token.len() == length));
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
        assert!(chance.contains(&changes), "bit {bit} changes {changes} times");
    }
}

#[tokio::test]
async fn nobody_gets_a_cookie_or_a_row_without_a_login() {
    let visits = [
        (
            "GET",
            200,
            "/ /login /functions/auth_func /favicon.svg /pkg/callgate.js",
        ),
        ("GET", 404, "/nothing"),
        ("GET", 405, "/api/notauth_func"),
        ("POST", 200, "/api/notauth_func"),
        ("POST", 401, "/api/auth_func /api/current_user /api/logout"),
        ("POST", 404, "/api/nothing"),
    ];
    let paths =
        |(method, status, paths): (_, u16, &'static str)| paths.split(' ').map(move |path| (method, path, status));
    let visits: Vec<_> = visits.into_iter().flat_map(paths).collect();
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let before = database.state().await;
    stream::iter(visits.iter().cycle().take(rounds(60, 10_000)))
        .for_each_concurrent(AT_ONCE, |&(method, path, status)| {
            let client = server.client();
            async move {
                let reply = client.request(method, path).json("{}").send().await;
                assert_eq!(reply.status, status, "{method} {path}");
                assert!(reply.set_cookies().is_empty(), "{path}: {:?}", reply.headers);
            }
        })
        .await;
    assert_eq!(database.state().await, before);
    let wrong = log_in(&server.client(), "user01", "wrong").await;
    assert!(wrong.status == 401 && wrong.set_cookies().is_empty());
    assert_eq!(database.count("sessions").await, 0);
}

/// A call whose body is still to come.
struct Slow {
    stream: TlsStream<TcpStream>,
    body: &'static str,
}

impl Slow {
    /// The server asks for the body of a call only after the guard has allowed it, and waits for it (RFC 9110, 10.1.1). A form
    /// is read before its guard is asked.
    async fn begin(mut stream: TlsStream<TcpStream>, client: &Client, (path, body): (&str, &'static str)) -> Self {
        let kind = if path.starts_with("/api/") {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let cookies: Vec<String> = [SESSION, REMEMBER]
            .into_iter()
            .filter_map(|name| Some(format!("{}={}", client.cookie_name(name), client.cookie(name)?)))
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
        .filter_map(|cookie| cookie.strip_prefix(SESSION)?.split(';').next()?.split_once('='))
        .filter(|(kind, _)| !kind.starts_with("-remember") && !kind.starts_with("-call"))
        .map(|(_, token)| token)
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
    let pairs = connections.into_iter().zip(calls);
    let mut slow = join_all(pairs.map(|(connection, call)| Slow::begin(connection, client, call))).await;
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

/// Each of the fifty is past its guard when the session ends, and does its work after that. A remembered browser was logged
/// in again by that guard.
#[tokio::test]
async fn fifty_calls_whose_bodies_come_while_their_session_has_ended_do_not_bring_it_back() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let mut database = server.place.database().await;
    for _ in 0..rounds(1, 20) {
        let client = server.user01().await;
        log_out_in_the_middle_of(&WRITING, &server, &client, &mut database).await;

        let client = without_session(&remembered(&server).await);
        database.change("DELETE FROM sessions").await;
        // What wants the password first does not get as far.
        let mut calls = WRITING.to_vec();
        calls.retain(|(path, _)| *path != "/api/change_password");
        log_out_in_the_middle_of(&calls, &server, &client, &mut database).await;
    }
}

#[tokio::test]
async fn a_hundred_calls_while_their_browser_changes_its_user_see_the_user_of_their_cookie() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let password = |user: &str| user.replace("user", "user_");
    for _ in 0..rounds(1, 50) {
        let users = [("user01", "user02"), ("user02", "user03"), ("user03", "user01")];
        join_all(users.map(async |(before, after)| {
            let browser = server.logged_in(before, &password(before)).await;
            let session = browser.session();
            let calls = (0..100).map(async |number| {
                if number == 50 {
                    let reply = log_in(&browser, after, &password(after)).await;
                    return assert_eq!(reply.status, 200, "{}", reply.body);
                }
                let tab = browser.with_only(SESSION, &session);
                let reply = match number % 3 {
                    0 => tab.get("/").await,
                    _ => tab.json("/api/auth_func", "{}").await,
                };
                // An answer to the old cookie does not take the new one away.
                assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
                assert!(!reply.shows(after), "{}", reply.body);
                assert!([200, 401].contains(&reply.status), "{}", reply.body);
                assert!(number % 3 == 0 || reply.shows(before) == (reply.status == 200));
            });
            join_all(calls).await;
            assert_eq!(browser.who().await.as_deref(), Some(after));
        }))
        .await;
    }
}
