//! The contract of the JSON API: the replies that existing clients rely on, and every refusal with its status and code.

use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    place::Place,
    routes::functions,
    server::{Server, UNTHROTTLED},
};

const JSON: &str = "application/json";
const LOGIN: &str = r#"{"user_id":"user01","password":"user_01"}"#;

async fn post(client: &Client, name: &str, kind: &str, body: impl AsRef<[u8]>) -> Reply {
    client.post(&format!("/api/{name}"), kind, body).await
}

fn object_of(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - r#"{"a":""}"#.len()))
}

#[tokio::test]
async fn notauth_func_answers_anyone_and_auth_func_names_the_user_who_is_logged_in() {
    let server = Server::shared();
    let refused = server.client().json("/api/auth_func", "{}").await;
    refused.assert_refused(401, "not_logged_in");
    for user in ["user01", "user02", "user03"] {
        let client = server.logged_in(user, &user.replace("user", "user_")).await;
        let reply = client.json("/api/auth_func", r#"{"a":1}"#).await;
        let expected = format!(r#"{{"ok":true,"msg":"auth_func({{\"a\":1}}),user_id={user}"}}"#);
        assert_eq!((reply.status, reply.body), (200, expected));
    }
    let expected = r#"{"ok":true,"msg":"notauth_func({\"hello\":\"world\"})"}"#;
    for client in [server.client(), server.user01().await] {
        let reply = client.json("/api/notauth_func", r#"{"hello":"world"}"#).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, expected));
        assert!(reply.header("content-type").starts_with(JSON));
    }
}

#[tokio::test]
async fn the_object_comes_back_compact_with_its_keys_in_order_and_every_digit() {
    let server = Server::shared();
    let client = server.user01().await;
    let digits = r#"{"n":123456789012345678901234567890,"f":-0.10,"e":1E400,"i":9007199254740993}"#;
    let spaced = " {\"z\" : 1,\n \"a\":\t[ true , null, { \"y\" : \"\" } ] }\r\n";
    for (sent, echoed) in [
        ("{}", "{}"),
        (spaced, r#"{"z":1,"a":[true,null,{"y":""}]}"#),
        (digits, digits),
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
async fn a_login_takes_the_password_by_both_names_and_is_remembered_unless_it_opts_out() {
    let server = Server::shared();
    for (name, remember, cookies) in [
        ("password", "", vec![SESSION, REMEMBER]),
        ("passwd_hash", r#","remember":true"#, vec![SESSION, REMEMBER]),
        ("password", r#","remember":false"#, vec![SESSION]),
    ] {
        let client = server.client();
        let body = format!(r#"{{"user_id":"user01","{name}":"user_01"{remember}}}"#);
        let reply = client.json("/api/login", &body).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.cookie_names(), cookies, "{body}");
        for cookie in reply.set_cookies() {
            let lasts = (cookie.name == REMEMBER).then_some(2_592_000);
            assert_eq!(cookie.max_age, lasts, "{}", cookie.name);
        }
        assert_eq!(client.who().await.as_deref(), Some("user01"));
        // The same to who is logged in already.
        let again = client.json("/api/login", &body).await;
        for reply in [reply, again] {
            assert_eq!(reply.body, r#"{"ok":true,"msg":"user <user01> logined"}"#);
        }
    }
}

async fn wrong_login(client: &Client, user: &str, password: &str) -> Reply {
    let body = serde_json::json!({"user_id": user, "passwd_hash": password});
    client.json("/api/login", &body.to_string()).await
}

#[tokio::test]
async fn a_wrong_login_is_401_and_does_not_say_why() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let client = server.client();
    server.place.done(&["user", "disable", "user02"], "").await;
    let first = wrong_login(&client, "user01", "wrong").await;
    first.assert_refused(401, "invalid_credentials");
    assert_eq!(first.error(), "Invalid user_id or password");
    assert!(first.set_cookies().is_empty());

    let long = "x".repeat(300);
    for (user, password) in [
        ("nobody", "user_01"),
        ("user02", "user_02"),
        ("user02", "wrong"),
        ("user01", ""),
        ("user01", "user_02"),
        ("user01", "user_01 "),
        ("user 01", "user_01"),
        ("", ""),
        ("user01", &long),
        ("nobody", &long),
        ("' OR 1=1 --", "x"),
    ] {
        let reply = wrong_login(&client, user, password).await;
        assert_eq!(
            reply.without_what_is_new(),
            first.without_what_is_new(),
            "{user:?} {password:?}"
        );
    }
    assert_eq!(client.who().await, None);

    // A client that is logged in gets the same answer, and stays logged in.
    let client = server.user01().await;
    let reply = wrong_login(&client, "user02", "wrong").await;
    assert_eq!(reply.without_what_is_new(), first.without_what_is_new());
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn logout_takes_no_body_or_an_empty_object_and_needs_a_login() {
    let server = Server::shared();
    for body in ["", "{}"] {
        let reply = server.client().json("/api/logout", body).await;
        reply.assert_refused(401, "not_logged_in");
    }
    for (kind, body) in [
        (None, ""),
        (Some(JSON), ""),
        (Some(JSON), "{}"),
        (Some("application/json; charset=utf-8"), " { } "),
        (Some("text/plain"), ""),
    ] {
        let client = server.user01().await;
        let reply = match kind {
            Some(kind) => client.post("/api/logout", kind, body).await,
            None => client.request("POST", "/api/logout").body(body).send().await,
        };
        assert_eq!(reply.status, 200, "{kind:?} {body:?}: {}", reply.body);
        assert_eq!(reply.body, r#"{"ok":true,"msg":"user <user01> logout"}"#);
        assert_eq!(client.cookie(SESSION), None);
        client
            .json("/api/logout", "{}")
            .await
            .assert_refused(401, "not_logged_in");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400_and_says_where_it_goes_wrong() {
    let server = Server::shared();
    let client = server.user01().await;
    let texts =
        r#"{ {"a":} {'a':1} {"a":1,} {}{} [] [1,2] ["user01","user_01",true] null 1 "text" {"a":"\ud800"} {"a":NaN}"#;
    let bytes = b"|\xef\xbb\xbf\xef\xbb\xbf{}|{\"a\":\"\xff\"}|{\"a\":\"\n\"}|{} {}|user_id=user01";
    for name in ["notauth_func", "auth_func", "login"] {
        for body in texts
            .split(' ')
            .map(str::as_bytes)
            .chain(bytes.split(|byte| *byte == b'|'))
        {
            let reply = post(&client, name, JSON, body).await;
            reply.assert_refused(400, "malformed_body");
        }
        // However deep an object is, it breaks nothing.
        let deep = format!("{}1{}", "{\"a\":".repeat(8000), "}".repeat(8000));
        let reply = post(&client, name, JSON, &deep).await;
        assert!([200, 400, 422].contains(&reply.status), "{name}: {}", reply.status);
    }
    let error = client.json("/api/notauth_func", "{\n\"a\":}").await.error();
    assert!(error.contains("line 2, column 5"), "{error}");
    // A function without arguments does not take a broken body for none.
    for body in ["[]", "{", "null"] {
        client
            .json("/api/logout", body)
            .await
            .assert_refused(400, "malformed_body");
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_byte_order_mark_at_the_start_of_a_body_is_skipped() {
    let server = Server::demo().await;
    let client = server.client();
    let login = "\u{feff}{\"user_id\":\"user01\",\"password\":\"user_01\"}";
    assert_eq!(client.json("/api/login", login).await.status, 200);
    let echoed = client.json("/api/auth_func", "\u{feff}{\"a\":\"\u{feff}\"}").await;
    assert_eq!(echoed.message(), "auth_func({\"a\":\"\u{feff}\"}),user_id=user01");
    assert_eq!(client.json("/api/logout", "\u{feff}").await.status, 200);
}

#[tokio::test]
async fn arguments_of_another_shape_are_422() {
    let server = Server::shared();
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
        let reply = server.client().json("/api/login", body).await;
        reply.assert_refused(422, "invalid_arguments");
        assert!(reply.set_cookies().is_empty());
        assert!(!reply.shows("user_01"), "it says the password: {}", reply.body);
    }
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_415() {
    let server = Server::shared();
    let client = server.user01().await;
    let others =
        "application/x-www-form-urlencoded, text/plain, multipart/form-data; boundary=x, application/jsonp, text/json";
    for name in ["notauth_func", "auth_func", "login", "logout", "current_user"] {
        let body = if name == "login" { LOGIN } else { "{}" };
        for kind in others.split(", ") {
            let reply = post(&client, name, kind, body).await;
            reply.assert_refused(415, "unsupported_media_type");
            assert!(reply.set_cookies().is_empty());
        }
        let untyped = client.request("POST", &format!("/api/{name}")).body(body);
        assert_eq!(untyped.send().await.status, 415, "{name} without a type");
    }
    for kind in [JSON, "Application/JSON ; charset=utf-8"] {
        assert_eq!(post(&client, "notauth_func", kind, "{}").await.status, 200, "{kind}");
    }
}

/// `http/bodies.rs` tests that the body is refused unread and not stored.
#[tokio::test]
async fn a_body_of_more_than_64_kib_is_413_which_a_client_that_sends_it_all_still_reads() {
    let server = Server::shared();
    let user = server.user01().await;
    assert_eq!(user.json("/api/notauth_func", &object_of(65_536)).await.status, 200);
    for bytes in [65_537, 100_000, 1_000_000] {
        for name in ["notauth_func", "auth_func", "login", "logout"] {
            let reply = post(&user, name, JSON, object_of(bytes)).await;
            reply.assert_refused(413, "body_too_large");
            assert_eq!(reply.value()["limit"], 65_536);
        }
        let reply = server.client().json("/api/auth_func", &object_of(bytes)).await;
        reply.assert_refused(401, "not_logged_in");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_says_which_is_right() {
    let server = Server::shared();
    let client = server.user01().await;
    let methods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    for (number, function) in functions(&server).await.into_iter().enumerate() {
        // Each with two of them, and these with all.
        let is_tried_with_all = ["auth_func", "login", "logout"].contains(&&*function.name);
        for (at, method) in methods.into_iter().enumerate() {
            if !is_tried_with_all && (number + at) % 4 != 0 {
                continue;
            }
            let path = format!("/api/{}?user_id=user01&password=user_01", function.name);
            let reply = client.request(method, &path).send().await;
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.body);
            assert_eq!(reply.header("allow"), "POST", "{method} {path}");
            assert!(reply.set_cookies().is_empty(), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(reply.code(), "method_not_allowed", "{method} {path}");
            }
        }
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn an_unknown_path_under_api_is_404_in_json() {
    let server = Server::shared();
    let paths = "/api/ /api /api/nothing /api/auth_func/ /api/auth_func/x /api/%61uth_func /api/Auth_func \
                 /api/auth_func.json /api/..";
    for client in [server.client(), server.user01().await] {
        for path in paths.split_whitespace() {
            for method in ["POST", "GET"] {
                let request = client.request(method, path).header("accept", "text/html");
                request.json("{}").send().await.assert_refused(404, "unknown_function");
            }
        }
    }
}

#[tokio::test]
async fn the_api_answers_in_json_to_a_client_that_asks_for_a_page() {
    let server = Server::shared();
    let (anyone, user) = (server.client(), server.user01().await);
    let large = object_of(65_537);
    let wrong = r#"{"user_id":"user01","password":"wrong"}"#;
    let media = "unsupported_media_type";
    for (client, method, name, kind, body, status, code) in [
        (&anyone, "POST", "auth_func", JSON, "{}", 401, "not_logged_in"),
        (&anyone, "POST", "login", JSON, wrong, 401, "invalid_credentials"),
        (&anyone, "POST", "login", JSON, "{}", 422, "invalid_arguments"),
        (&user, "POST", "auth_func", JSON, "{}", 200, ""),
        (&user, "POST", "auth_func", JSON, "{", 400, "malformed_body"),
        (&user, "POST", "auth_func", "text/css", "{}", 415, media),
        (&user, "POST", "auth_func", JSON, &large, 413, "body_too_large"),
        (&user, "GET", "auth_func", JSON, "", 405, "method_not_allowed"),
        (&user, "POST", "nothing", JSON, "{}", 404, "unknown_function"),
    ] {
        for accept in ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png"] {
            let request = client
                .request(method, &format!("/api/{name}"))
                .header("content-type", kind);
            let page = "https://localhost/functions/auth_func";
            let request = request.header("accept", accept).header("referer", page);
            let reply = request.body(body).send().await;
            assert_eq!(reply.status, status, "{name} {accept}: {}", reply.body);
            assert_eq!(reply.find("location"), None);
            match status {
                200 => assert_eq!(reply.message(), "auth_func({}),user_id=user01"),
                _ => assert_eq!(reply.code(), code),
            }
        }
    }
}

#[tokio::test]
async fn the_contract_holds_over_http_2_too() {
    let server = Server::shared();
    let client = server.client();
    let call = async |path: &str, body: &str| client.request("POST", path).json(body).http2().send().await;
    call("/api/auth_func", "{}").await.assert_refused(401, "not_logged_in");
    let login = call("/api/login", r#"{"user_id":"user01","passwd_hash":"user_01"}"#).await;
    assert_eq!(login.message(), "user <user01> logined");
    let reply = call("/api/auth_func", r#"{"b":1,"a":2}"#).await;
    assert_eq!(reply.message(), r#"auth_func({"b":1,"a":2}),user_id=user01"#);
    assert_eq!(call("/api/logout", "").await.message(), "user <user01> logout");
    assert_eq!(call("/api/auth_func", "{}").await.status, 401);
    let large = call("/api/notauth_func", &object_of(70_000)).await;
    large.assert_refused(413, "body_too_large");
}
