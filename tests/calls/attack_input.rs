//! Hostile input as JSON, in forms, headers and cookies: it is refused or ignored, and nothing fails.

use futures::{StreamExt as _, stream};

use crate::support::{
    client::SESSION,
    effort::rounds,
    place::Place,
    raw,
    routes::functions,
    server::{Server, UNTHROTTLED},
};

/// JSON that few expect, and what is none; separated by white space. None of it is what a function takes.
const ODD: &str = r#"
{"a":1,"a":2} {"a":"\u0000","\u0000":1} {"a":"\ud800"} {"\udfff":1} {"a":"\ud800\u0041"} {"a":1e999} {"a":-0}
{"a":NaN} {"a":Infinity} {"a":0x10} {"a":1}{"a":1} {"a":1 {"a":tru {"__proto__":{"admin":true}}
{"constructor":{"prototype":{}}} "{}" [[]] [{}] null true -1 a=1&b=2 %7B%7D <a/>
{"user_id":null,"password":null,"remember":null} {"user_id":{"$ne":""},"password":{"$ne":""}}
{"user_id":["user01"],"password":["user_01"]} {"user_id":"'OR/**/1=1--","password":"'OR/**/1=1--"}
{"user_id":"\u0000","password":"\u0000"} {"new_password":{},"password":[],"id":{}}
{"new_password":12345678901234567890,"password":1,"id":1} {"id":"../../etc/passwd"}
{"arrival":"2026-02-30","nights":1e300,"guests":-1,"room":{},"extras":"x","contact":[],"wishes":{"0":1}}
{"arrival":{"y":1},"nights":"3","guests":null,"room":0,"extras":[[]],"contact":null,"dog":"yes","discount":[]}
"#;

fn odd_bodies() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str, depth: usize| {
        format!(r#"{{"a":{}1{}}}"#, open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let mut bodies = vec![
        deep("[", "]", 30_000),
        deep(r#"{"a":"#, "}", 9_000),
        // Too large as well.
        deep("[", "]", 100_000),
        deep(r#"{"a":"#, "}", 100_000),
        b"[".repeat(60_000),
        format!(r#"{{"a":{}}}"#, "9".repeat(50_000)).into_bytes(),
        format!(r#"{{"a":1e{}}}"#, "9".repeat(400)).into_bytes(),
        format!(r#"{{"{}":1}}"#, "k".repeat(60_000)).into_bytes(),
        format!("{{{}\"z\":1}}", r#""a":1,"#.repeat(8_000)).into_bytes(),
        r#"{"a":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ];
    let bytes = b"\xef\xbb\xbf{\"a\":1}|{\"a\":\"\xff\xfe\"}|{\"\xff\":1}|{\"a\":\"\x00\"}|\x00|\
        {\"user_id\":\"' OR 1=1 --\",\"password\":\"x\"}";
    let texts = ODD.split_whitespace().map(str::as_bytes);
    bodies.extend(texts.chain(bytes.split(|byte| *byte == b'|')).map(<[u8]>::to_vec));
    bodies
}

/// Bodies made of the pieces of others, the same in every run. An empty object is left out: some functions take it.
fn mixed(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let is_nothing = |body: &[u8]| {
        serde_json::from_slice::<serde_json::Map<_, serde_json::Value>>(body).is_ok_and(|map| map.is_empty())
    };
    (0..count).map(mix).filter(move |body| !is_nothing(body))
}

fn mix(number: usize) -> Vec<u8> {
    const TEXTS: &str =
        r#"{ } [ ] " : , \ \u d800 1 - e9 . null true "user_id": "password":"x" "nights": "contact":{ = & %"#;
    const BYTES: &[&[u8]] = &[b"\x00", b"\xff", b"\xe2\x82", b" ", b"\n", b"\xed\xa0\x80"];
    let texts = TEXTS.split(' ').map(str::as_bytes);
    let pieces: Vec<&[u8]> = texts.chain(BYTES.iter().copied()).collect();
    // A linear congruential generator (Knuth, MMIX) is random enough to pick pieces.
    let mut state = number as u64;
    let mut body = b"{".to_vec();
    for _ in 0..number % 12 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        body.extend_from_slice(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
    }
    body
}

fn start(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned()
}

/// Nothing happened to the server that it did not expect.
pub fn assert_calm(server: &Server) {
    let log = server.place.log();
    let signs = ["panic", "ERROR", "overflow"];
    let bad = log.lines().find(|line| signs.iter().any(|sign| line.contains(sign)));
    assert_eq!(bad, None);
}

/// The short run sends each body to some of the functions, the full one to all.
fn some<T>(all: &[T], number: usize, short: usize) -> impl Iterator<Item = &T> {
    let every = rounds(short, 1);
    all.iter().skip(number % every).step_by(every)
}

#[tokio::test]
async fn no_json_body_makes_a_function_fail() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let (nobody, user) = (server.client(), server.admin().await);
    let bodies = odd_bodies().into_iter().chain(mixed(rounds(10, 400)));
    let functions = functions(&server).await;
    for (number, body) in bodies.enumerate() {
        for function in some(&functions, number, 5) {
            let name = &function.name;
            let reply = user.post(&format!("/api/{name}"), "application/json", &body).await;
            let is_echo = matches!(name.as_str(), "auth_func" | "notauth_func") && reply.status == 200;
            let is_refused = [400, 401, 403, 404, 413, 422].contains(&reply.status) && !reply.code().is_empty();
            assert!(is_echo || is_refused, "{name} {}: {}", start(&body), reply.status);
            assert!(!is_echo || reply.value()["msg"].is_string());
        }
        for echo in ["auth_func", "notauth_func"] {
            let reply = user.post(&format!("/api/{echo}"), "application/json", &body).await;
            let is_right = [200, 400, 413].contains(&reply.status);
            assert!(is_right, "{echo} {}: {}", start(&body), reply.status);
        }
        // Who may not call does not learn what is wrong.
        let reply = nobody.post("/api/quote_stay", "application/json", &body).await;
        reply.assert_refused(401, "not_logged_in");
    }
    assert_eq!(user.who().await.as_deref(), Some("user03"));
    assert_calm(&server);
}

#[tokio::test]
async fn no_body_makes_a_form_fail() {
    const FORM: &str = "application/x-www-form-urlencoded";
    const ENDS_OR_BEGINS_SESSIONS: [&str; 3] = ["logout", "end_other_sessions", "login"];
    let server = Place::new().demo(UNTHROTTLED).await;
    let user = server.user01().await;
    let names = functions(&server).await.into_iter().map(|function| function.name);
    let names = names.filter(|name| !ENDS_OR_BEGINS_SESSIONS.contains(&name.as_str()));
    let others = ["/login", "/confirm", "/functions/quote_stay/kept"].map(str::to_owned);
    let pages = names.map(|name| format!("/functions/{name}"));
    let paths: Vec<String> = others.into_iter().chain(pages).collect();
    let bodies = odd_bodies().into_iter().chain(mixed(rounds(5, 100)));
    for (number, body) in bodies.enumerate() {
        // As it stands, and as what was typed into the inputs.
        let text = String::from_utf8_lossy(&body[..body.len().min(20_000)]).into_owned();
        let fields = "arguments nights contact.name user_id next then-page call";
        let typed: Vec<(&str, &str)> = fields.split(' ').map(|name| (name, &*text)).collect();
        let typed = serde_urlencoded::to_string(typed).unwrap();
        for path in some(&paths, number, 16) {
            for body in [&body[..], typed.as_bytes()] {
                let reply = user.post(path, FORM, body).await;
                let is_refused = [303, 400, 401, 413, 422].contains(&reply.status);
                assert!(is_refused, "{path} {}: {} {}", start(body), reply.status, reply.body);
            }
        }
        let page = ["/functions/quote_stay", "/functions/auth_func", "/login"][number % 3];
        assert_eq!(user.get(page).await.status, 200, "{page} after {}", start(&body));
    }
    assert_eq!(user.who().await.as_deref(), Some("user01"));
    assert_calm(&server);
}

/// In every header that is read, and in some that are not.
#[tokio::test]
async fn no_byte_in_a_header_breaks_anything() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let headers = "Cookie Authorization Accept-Language User-Agent Referer Origin Sec-Fetch-Site Accept Content-Type \
                   Accept-Encoding If-Modified-Since Range Forwarded X-Forwarded-For X-Forwarded-Proto X-Real-IP Expect \
                   Traceparent X-Request-Id Host";
    let long = "é".repeat(3000);
    let values = b"\xff\xfe|\x80|\x00|\x1b[31m||\t;,= \t|\xed\xa0\x80".split(|byte| *byte == b'|');
    let values: Vec<&[u8]> = values.chain(["Zoë 漢字 🔑".as_bytes(), long.as_bytes()]).collect();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    let requests = [
        ("GET / HTTP/1.1", ""),
        ("GET /login HTTP/1.1", ""),
        ("GET /account HTTP/1.1", ""),
        ("GET /pkg/callgate.js HTTP/1.1", ""),
        ("POST /api/notauth_func HTTP/1.1", "{}"),
        ("POST /api/login HTTP/1.1", login),
        ("POST /login HTTP/1.1", "user_id=user01&password=user_01"),
    ];
    let with_values = headers
        .split_whitespace()
        .flat_map(|name| values.iter().map(move |value| (name, *value)));
    let all = with_values.enumerate().flat_map(|(number, (name, value))| {
        some(&requests, number, 4).map(move |(line, body)| (name, value, line, body))
    });
    stream::iter(all)
        .for_each_concurrent(8, async |(name, value, line, body)| {
            let mut head = format!("{line}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
            if name != "Host" {
                head.push_str("Host: localhost\r\n");
            }
            if name != "Content-Type" && line.contains("/api/") {
                head.push_str("Content-Type: application/json\r\n");
            }
            let field = [name.as_bytes(), b": ", value].concat();
            let request = [head.as_bytes(), &field, b"\r\n\r\n", body.as_bytes()].concat();
            let answer = raw::exchange(&server, request).await;
            let is_answered = (200..500).contains(&raw::status(&answer));
            assert!(is_answered, "{line} {name} {}: {answer}", start(value));
        })
        .await;
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    assert_calm(&server);
}

/// What other programs on the same host keep in cookies does not matter.
#[tokio::test]
async fn a_strange_cookie_beside_ours_logs_nobody_out() {
    let server = Server::shared();
    let user = server.user01().await;
    let (name, session) = (user.cookie_name(SESSION), user.session());
    let client = server.client();
    let ask = async |cookie: &[u8]| {
        let call = client.request("POST", "/api/auth_func").header_bytes("cookie", cookie);
        call.json("{}").send().await.status
    };
    let ours = [&name, "=", &session].concat().into_bytes();
    let others = b"name=Jos\xe9|name=Jos\xc3\xa9 \xe6\xbc\xa2|\xff\xfe|a=\"b;c\"|=|a";
    for other in others.split(|byte| *byte == b'|') {
        assert_eq!(ask(&[other, b"; ", &ours].concat()).await, 200, "{}", start(other));
        assert_eq!(ask(&[&ours, &b"; "[..], other].concat()).await, 200, "{}", start(other));
    }
    // Twice is still once too often, whatever the other one holds.
    let twice = [&ours, "; ".as_bytes(), name.as_bytes(), b"=\xff"].concat();
    assert_eq!(ask(&twice).await, 401);
    assert_eq!(ask(&[&ours, &b"\xff"[..]].concat()).await, 401);
}
