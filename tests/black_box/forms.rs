//! Forms without script: log in, call, read the reply, log out.

use crate::{
    client::{CALL, Client, REMEMBER, Reply, SESSION},
    server::{Place, Server},
};

const AUTH: &str = "/functions/auth_func";

async fn log_in(client: &Client, next: &str) -> Reply {
    client
        .form(
            "/login",
            &[("next", next), ("user_id", "user01"), ("password", "user_01")],
        )
        .await
}

async fn call(client: &Client, arguments: &str) -> Reply {
    client.form(AUTH, &[("arguments", arguments)]).await
}

/// Text as a page writes it.
fn written(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What the JSON editor of a page holds, as it is written there.
fn editor(page: &Reply) -> &str {
    let (_, rest) = page.body.split_once("<textarea").expect("an editor");
    let (_, rest) = rest.split_once('>').unwrap();
    let text = rest.split_once("</textarea>").unwrap().0;
    // As browsers read it.
    text.strip_prefix('\n').unwrap_or(text)
}

#[tokio::test]
async fn a_login_leads_home_and_is_remembered_only_where_the_box_was_ticked() {
    let server = Server::demo().await;
    let page = server.client().get("/login").await;
    assert_eq!(page.status, 200);
    assert!(
        page.shows(r#"method="post""#) && page.shows(r#"action="/login"#),
        "{}",
        page.body
    );
    for (ticked, cookies) in [(false, vec![SESSION]), (true, vec![SESSION, REMEMBER])] {
        let client = server.client();
        let mut fields = vec![("next", "/"), ("user_id", "user01"), ("password", "user_01")];
        if ticked {
            fields.push(("remember", "on"));
        }
        let reply = client.form("/login", &fields).await;
        assert_eq!((reply.status, reply.header("location")), (303, "/"));
        assert_eq!(reply.cookie_names(), cookies);
        let home = client.get("/").await;
        assert!(home.shows("Logged in as") && home.shows("user01"), "{}", home.body);
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
}

#[tokio::test]
async fn a_wrong_login_shows_the_form_again_with_the_name_but_not_the_password() {
    let server = Server::demo().await;
    let client = server.client();
    let mut bodies = Vec::new();
    for (user, password) in [("user01", "canary-one"), ("user99", "canary-two"), ("user01", "")] {
        let reply = client
            .form(
                "/login",
                &[
                    ("next", AUTH),
                    ("user_id", user),
                    ("password", password),
                    ("remember", "on"),
                ],
            )
            .await;
        assert_eq!(reply.status, 401);
        assert!(reply.header("content-type").starts_with("text/html"));
        assert!(reply.set_cookies().is_empty());
        assert!(reply.shows("Invalid user_id or password"), "{}", reply.body);
        assert!(reply.shows(&format!(r#"value="{user}""#)), "{}", reply.body);
        assert!(reply.shows(&format!(r#"value="{AUTH}""#)), "the way on is kept");
        assert!(!reply.shows("canary"), "{}", reply.body);
        bodies.push(reply.body);
    }
    assert_eq!(client.who().await, None);
}

/// security check 95, for a user name
#[tokio::test]
async fn a_hostile_user_name_is_inert_where_the_form_shows_it_again() {
    let server = Server::demo().await;
    for hostile in [
        r#""><script>alert(1)</script>"#,
        "</script><img src=x onerror=alert(1)>",
        "' onfocus=alert(1) autofocus='",
        "<!--<script>",
    ] {
        let reply = server
            .client()
            .form("/login", &[("user_id", hostile), ("password", "wrong")])
            .await;
        assert_eq!(reply.status, 401);
        for bad in [
            "<script>alert",
            "<img src=x",
            "<!--<script",
            "value=\"\"\"",
            "value=\"\">",
        ] {
            assert!(!reply.shows(bad), "{bad} after {hostile}: {}", reply.body);
        }
    }
}

/// security check 76
#[tokio::test]
async fn after_a_login_one_lands_on_a_page_of_this_site_or_at_home() {
    let server = Server::quick_demo().await;
    let long = format!("/{}", "a".repeat(2048));
    let own = format!("http://localhost:{}/", server.https.port());
    for hostile in [
        "https://evil.example",
        "https://evil.example/functions/auth_func",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "http:///evil.example",
        "https:evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://evil.example",
        "/\r\nLocation: https://evil.example",
        "%0d%0aLocation: https://evil.example",
        "/%0d%0aLocation:%20https://evil.example\u{0}",
        "evil.example",
        "@evil.example",
        "/é",
        "",
        "/api/logout",
        "/logout",
        "/login?next=//evil.example",
        &own,
        &long,
    ] {
        let client = server.client();
        let reply = log_in(&client, hostile).await;
        assert_eq!(reply.status, 303, "{hostile:?}");
        assert_eq!(reply.header("location"), "/", "{hostile:?}");
        assert_eq!(reply.find("refresh"), None);
        // The form that carries it on is no way around, either.
        let query = serde_urlencoded::to_string([("next", hostile)]).unwrap();
        let page = server.client().get(&format!("/login?{query}")).await;
        assert_eq!(page.status, 200, "{hostile:?}");
        let (_, field) = page.body.split_once(r#"name="next""#).expect("the field");
        assert!(
            field.trim_start().starts_with(r#"value="/""#),
            "{hostile:?}: {field:.80}"
        );
    }
    for good in [
        "/",
        AUTH,
        "/functions/auth_func?a=b",
        "/nothing-here",
        "/%E2%82%AC",
        "/a//b",
    ] {
        let reply = log_in(&server.client(), good).await;
        assert_eq!(reply.header("location"), good);
    }
}

#[tokio::test]
async fn a_call_shows_its_reply_on_the_page_that_follows() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let typed = r#"{ "hello": "world" }"#;
    let reply = call(&client, typed).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, &*format!("{AUTH}#reply"))
    );
    assert_eq!(reply.cookie_names(), [CALL]);
    let page = client.get(AUTH).await;
    assert_eq!(page.status, 200);
    assert!(page.shows("200 OK"), "{}", page.body);
    let msg = r#"auth_func({\"hello\":\"world\"}),user_id=user01"#;
    assert!(
        page.shows(msg) || page.shows(&msg.replace('"', "&quot;")),
        "{}",
        page.body
    );
    assert_eq!(editor(&page), typed);
    // It is shown with the function that was called, and nowhere else.
    assert!(!client.get("/functions/notauth_func").await.shows("200 OK"));
    // The next call takes its place.
    call(&client, r#"{"second":2}"#).await;
    let page = client.get(AUTH).await;
    assert!(
        page.shows("second") && !page.shows("hello\\\":\\\"world"),
        "{}",
        page.body
    );
    assert_eq!(server.place.database().await.count("kept_calls").await, 1);
}

#[tokio::test]
async fn anyone_calls_an_open_function() {
    let server = Server::demo().await;
    let client = server.client();
    let reply = client
        .form("/functions/notauth_func", &[("arguments", r#"{"a":1}"#)])
        .await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, "/functions/notauth_func#reply")
    );
    let page = client.get("/functions/notauth_func").await;
    assert!(page.shows("200 OK") && page.shows("notauth_func({"), "{}", page.body);
    assert_eq!(client.cookie(SESSION), None);
}

#[tokio::test]
async fn what_cannot_be_called_is_told_on_the_page_with_what_was_typed() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for (typed, told) in [
        ("{\"a\":}", "400 Bad Request"),
        ("", "400 Bad Request"),
        // HTML drops the first of them.
        ("\n\n[1]", "400 Bad Request"),
    ] {
        assert_eq!(call(&client, typed).await.status, 303);
        let page = client.get(AUTH).await;
        assert!(page.shows(told), "{typed}: {}", page.body);
        if !typed.is_empty() {
            assert_eq!(editor(&page), typed);
        }
    }
    // A form that is too large, and one that is none.
    let large = call(&client, &"x".repeat(70_000)).await;
    assert_eq!(large.status, 413);
    assert!(large.header("content-type").starts_with("text/html"));
    let broken = client
        .request("POST", AUTH)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(&b"arguments=\xff\xfe"[..])
        .send()
        .await;
    assert!([303, 400].contains(&broken.status), "{}", broken.status);
    let nothing = client.form("/functions/nothing", &[]).await;
    assert_eq!(nothing.status, 404);
}

/// security check 75
#[tokio::test]
async fn a_call_without_a_login_leads_through_the_login_and_back_with_the_arguments_typed() {
    let server = Server::demo().await;
    let client = server.client();
    let typed = "{\n  \"typed\": [1, 2]\n}";
    let reply = call(&client, typed).await;
    assert_eq!(reply.status, 303);
    let location = reply.header("location").to_owned();
    assert_eq!(location, "/login?next=/functions/auth_func");
    let page = client.get(&location).await;
    assert!(page.shows(r#"value="/functions/auth_func""#), "{}", page.body);

    let reply = log_in(&client, AUTH).await;
    assert_eq!(reply.header("location"), AUTH);
    let page = client.get(AUTH).await;
    assert_eq!(editor(&page), typed);
    assert!(
        page.shows("No call yet"),
        "the call was not made by itself: {}",
        page.body
    );
    assert!(!page.shows("200 OK"));
}

/// security check 75: the login is asked for, whatever the form holds
#[tokio::test]
async fn no_form_calls_a_guarded_function_without_a_login() {
    let server = Server::demo().await;
    let client = server.client();
    for name in ["auth_func", "logout", "current_user"] {
        for body in ["", "arguments=%7B%7D", "arguments=[", "x", "a=b&a=c"] {
            let reply = client
                .request("POST", &format!("/functions/{name}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
                .send()
                .await;
            assert_eq!(reply.status, 303, "{name} {body}");
            let location = format!("/login?next=/functions/{name}");
            assert_eq!(reply.header("location"), location, "{name} {body}");
            let page = client.get(&format!("/functions/{name}")).await;
            assert!(page.shows("No call yet"), "{name} {body}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn a_kept_call_is_seen_by_its_own_browser_and_user_only() {
    let server = Server::demo().await;
    let client = server.user01().await;
    call(&client, r#"{"secret":"canary-typed"}"#).await;
    assert!(client.get(AUTH).await.shows("canary-typed"));

    // Another browser of the same user, and one of nobody.
    assert!(!server.user01().await.get(AUTH).await.shows("canary"));
    assert!(!server.client().get(AUTH).await.shows("canary"));
    // The same browser without the login, or with that of another user.
    let copied = client.with_only(CALL, &client.cookie(CALL).unwrap());
    assert!(!copied.get(AUTH).await.shows("canary"));
    let other = server.logged_in("user02", "user_02").await;
    other.put(CALL, &client.cookie(CALL).unwrap());
    assert!(!other.get(AUTH).await.shows("canary"));

    // Another user who logs in over it.
    let shared = client.clone();
    shared
        .form("/login", &[("user_id", "user02"), ("password", "user_02")])
        .await;
    assert_eq!(shared.who().await.as_deref(), Some("user02"));
    assert!(!shared.get(AUTH).await.shows("canary"));
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);
}

#[tokio::test]
async fn nothing_of_a_call_is_left_after_the_logout() {
    let server = Server::demo().await;
    for path in ["/logout", "/functions/logout"] {
        let client = server.user01().await;
        call(&client, r#"{"secret":"canary-typed"}"#).await;
        let before = client.cookie(CALL).unwrap();
        client.form(path, &[]).await;
        assert_eq!(client.cookie(SESSION), None);
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
        log_in(&client, "/").await;
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
        client.put(CALL, &before);
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
    }
}

#[tokio::test]
async fn a_kept_call_is_let_go_after_ten_minutes() {
    let server = Server::demo().await;
    let client = server.user01().await;
    call(&client, r#"{"secret":"canary-typed"}"#).await;
    let mut database = server.place.database().await;
    database
        .change("UPDATE kept_calls SET expires_at = expires_at - 590000")
        .await;
    assert!(client.get(AUTH).await.shows("canary"));
    database
        .change("UPDATE kept_calls SET expires_at = expires_at - 10000")
        .await;
    assert!(!client.get(AUTH).await.shows("canary"));
}

/// security check 95
#[tokio::test]
async fn hostile_arguments_are_inert_on_the_page() {
    let server = Server::demo().await;
    for client in [server.client(), server.user01().await] {
        for hostile in [
            r#"{"a":"</textarea><script>alert(1)</script>"}"#,
            r#"{"a":"</script><script>alert(1)</script>"}"#,
            r#"{"a":"</code></pre><img src=x onerror=alert(1)>"}"#,
            r#"{"a":"<!--<script>"}"#,
            r#"{"</script><script>alert(1)</script>":"&lt;script&gt;"}"#,
            r"</textarea><script>alert(1)</script>",
            r#"{"a":"${alert(1)}`+'\u003c/script\u003e\u003cscript\u003ealert(1)"}"#,
        ] {
            let at = "/functions/notauth_func";
            client.form(at, &[("arguments", hostile)]).await;
            let page = client.get(at).await;
            assert_eq!(page.status, 200);
            assert_eq!(editor(&page), written(hostile), "what was typed is still there");
            for bad in ["<script>alert", "<img src=x", "<!--<script", "</textarea><script"] {
                assert!(!page.shows(bad), "{bad} after {hostile}: {}", page.body);
            }
            // Each script is one that the policy of this answer allows.
            let policy = page.header("content-security-policy");
            for script in page.body.split("<script").skip(1) {
                let tag = script.split('>').next().unwrap();
                let (_, nonce) = tag.split_once("nonce=\"").unwrap_or_else(|| panic!("{tag}"));
                let nonce = nonce.split('"').next().unwrap();
                assert!(policy.contains(&format!("'nonce-{nonce}'")), "{tag}");
            }
        }
    }
}

#[tokio::test]
async fn the_login_function_called_by_its_form_keeps_no_password() {
    let server = Server::demo().await;
    let client = server.client();
    for (password, status) in [("canary-wrong", "401 Unauthorized"), ("user_01", "200 OK")] {
        let reply = client
            .form("/functions/login", &[("user_id", "user01"), ("password", password)])
            .await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, "/functions/login#reply")
        );
        let page = client.get("/functions/login").await;
        assert!(page.shows(status), "{}", page.body);
        assert!(!page.shows("canary"), "{}", page.body);
        let kept = server.place.database().await.text("SELECT call FROM kept_calls").await;
        assert!(!kept.contains(password), "{kept}");
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_logout_leads_home_and_ends_the_session() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let copied = client.clone();
    let home = client.get("/").await;
    assert!(home.shows(r#"action="/logout""#), "{}", home.body);
    let reply = client.form("/logout", &[]).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/"));
    assert_eq!(client.cookie(SESSION), None);
    assert_eq!(copied.who().await, None);
    assert!(!client.get("/").await.shows("Logged in as"));
    // Who is logged out already is led home as well.
    let reply = copied.form("/logout", &[]).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/"));
}

#[tokio::test]
async fn what_the_body_limit_allows_as_json_is_a_setting_for_forms_too() {
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_LIMITS_BODY_BYTES", "100")]).await;
    let client = server.user01().await;
    assert_eq!(call(&client, "{}").await.status, 303);
    assert_eq!(call(&client, &"x".repeat(100)).await.status, 413);
    let reply = client
        .json("/api/auth_func", &format!(r#"{{"a":"{}"}}"#, "x".repeat(100)))
        .await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn a_form_of_another_type_is_415_on_a_page_and_nothing_is_done() {
    let server = Server::demo().await;
    let client = server.client();
    let fields = "user_id=user01&password=user_01";
    for path in ["/login", "/functions/login"] {
        for kind in ["multipart/form-data; boundary=x", "text/plain", "application/json", ""] {
            let reply = client
                .request("POST", path)
                .header("content-type", kind)
                .body(fields)
                .send()
                .await;
            assert_eq!(reply.status, 415, "{path} {kind}: {}", reply.body);
            assert!(reply.shows("application/x-www-form-urlencoded"), "{}", reply.body);
            assert!(reply.set_cookies().is_empty());
        }
    }
    // Which bytes are no text is told as what they are: no JSON is spoken of.
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let garbled = client.request("POST", "/login").header("content-type", form);
    let reply = garbled.body(b"user_id=\xff".as_slice()).send().await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.shows("The form cannot be read: byte 8 is not UTF-8"),
        "{}",
        reply.body
    );
}
