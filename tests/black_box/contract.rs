//! The contract that existing clients rely on: every cell of its table, and every line under it.

use std::fmt::Write as _;

use tokio::io::AsyncWriteExt as _;

use crate::{
    client::{Client, REMEMBER, Reply, SESSION},
    raw,
    server::{Place, Server, UNTHROTTLED},
};

/// Types of a body that is not declared as JSON.
const OTHER_TYPES: [&str; 5] = [
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "text/json",
];

async fn wrong_login(client: &Client, user: &str, password: &str) -> Reply {
    let body = serde_json::json!({"user_id": user, "passwd_hash": password});
    client.json("/api/login", &body.to_string()).await
}

#[tokio::test]
async fn notauth_func_answers_anyone_and_whoever_is_logged_in_alike() {
    let server = Server::demo().await;
    let body = r#"{"hello":"world"}"#;
    let expected = r#"{"ok":true,"msg":"notauth_func({\"hello\":\"world\"})"}"#;
    for client in [server.client(), server.user01().await] {
        let reply = client.json("/api/notauth_func", body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, expected));
        assert!(reply.header("content-type").starts_with("application/json"));
    }
}

#[tokio::test]
async fn auth_func_refuses_anyone_and_names_the_user_who_is_logged_in() {
    let server = Server::demo().await;
    let refused = server.client().json("/api/auth_func", "{}").await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "not_logged_in"));

    for number in ["01", "02", "03"] {
        let client = server
            .logged_in(&format!("user{number}"), &format!("user_{number}"))
            .await;
        let reply = client.json("/api/auth_func", r#"{"a":1}"#).await;
        let expected = format!(r#"{{"ok":true,"msg":"auth_func({{\"a\":1}}),user_id=user{number}"}}"#);
        assert_eq!((reply.status, reply.body), (200, expected));
    }
}

#[tokio::test]
async fn the_object_comes_back_compact_with_its_keys_in_order_and_every_digit() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for (sent, echoed) in [
        ("{}", "{}"),
        (
            " {\"z\" : 1,\n \"a\":\t[ true , null, { \"y\" : \"\" } ] }\r\n",
            r#"{"z":1,"a":[true,null,{"y":""}]}"#,
        ),
        (
            r#"{"n":123456789012345678901234567890,"f":-0.10,"e":1E400,"i":9007199254740993}"#,
            r#"{"n":123456789012345678901234567890,"f":-0.10,"e":1E400,"i":9007199254740993}"#,
        ),
        (r#"{"b a":" é  漢 \" "}"#, r#"{"b a":" é  漢 \" "}"#),
        (r#"{"\u00e9":"\u0041"}"#, r#"{"é":"A"}"#),
        (r#"{"1":1,"":2,"1":3}"#, r#"{"1":1,"":2,"1":3}"#),
    ] {
        let reply = client.json("/api/notauth_func", sent).await;
        assert_eq!(reply.status, 200, "{sent}: {}", reply.body);
        assert_eq!(reply.message(), format!("notauth_func({echoed})"));
        let reply = client.json("/api/auth_func", sent).await;
        assert_eq!(reply.message(), format!("auth_func({echoed}),user_id=user01"));
    }
}

#[tokio::test]
async fn a_login_takes_the_password_by_both_of_its_names() {
    let server = Server::demo().await;
    for name in ["password", "passwd_hash"] {
        let client = server.client();
        let body = format!(r#"{{"user_id":"user01","{name}":"user_01"}}"#);
        let reply = client.json("/api/login", &body).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, r#"{"ok":true,"msg":"user <user01> logined"}"#);
        assert_eq!(client.who().await.as_deref(), Some("user01"));
        // The same to who is logged in already.
        let reply = client.json("/api/login", &body).await;
        assert_eq!(reply.body, r#"{"ok":true,"msg":"user <user01> logined"}"#);
    }
}

#[tokio::test]
async fn a_program_is_remembered_unless_it_says_otherwise() {
    let server = Server::demo().await;
    for (remember, cookies) in [
        ("", vec![SESSION, REMEMBER]),
        (r#","remember":true"#, vec![SESSION, REMEMBER]),
        (r#","remember":false"#, vec![SESSION]),
    ] {
        let body = format!(r#"{{"user_id":"user01","password":"user_01"{remember}}}"#);
        let reply = server.client().json("/api/login", &body).await;
        assert_eq!(reply.cookie_names(), cookies, "{remember}");
        for cookie in reply.set_cookies() {
            let lasts = (cookie.name == REMEMBER).then_some(2_592_000);
            assert_eq!(cookie.max_age, lasts, "{}", cookie.name);
        }
    }
}

/// security check 49, without the timing
#[tokio::test]
async fn a_wrong_login_is_401_and_does_not_tell_why() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let client = server.client();
    server.place.done(&["user", "disable", "user02"], "").await;
    let first = wrong_login(&client, "user01", "wrong").await;
    assert_eq!(first.status, 401);
    assert_eq!(first.value()["error"], "Invalid user_id or password");
    assert_eq!(first.code(), "invalid_credentials");
    assert!(first.set_cookies().is_empty());

    let shape = |reply: &Reply| {
        let headers: Vec<String> = reply
            .headers
            .iter()
            .filter(|(name, _)| *name != "date" && *name != "x-request-id")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        (reply.status, reply.without_reference(), headers)
    };
    let long = "x".repeat(300);
    for (user, password) in [
        ("nobody", "user_01"),
        ("user02", "user_02"),
        ("user02", "wrong"),
        ("user01", ""),
        ("user01", "user_02"),
        ("user01", "user_01 "),
        ("USER01", "user_01"),
        ("user01 ", "user_01"),
        ("", ""),
        ("user01", long.as_str()),
        ("nobody", long.as_str()),
        ("' OR 1=1 --", "x"),
    ] {
        let reply = wrong_login(&client, user, password).await;
        assert_eq!(shape(&reply), shape(&first), "{user:?} {password:?}");
    }
    assert_eq!(client.who().await, None);

    // Whoever is logged in gets the same, and stays logged in.
    let client = server.user01().await;
    let reply = wrong_login(&client, "user02", "wrong").await;
    assert_eq!(shape(&reply), shape(&first));
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn logout_takes_no_body_or_an_empty_object_and_refuses_who_is_not_logged_in() {
    let server = Server::demo().await;
    let client = server.client();
    for body in ["", "{}"] {
        assert_eq!(client.json("/api/logout", body).await.code(), "not_logged_in");
    }
    for (kind, body) in [
        (None, ""),
        (Some("application/json"), ""),
        (Some("application/json"), "{}"),
        (Some("application/json; charset=utf-8"), " { } "),
        (Some("text/plain"), ""),
    ] {
        let client = server.user01().await;
        let mut logout = client.request("POST", "/api/logout").body(body);
        if let Some(kind) = kind {
            logout = logout.header("content-type", kind);
        }
        let reply = logout.send().await;
        assert_eq!(reply.status, 200, "{kind:?} {body:?}: {}", reply.body);
        assert_eq!(reply.body, r#"{"ok":true,"msg":"user <user01> logout"}"#);
        assert_eq!(client.cookie(SESSION), None);
        let again = client.json("/api/logout", "{}").await;
        assert_eq!((again.status, again.code().as_str()), (401, "not_logged_in"));
    }
}

/// security checks 93 and 94, a sample
#[tokio::test]
async fn a_body_that_is_no_json_object_is_400_and_says_where_it_goes_wrong() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"{",
        b"{\"a\":}",
        b"{'a':1}",
        b"{\"a\":1,}",
        b"{} {}",
        b"[]",
        b"[1,2]",
        b"[\"user01\",\"user_01\",true]",
        b"null",
        b"1",
        b"\"text\"",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\n\"}",
        b"{\"a\":NaN}",
        b"user_id=user01",
    ];
    for name in ["notauth_func", "auth_func", "login"] {
        for body in &bodies {
            let reply = client
                .request("POST", &format!("/api/{name}"))
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(reply.status, 400, "{name} {shown:?}: {}", reply.body);
            assert_eq!(reply.code(), "malformed_body");
        }
    }
    // However deep an object is, it breaks nothing.
    let deep = format!("{}1{}", "{\"a\":".repeat(8000), "}".repeat(8000));
    for name in ["notauth_func", "auth_func", "login"] {
        let reply = client.json(&format!("/api/{name}"), &deep).await;
        assert!([200, 400, 422].contains(&reply.status), "{name}: {}", reply.status);
    }
    let reply = client.json("/api/notauth_func", "{\n\"a\":}").await;
    let error = reply.value()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("line 2, column 5"), "{error}");
    // A function without arguments does not take a broken body for none.
    for body in ["[]", "{", "null"] {
        let reply = client.json("/api/logout", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed_body"), "{body}");
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn arguments_of_another_shape_are_422() {
    let server = Server::demo().await;
    let client = server.client();
    for body in [
        "{}",
        r#"{"user_id":"user01"}"#,
        r#"{"password":"user_01"}"#,
        r#"{"user_id":1,"password":"user_01"}"#,
        r#"{"user_id":"user01","password":null}"#,
        r#"{"user_id":"user01","password":["user_01"]}"#,
        r#"{"user_id":{"$ne":""},"password":"user_01"}"#,
        r#"{"user_id":"user01","password":"user_01","remember":"yes"}"#,
        r#"{"user_id":"user01","password":"user_01","passwd_hash":"user_01"}"#,
        r#"{"user_id":"user01","user_id":"user02","password":"user_01"}"#,
    ] {
        let reply = client.json("/api/login", body).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.body);
        assert_eq!(reply.code(), "invalid_arguments");
        assert!(reply.set_cookies().is_empty());
        assert!(!reply.shows("user_01"), "it says the password: {}", reply.body);
    }
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_415() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for (name, body) in [
        ("notauth_func", "{}"),
        ("auth_func", "{}"),
        ("login", r#"{"user_id":"user01","password":"user_01"}"#),
        ("logout", "{}"),
        ("current_user", "{}"),
    ] {
        let path = format!("/api/{name}");
        for kind in OTHER_TYPES {
            let reply = client
                .request("POST", &path)
                .header("content-type", kind)
                .body(body)
                .send()
                .await;
            assert_eq!(reply.status, 415, "{name} {kind}: {}", reply.body);
            assert_eq!(reply.code(), "unsupported_media_type");
            assert!(reply.set_cookies().is_empty());
        }
        let reply = client.request("POST", &path).body(body).send().await;
        assert_eq!(reply.status, 415, "{name} without a type: {}", reply.body);
    }
    for kind in ["application/json", "Application/JSON ; charset=utf-8"] {
        let reply = client
            .request("POST", "/api/notauth_func")
            .header("content-type", kind)
            .body("{}")
            .send()
            .await;
        assert_eq!(reply.status, 200, "{kind}");
    }
}

fn object_of(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()))
}

/// security check 97, a sample
#[tokio::test]
async fn a_body_that_is_too_large_is_413_whether_its_length_is_told_or_not() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let largest = client.json("/api/notauth_func", &object_of(65_536)).await;
    assert_eq!(largest.status, 200);
    let larger = client.json("/api/notauth_func", &object_of(65_537)).await;
    assert_eq!((larger.status, larger.code().as_str()), (413, "body_too_large"));
    assert_eq!(larger.value()["limit"], 65_536);

    let head = |name: &str| {
        format!(
            "POST /api/{name} HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION}={}\r\nConnection: close\r\n\
             Content-Type: application/json\r\n",
            client.session()
        )
    };
    for name in ["notauth_func", "auth_func", "login", "logout"] {
        // Refused for the length that is told, before anything of it is sent.
        let told = format!("{}Content-Length: 10000000000\r\n\r\n", head(name));
        let answer = raw::exchange(&server, told).await;
        assert_eq!(raw::status(&answer), 413, "{answer}");
        assert!(answer.contains(r#""code":"body_too_large""#), "{answer}");

        // Refused as soon as it is too large, although its end never comes.
        let mut untold = format!("{}Transfer-Encoding: chunked\r\n\r\n", head(name));
        for _ in 0..17 {
            write!(untold, "1000\r\n{}\r\n", " ".repeat(0x1000)).unwrap();
        }
        let answer = raw::exchange(&server, untold).await;
        assert_eq!(raw::status(&answer), 413, "{answer}");
        assert!(answer.contains(r#""code":"body_too_large""#), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_sends_a_large_body_to_its_end_still_reads_the_413() {
    let server = Server::demo().await;
    let client = server.client();
    // Several times each: it must not depend on who is faster.
    for bytes in [66_000, 100_000, 1_000_000].repeat(5) {
        let reply = client.json("/api/notauth_func", &object_of(bytes)).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
        let reply = client.json("/api/auth_func", &object_of(bytes)).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
    }
}

/// security checks 15 and 58
#[tokio::test]
async fn a_wrong_method_is_405_and_says_which_is_right() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for name in [
        "notauth_func",
        "auth_func",
        "login",
        "logout",
        "current_user",
        "list_functions",
        "confirm_login",
        "change_password",
        "my_sessions",
        "end_session",
        "end_other_sessions",
        "quote_stay",
    ] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let path = format!("/api/{name}?user_id=user01&password=user_01");
            let reply = client.request(method, &path).send().await;
            assert_eq!(reply.status, 405, "{method} {name}: {}", reply.body);
            assert_eq!(reply.header("allow"), "POST", "{method} {name}");
            assert!(reply.set_cookies().is_empty(), "{method} {name}");
            if method != "HEAD" {
                assert_eq!(reply.code(), "method_not_allowed");
            }
        }
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn an_unknown_path_under_api_is_404_in_json() {
    let server = Server::demo().await;
    for client in [server.client(), server.user01().await] {
        for path in [
            "/api/",
            "/api",
            "/api/nothing",
            "/api/auth_func/",
            "/api/auth_func/x",
            "/api/%61uth_func",
            "/api/Auth_func",
            "/api/auth_func.json",
            "/api/..",
        ] {
            for method in ["POST", "GET"] {
                let reply = client
                    .request(method, path)
                    .header("content-type", "application/json")
                    .header("accept", "text/html")
                    .body("{}")
                    .send()
                    .await;
                assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
                assert_eq!(reply.code(), "unknown_function", "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn errors_are_json_for_a_client_that_asks_for_a_page_too() {
    let server = Server::demo().await;
    let anyone = server.client();
    let user = server.user01().await;
    let json = "application/json";
    let large = object_of(65_537);
    let wrong = r#"{"user_id":"user01","password":"wrong"}"#;
    for (client, method, name, kind, body, status, code) in [
        (&anyone, "POST", "auth_func", json, "{}", 401, "not_logged_in"),
        (&anyone, "POST", "login", json, wrong, 401, "invalid_credentials"),
        (&anyone, "POST", "login", json, "{}", 422, "invalid_arguments"),
        (&user, "POST", "auth_func", json, "{", 400, "malformed_body"),
        (
            &user,
            "POST",
            "auth_func",
            "text/plain",
            "{}",
            415,
            "unsupported_media_type",
        ),
        (&user, "POST", "auth_func", json, large.as_str(), 413, "body_too_large"),
        (&user, "GET", "auth_func", json, "", 405, "method_not_allowed"),
        (&user, "POST", "nothing", json, "{}", 404, "unknown_function"),
    ] {
        for accept in ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png"] {
            let reply = client
                .request(method, &format!("/api/{name}"))
                .header("content-type", kind)
                .header("accept", accept)
                .header("referer", "https://localhost/functions/auth_func")
                .body(body)
                .send()
                .await;
            assert_eq!(reply.status, status, "{name} {accept}: {}", reply.body);
            assert_eq!(reply.code(), code);
            assert_eq!(reply.find("location"), None);
        }
    }
    let reply = user
        .request("POST", "/api/auth_func")
        .header("content-type", json)
        .header("accept", "text/html")
        .body("{}")
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.message().as_str()),
        (200, "auth_func({}),user_id=user01")
    );
}

/// security check 54
#[tokio::test]
async fn the_401_comes_before_anything_of_the_body_is_looked_at() {
    let server = Server::demo().await;
    let client = server.client();
    let large = object_of(65_537);
    for name in ["auth_func", "logout", "current_user", "quote_stay", "change_password"] {
        for kind in OTHER_TYPES.into_iter().chain(["application/json"]) {
            for body in ["", "{", "[]", "{}", &large] {
                let reply = client
                    .request("POST", &format!("/api/{name}?a=b"))
                    .header("content-type", kind)
                    .body(body)
                    .send()
                    .await;
                assert_eq!(reply.status, 401, "{name} {kind}: {}", reply.body);
                assert_eq!(reply.code(), "not_logged_in");
            }
        }
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
async fn the_contract_holds_over_http_2_too() {
    let server = Server::demo().await;
    let client = server.client();
    let call = async |path: &str, body: &str| {
        client
            .request("POST", path)
            .header("content-type", "application/json")
            .body(body)
            .http2()
            .send()
            .await
    };
    assert_eq!(call("/api/auth_func", "{}").await.code(), "not_logged_in");
    let login = call("/api/login", r#"{"user_id":"user01","passwd_hash":"user_01"}"#).await;
    assert_eq!(login.message(), "user <user01> logined");
    let reply = call("/api/auth_func", r#"{"b":1,"a":2}"#).await;
    assert_eq!(reply.message(), r#"auth_func({"b":1,"a":2}),user_id=user01"#);
    assert_eq!(call("/api/logout", "").await.message(), "user <user01> logout");
    assert_eq!(call("/api/auth_func", "{}").await.status, 401);
    let large = call("/api/notauth_func", &object_of(70_000)).await;
    assert_eq!((large.status, large.code().as_str()), (413, "body_too_large"));
}
