//! Hostile input at every door: whatever is sent, the answer is a refusal or the thing is ignored, and nothing fails.

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    client::{Client, Reply, SESSION},
    effort::rounds,
    raw,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

async fn unthrottled() -> Server {
    Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await
}

/// Bodies that are JSON only at first sight, or JSON that few expect. None of them is what a function takes.
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
    let short: &[&[u8]] = &[
        b"\xef\xbb\xbf{\"a\":1}",
        b"{\"a\":\"\xff\xfe\"}",
        b"{\"\xff\":1}",
        b"{\"a\":\"\x00\"}",
        b"\x00",
        b"{\"a\":1,\"a\":2}",
        br#"{"a":"\u0000","\u0000":1}"#,
        br#"{"a":"\ud800"}"#,
        br#"{"\udfff":1}"#,
        br#"{"a":"\ud800\u0041"}"#,
        br#"{"a":1e999}"#,
        br#"{"a":-0}"#,
        br#"{"a":NaN}"#,
        br#"{"a":Infinity}"#,
        br#"{"a":0x10}"#,
        br#"{"a":1}{"a":1}"#,
        br#"{"a":1"#,
        br#"{"a":tru"#,
        br#"{"__proto__":{"admin":true}}"#,
        br#"{"constructor":{"prototype":{}}}"#,
        br#""{}""#,
        b"[[]]",
        b"[{}]",
        b"null",
        b"true",
        b"-1",
        b"a=1&b=2",
        b"%7B%7D",
        b"<a/>",
        br#"{"user_id":null,"password":null,"remember":null}"#,
        br#"{"user_id":{"$ne":""},"password":{"$ne":""}}"#,
        br#"{"user_id":["user01"],"password":["user_01"]}"#,
        br#"{"user_id":"' OR 1=1 --","password":"' OR 1=1 --"}"#,
        br#"{"user_id":"\u0000","password":"\u0000"}"#,
        br#"{"new_password":{},"password":[],"id":{}}"#,
        br#"{"new_password":12345678901234567890,"password":1,"id":1}"#,
        br#"{"id":"../../etc/passwd"}"#,
        br#"{"arrival":"2026-02-30","nights":1e300,"guests":-1,"room":{},"extras":"x","contact":[],"wishes":{"0":1}}"#,
        br#"{"arrival":{"y":1},"nights":"3","guests":null,"room":0,"extras":[[]],"contact":null,"dog":"yes","discount":[]}"#,
    ];
    bodies.extend(short.iter().map(|body| body.to_vec()));
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
    const PIECES: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"\\",
        b"\\u",
        b"d800",
        b"\x00",
        b"\xff",
        b"\xe2\x82",
        b"1",
        b"-",
        b"e9",
        b".",
        b"null",
        b"true",
        b" ",
        b"\n",
        b"\"user_id\":",
        b"\"password\":\"x\"",
        b"\"nights\":",
        b"\"contact\":{",
        b"=",
        b"&",
        b"%",
        b"\xed\xa0\x80",
    ];
    // A linear congruential generator (Knuth, MMIX) is random enough to pick pieces.
    let mut state = number as u64;
    let mut body = b"{".to_vec();
    for _ in 0..number % 12 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        body.extend_from_slice(PIECES[usize::try_from(state >> 33).unwrap() % PIECES.len()]);
    }
    body
}

fn names(list: &Reply) -> Vec<String> {
    let functions = list.value()["functions"].as_array().unwrap().clone();
    functions
        .iter()
        .map(|function| function["name"].as_str().unwrap().to_owned())
        .collect()
}

fn start(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned()
}

async fn post(client: &Client, path: &str, kind: &str, body: &[u8]) -> Reply {
    client
        .request("POST", path)
        .header("content-type", kind)
        .body(body)
        .send()
        .await
}

/// The log of a server to which nothing happened that it did not expect.
fn assert_calm(server: &Server) {
    let log = server.place.log();
    let bad = log
        .lines()
        .find(|line| ["panic", "ERROR", "overflow"].iter().any(|sign| line.contains(sign)));
    assert_eq!(bad, None);
}

/// security check 93: none of it is a failure, of any function, for anybody
#[tokio::test]
async fn no_body_is_a_failure_at_the_json_door() {
    let server = unthrottled().await;
    let (nobody, user) = (server.client(), server.admin().await);
    let bodies = odd_bodies().into_iter().chain(mixed(rounds(10, 400)));
    let names = names(&nobody.json("/api/list_functions", "{}").await);
    for body in bodies {
        for name in &names {
            let path = format!("/api/{name}");
            let reply = post(&user, &path, "application/json", &body).await;
            let is_echo = matches!(name.as_str(), "auth_func" | "notauth_func") && reply.status == 200;
            let is_refused = [400, 401, 403, 404, 413, 422].contains(&reply.status) && !reply.code().is_empty();
            assert!(is_echo || is_refused, "{name} {}: {}", start(&body), reply.status);
            if is_echo {
                assert!(reply.value()["msg"].is_string());
            }
        }
        // Who may not call is not told what is wrong.
        let reply = post(&nobody, "/api/quote_stay", "application/json", &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
    }
    assert_eq!(user.who().await.as_deref(), Some("user03"));
    assert_calm(&server);
}

/// security check 93: nor at the doors for forms
#[tokio::test]
async fn no_body_is_a_failure_at_the_doors_for_forms() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let server = unthrottled().await;
    let (nobody, user) = (server.client(), server.user01().await);
    let names = names(&nobody.json("/api/list_functions", "{}").await);
    let doors: Vec<String> = names
        .iter()
        .filter(|name| !matches!(name.as_str(), "logout" | "end_other_sessions" | "login"))
        .map(|name| format!("/functions/{name}"))
        .chain([
            "/login".to_owned(),
            "/confirm".to_owned(),
            "/functions/quote_stay/kept".to_owned(),
        ])
        .collect();
    let bodies = odd_bodies().into_iter().step_by(rounds(3, 1));
    for body in bodies.chain(mixed(rounds(5, 100))) {
        // As it stands, and as what was typed into the inputs.
        let text = String::from_utf8_lossy(&body[..body.len().min(20_000)]).into_owned();
        let typed = serde_urlencoded::to_string([
            ("arguments", &*text),
            ("nights", &*text),
            ("contact.name", &*text),
            ("user_id", &*text),
            ("next", &*text),
            ("then-page", &*text),
            ("shown-to", &*text),
            ("call", &*text),
        ])
        .unwrap();
        for door in &doors {
            for body in [&body[..], typed.as_bytes()] {
                let reply = post(&user, door, FORM, body).await;
                assert!(
                    [303, 400, 401, 413, 422].contains(&reply.status),
                    "{door} {}: {} {}",
                    start(body),
                    reply.status,
                    reply.body
                );
            }
        }
        for page in ["/functions/quote_stay", "/functions/auth_func", "/login"] {
            assert_eq!(user.get(page).await.status, 200, "{page} after {}", start(&body));
        }
    }
    assert_eq!(user.who().await.as_deref(), Some("user01"));
    assert_calm(&server);
}

/// security check 94: in every header that is read, and in some that are not
#[tokio::test]
async fn no_byte_in_a_header_breaks_anything() {
    let server = unthrottled().await;
    let headers = [
        "Cookie",
        "Authorization",
        "Accept-Language",
        "User-Agent",
        "Referer",
        "Origin",
        "Sec-Fetch-Site",
        "Accept",
        "Content-Type",
        "Accept-Encoding",
        "If-Modified-Since",
        "Range",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "Expect",
        "Traceparent",
        "X-Request-Id",
        "Host",
    ];
    let long = "é".repeat(3000);
    let values: [&[u8]; 9] = [
        b"\xff\xfe",
        "Zoë 漢字 🔑".as_bytes(),
        b"\x80",
        b"\x00",
        b"\x1b[31m",
        b"",
        b"\t;,= \t",
        b"\xed\xa0\x80",
        long.as_bytes(),
    ];
    let requests = [
        ("GET / HTTP/1.1", ""),
        ("GET /login HTTP/1.1", ""),
        ("GET /account HTTP/1.1", ""),
        ("GET /pkg/callgate.js HTTP/1.1", ""),
        ("POST /api/notauth_func HTTP/1.1", "{}"),
        (
            "POST /api/login HTTP/1.1",
            r#"{"user_id":"user01","password":"user_01"}"#,
        ),
        ("POST /login HTTP/1.1", "user_id=user01&password=user_01"),
    ];
    for name in headers {
        for value in values {
            for (line, body) in requests.iter().take(rounds(5, requests.len())) {
                let mut request =
                    format!("{line}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len()).into_bytes();
                if name != "Host" {
                    request.extend_from_slice(b"Host: localhost\r\n");
                }
                if name != "Content-Type" && line.contains("/api/") {
                    request.extend_from_slice(b"Content-Type: application/json\r\n");
                }
                request.extend_from_slice(name.as_bytes());
                request.extend_from_slice(b": ");
                request.extend_from_slice(value);
                request.extend_from_slice(b"\r\n\r\n");
                request.extend_from_slice(body.as_bytes());
                let answer = raw::exchange(&server, request).await;
                let status = raw::status(&answer);
                assert!((200..500).contains(&status), "{line} {name} {}: {answer}", start(value));
            }
        }
    }
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    assert_calm(&server);
}

/// security check 94
#[tokio::test]
async fn no_byte_in_a_path_or_query_breaks_anything() {
    let server = unthrottled().await;
    let long = [b"/pkg/", &b"a".repeat(300)[..], b".js"].concat();
    let longer = [b"/functions/", &b"%41".repeat(2000)[..]].concat();
    let targets: [&[u8]; 26] = [
        &long,
        &longer,
        b"/pkg/a%00b%00/c",
        b"/favicon.svg%00",
        b"/\xff",
        b"/\xc3\xa9",
        b"/\xed\xa0\x80",
        b"/functions/\xff\xfe",
        b"/functions/auth_func?\xff=\xff",
        b"/login?next=/\xff",
        b"/login?next=%FF%FE",
        b"/login?next=/%22%3E%3Cscript%3E",
        b"/confirm?next=/%3Cx%3E",
        b"/%FF/%fe",
        b"/pkg/%FF",
        b"/pkg/\xff",
        b"/pkg/%00.js",
        b"/api/%FF",
        b"/api/\xff",
        b"/%",
        b"/?%zz=%",
        b"/a\x01b",
        b"/a\x7fb",
        b"/\"{}|^`",
        b"*",
        b"http://evil.example/functions/\xff",
    ];
    for target in targets {
        for verb in ["GET", "POST", "HEAD"] {
            let mut request = format!("{verb} ").into_bytes();
            request.extend_from_slice(target);
            request
                .extend_from_slice(b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            let answer = raw::exchange(&server, &request).await;
            let status = raw::status(&answer);
            assert!((200..500).contains(&status), "{verb} {}: {answer}", start(target));
            assert!(!answer.contains("<script>") && !answer.contains("<x>"), "{answer}");
            // The plain listener leads to our own site or refuses.
            let mut stream = TcpStream::connect(server.http).await.unwrap();
            stream.write_all(&request).await.unwrap();
            let answer = raw::read_to_close(&mut stream).await;
            assert!(
                [308, 400, 403].contains(&raw::status(&answer)),
                "{verb} {}: {answer}",
                start(target)
            );
            if let Some((_, location)) = answer.split_once("location: ") {
                let own = format!("https://localhost:{}/", server.https.port());
                assert!(location.starts_with(&own), "{answer}");
            }
        }
    }
    assert_calm(&server);
}

/// security check 94: what other programs on the same host keep in cookies is no matter
#[tokio::test]
async fn a_strange_cookie_beside_ours_logs_nobody_out() {
    let server = unthrottled().await;
    let session = server.user01().await.session();
    let ask = async |cookie: &[u8]| {
        server
            .client()
            .request("POST", "/api/auth_func")
            .header("content-type", "application/json")
            .header_bytes("cookie", cookie)
            .body("{}")
            .send()
            .await
            .status
    };
    let ours = [SESSION, "=", &session].concat().into_bytes();
    for other in [
        &b"name=Jos\xe9"[..],
        "name=José 漢字".as_bytes(),
        b"\xff\xfe",
        b"a=\"b;c\"",
        b"=",
        b"a",
    ] {
        assert_eq!(ask(&[other, b"; ", &ours].concat()).await, 200, "{}", start(other));
        assert_eq!(ask(&[&ours, &b"; "[..], other].concat()).await, 200, "{}", start(other));
    }
    // Twice is still once too often, whatever the other one holds.
    assert_eq!(
        ask(&[&ours, "; ".as_bytes(), SESSION.as_bytes(), b"=\xff"].concat()).await,
        401
    );
    assert_eq!(ask(&[&ours, &b"\xff"[..]].concat()).await, 401);
}

/// security checks 76 and 93: a page that is no good place to land is one to ask for again all the same
#[tokio::test]
async fn a_refused_login_shows_the_form_again_wherever_it_was_to_lead() {
    let server = unthrottled().await;
    let user = server.user01().await;
    for next in [
        "/<x>",
        "/\"x\"",
        "/a?b=<c>&d=\"e\"",
        "/{x}|^`",
        "/a%3Cb",
        "/a+b&c=d#e",
        "//evil.example",
        "/%ff",
    ] {
        for (client, door) in [(&server.client(), "/login"), (&user, "/confirm")] {
            let fields = [("user_id", "user01"), ("password", "wrong"), ("next", next)];
            let page = client.form(door, &fields).await;
            assert_eq!(page.status, 401, "{door} {next}: {}", page.body);
            let told = match door {
                "/login" => "Invalid user_id or password",
                _ => "Wrong password. Try again.",
            };
            assert!(page.shows(told), "{door} {next}");
            assert!(!page.shows("<x>") && !page.shows("<c>"), "{door} {next}: {}", page.body);
        }
    }
    assert_calm(&server);
}
