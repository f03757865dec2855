//! Ways around a guard: other spellings of a path, strange paths and queries, and requests of every kind without a session.

use futures::{StreamExt as _, stream};
use tokio::io::AsyncWriteExt as _;

use crate::{
    attack_input::assert_calm,
    support::{
        client::SESSION,
        effort::rounds,
        place::Place,
        raw, routes,
        server::{Server, UNTHROTTLED},
    },
};

/// Other spellings of the path of a guarded function, separated by white space.
const SPELLINGS: &str = r"
//api/auth_func ///api/auth_func /api//auth_func /api///auth_func /api/auth_func/ /api/auth_func// /api/auth_func/.
/api/auth_func/.. /api/auth_func/../auth_func /api/./auth_func /api/../api/auth_func /./api/auth_func
/../api/auth_func /x/../api/auth_func /login/../api/auth_func /pkg/../api/auth_func /favicon.svg/../api/auth_func
/livez/../api/auth_func /api/notauth_func/../auth_func /api/%2e/auth_func /api/%2e%2e/api/auth_func /%2e/api/auth_func
/%2e%2e/api/auth_func /pkg/%2e%2e/api/auth_func /pkg/..%2fapi%2fauth_func /api%2fauth_func /api%2Fauth_func
/api/%2fauth_func /%2fapi/auth_func /%2f%2fapi/auth_func /api%252fauth_func /api/%2561uth_func /api/%61uth_func
/api/auth%5ffunc /%61%70%69/auth_func /api%5cauth_func /api/notauth_func%2f..%2fauth_func
/api/notauth_func/..%2fauth_func /api/notauth_func%00/../auth_func /api\auth_func \api\auth_func /api/..\api\auth_func
/API/auth_func /Api/auth_func /api/AUTH_FUNC /api/Auth_Func /api/auth_func;x /api/auth_func;jsessionid=x
/api;x/auth_func /api;/auth_func /;x/api/auth_func /api/auth_func%3bx /api/auth_func%3f /api/auth_func%23
/api/auth_func%00 /api/auth_func%00.js /api/auth_func%0a /api/auth_func%0d%0aX-User:user01 /api/auth_func%20
/api/auth_func%09 /api/%20auth_func /api/auth_func. /api/auth_func.json /api/auth_func/a.js /api/auth_func/a.css
/api/auth_func&x /api/auth_func,x /api/auth_func:443 /api/auth_func@localhost /api/* /api/auth* /api/{*name}
/api/{name} /functions/auth_func/ /functions//auth_func /functions/auth_func/../../api/auth_func
/functions/%61uth_func/kept/ /functions/auth_func;x /functions/AUTH_FUNC /api/auth_func%c0%ae
/api/%c0%ae%c0%ae/api/auth_func /api%c0%afauth_func /api%e0%80%afauth_func /api/auth_func%ff /api/%ef%bd%81uth_func
/api/ａuth_func /api/%u0061uth_func /% /api/auth_func% /api/auth_func%zz * api/auth_func auth_func . ? /api?/auth_func
/api/?auth_func localhost localhost:443 https:/api/auth_func https:///api/auth_func https://localhost//api/auth_func
https://evil.example/%61pi/auth_func http://localhost/api//auth_func ftp://localhost/api//auth_func file:///etc/passwd
javascript:alert(1) /pkg/..%2fapi/auth_func /pkg/..%5c..%5capi%5cauth_func
";

/// Spellings that are not text, are empty or contain white space, separated by `|`.
const SPELLINGS_IN_BYTES: &[u8] = b"|/api/auth_func\xe2\x80\x8b|/api/\xc0\xae\xc0\xae/api/auth_func|/api\xc0\xafauth_func|\
    /api/auth_func\x00|/api/auth_func\x00.js|/api/\x61uth_func\xff|/api/auth_func\x0b|/api/auth_func\t|/api/auth_func\x7f|\
    /api/ auth_func";

async fn send(server: &Server, method: &str, target: &[u8], kind: &str, cookie: &str) -> String {
    let rest = format!(
        " HTTP/1.1\r\nHost: localhost:{}\r\nCookie: {cookie}\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\
         X-Original-URL: /api/auth_func\r\nX-Rewrite-URL: /api/auth_func\r\nConnection: close\r\n\r\n{{}}",
        server.https.port()
    );
    raw::exchange(server, [method.as_bytes(), b" ", target, rest.as_bytes()].concat()).await
}

/// A GET may show the page to anyone, or redirect to it if the path has one slash too many.
fn is_page(answer: &str, method: &str) -> bool {
    let is_shown = raw::status(answer) == 200 && answer.contains("<!DOCTYPE html>");
    let is_near = raw::status(answer) == 308 && answer.contains("\r\nlocation: /functions/auth_func\r\n");
    method == "GET" && (is_shown || is_near)
}

#[tokio::test]
async fn no_spelling_of_a_path_is_another_way_to_a_function() {
    let server = Server::demo().await;
    let user = server.user01().await;
    let session = format!("{}={}", user.cookie_name(SESSION), user.session());
    let with_user = format!("https://user01@localhost:{}/api//auth_func", server.https.port());
    let spellings = SPELLINGS.split_whitespace().chain([&*with_user]).map(str::as_bytes);
    let mut requests = Vec::new();
    for (number, target) in spellings
        .chain(SPELLINGS_IN_BYTES.split(|byte| *byte == b'|'))
        .enumerate()
    {
        let mut forms = Vec::new();
        for kind in ["application/json", "application/x-www-form-urlencoded"] {
            for cookie in [session.as_str(), "none=none"] {
                forms.extend(["POST", "GET", "PUT"].map(|method| (target, method, kind, cookie)));
            }
        }
        // The first as a client with a session would call it, and some of the others.
        requests.push(forms.remove(0));
        let every = rounds(4, 1);
        requests.extend(forms.into_iter().skip(number % every).step_by(every));
    }
    stream::iter(requests)
        .for_each_concurrent(8, async |(target, method, kind, cookie)| {
            let answer = send(&server, method, target, kind, cookie).await;
            let context = format!("{method} {} {kind} {cookie}: {answer}", target.escape_ascii());
            let is_refused = (400..500).contains(&raw::status(&answer));
            assert!(is_refused || is_page(&answer, method), "{context}");
            let has_reply = answer.contains("auth_func({") || answer.contains("root:");
            assert!(!has_reply, "{context}");
        })
        .await;
    assert_calm(&server);
}

/// A target with a host in it, and a query, name the same function with the same guard.
#[tokio::test]
async fn a_host_or_query_in_the_target_changes_neither_function_nor_guard() {
    let server = Server::shared();
    let user = server.user01().await;
    let session = format!("{}={}", user.cookie_name(SESSION), user.session());
    let port = server.https.port();
    for target in [
        "/api/auth_func",
        "/api/auth_func?",
        "/api/auth_func?/api/notauth_func",
        "/api/auth_func?user_id=user01&next=%00",
        // A fragment, which no client sends, is no part of a path.
        "/api/auth_func#x",
        &format!("https://localhost:{port}/api/auth_func"),
        "https://evil.example/api/auth_func",
    ] {
        for (cookie, status) in [("none=none", 401), (session.as_str(), 200)] {
            let answer = send(&server, "POST", target.as_bytes(), "application/json", cookie).await;
            assert_eq!(raw::status(&answer), status, "{target}: {answer}");
        }
    }
}

#[tokio::test]
async fn nothing_but_the_site_is_served() {
    let server = Server::shared();
    for path in r"
        /.git/config /.env /Cargo.toml /data/callgate.db /callgate.db /pkg /pkg/../data/callgate.db /pkg/../../data/callgate.db
        /pkg/..%2f..%2fdata%2fcallgate.db /pkg/%2e%2e/%2e%2e/data/callgate.db /pkg/..\..\data\callgate.db
        /pkg/..%5c..%5cdata%5ccallgate.db /pkg//etc/passwd /pkg/%2fetc%2fpasswd /..%2f..%2f..%2fetc%2fpasswd
        /favicon.svg/../../data/callgate.db /functions/..%2f..%2fdata%2fcallgate.db /certs/localhost.key
        /data/certs/localhost.key /account/x.css"
        .split_whitespace()
    {
        for verb in ["GET", "HEAD"] {
            let request = format!("{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let answer = raw::exchange(&server, request).await;
            assert!((400..500).contains(&raw::status(&answer)), "{path}: {answer}");
            for bad in ["SQLite", "PRIVATE KEY", "root:", "Index of"] {
                assert!(!answer.contains(bad), "{path}: {answer}");
            }
        }
    }
    let reply = server.client().get("/").await;
    assert_eq!((reply.find("server"), reply.find("x-powered-by")), (None, None));
}

/// Paths and queries that are no UTF-8, that no file system takes, or that hold markup.
fn strange_targets() -> Vec<Vec<u8>> {
    let plain = r#"
        /pkg/a%00b%00/c /favicon.svg%00 /login?next=/%22%3E%3Cscript%3E /confirm?next=/%3Cx%3E /%FF/%fe /pkg/%FF
        /pkg/%00.js /api/%FF /% /?%zz=% /"{}|^` * /%FF /functions/%FF /functions/%00 /functions/%E2%28%A1
        /functions/%F0%9F%94%91 /functions/%3Cscript%3E /login?next=%FF /login?next=%FF%FE /login?next
        /login?%FF=%FF&next=/&next=/x /?% /functions/% /?__path=/api/login&__err=eyJ9
        /functions/auth_func?__path=/api/auth_func&__err=%3Cscript%3Ealert(1)%3C/script%3E
        /?a=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E"#;
    let long = [b"/pkg/", &b"a".repeat(300)[..], b".js"].concat();
    let longer = [b"/functions/", &b"%41".repeat(2000)[..]].concat();
    let bytes = b"/\xff|/\xc3\xa9|/\xed\xa0\x80|/functions/\xff\xfe|/functions/auth_func?\xff=\xff|/login?next=/\xff|\
        /pkg/\xff|/api/\xff|/a\x01b|/a\x7fb|http://evil.example/functions/\xff";
    let bytes = bytes.split(|byte| *byte == b'|').chain([&long[..], &longer]);
    let plain = plain.split_whitespace().map(str::as_bytes);
    plain.chain(bytes).map(<[u8]>::to_vec).collect()
}

#[tokio::test]
async fn no_byte_in_a_path_or_query_breaks_anything() {
    let server = Place::new().demo(UNTHROTTLED).await;
    for target in strange_targets() {
        for verb in ["GET", "POST", "HEAD"] {
            let rest = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            let request = [verb.as_bytes(), b" ", &target, rest].concat();
            let answer = raw::exchange(&server, &request).await;
            let context = format!("{verb} {}: {answer}", target.escape_ascii());
            assert!((200..500).contains(&raw::status(&answer)), "{context}");
            for markup in ["<script>", "<x>"] {
                assert!(!answer.contains(markup), "{context}");
            }
            // The plain listener redirects to this site or refuses.
            let answer = raw::exchange_plain(&server, &request).await;
            let context = format!("{verb} {} over HTTP: {answer}", target.escape_ascii());
            assert!([308, 400, 403].contains(&raw::status(&answer)), "{context}");
            if let Some((_, location)) = answer.split_once("location: ") {
                let own = format!("https://localhost:{}/", server.https.port());
                assert!(location.starts_with(&own), "{context}");
            }
        }
    }
    assert_calm(&server);
}

/// Whatever is sent to a guarded function without a session, the answer is 401.
#[tokio::test]
async fn nothing_of_a_request_is_looked_at_before_the_guard() {
    let server = Server::shared();
    let functions = routes::functions(&server).await.into_iter();
    let guarded = functions.filter(|function| !function.is_open);
    let guarded: Vec<String> = guarded.map(|function| function.name).collect();
    assert!(guarded.len() >= 9, "{guarded:?}");
    let (large, deep) = ("x".repeat(70_000), "[".repeat(60_000));
    let short = "|{}|{|[]|null|\u{feff}{}|\0|{\"user_id\":\"user01\",\"password\":\"user_01\"}|arguments=%7B%7D|\
        --x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--";
    let bodies: Vec<&str> = short.split('|').chain([&*deep, &large]).collect();
    let kinds = "application/json|application/json; charset=utf-16|application/x-www-form-urlencoded|text/plain|\
        multipart/form-data; boundary=x|application/cbor|application/octet-stream||\u{e9}";
    let kinds: Vec<&str> = kinds.split('|').collect();
    let queries = ["", "?", "?user_id=user01", "?__path=/api/notauth_func", "?a=%FF%00"];
    let encodings = ["", "gzip", "br", "identity", "x"];
    let every = rounds(8, 1);
    let all = guarded.iter().enumerate().flat_map(|(number, name)| {
        let pairs = (0..bodies.len() * kinds.len()).skip(number % every).step_by(every);
        pairs.map(move |at| (name, at))
    });
    stream::iter(all)
        .for_each_concurrent(8, async |(name, at)| {
            let path = format!("/api/{name}{}", queries[at % queries.len()]);
            let (body, kind) = (bodies[at / kinds.len()], kinds[at % kinds.len()]);
            let (client, encoding) = (server.client(), encodings[at % encodings.len()]);
            let mut call = client
                .request("POST", &path)
                .header_bytes("content-type", kind.as_bytes());
            if !encoding.is_empty() {
                call = call.header("content-encoding", encoding);
            }
            if at % 2 == 1 {
                call = call.http2();
            }
            let reply = call.body(body).send().await;
            assert_eq!(reply.status, 401, "{path} {kind} {encoding} {body:.30}");
            assert_eq!(reply.code(), "not_logged_in", "{path} {kind} {encoding} {body:.30}");
        })
        .await;
    for name in &guarded {
        // Answered while the body has not even begun, and without asking for it.
        for length in ["Content-Length: 10000000000", "Transfer-Encoding: chunked"] {
            let request = format!(
                "POST /api/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Expect: 100-continue\r\n{length}\r\n\r\n"
            );
            let mut stream = raw::tls(&server).await;
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = raw::read_until(&mut stream, "not_logged_in").await;
            assert_eq!(raw::status(&answer), 401, "{answer}");
        }
    }
}

#[tokio::test]
async fn every_path_of_the_description_asks_its_guard() {
    let server = Server::shared();
    let client = server.client();
    let description = client.get("/api/openapi.json").await.value();
    let mut open = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            assert_eq!(method, "post", "{path}");
            let reply = client.json(path, "{}").await;
            let is_guarded = operation["responses"].get("401").is_some() && path != "/api/login";
            assert_eq!(reply.status == 401, is_guarded, "{path}: {}", reply.body);
            if !is_guarded {
                open.push(path.clone());
            }
        }
    }
    let names = "choose_password create_first_admin list_functions login notauth_func register";
    assert!(open.into_iter().eq(names.split(' ').map(|name| format!("/api/{name}"))));
}
