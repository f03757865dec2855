//! Forms without script: log in, call, read the reply, log out.

use crate::support::{
    client::{CALL, Client, REMEMBER, Reply, SESSION},
    page::{assert_hides, assert_shows, code, unescaped},
    place::Place,
    server::Server,
    waiting_call::{AUTH, log_in, waiting},
};

const OPEN: &str = "/functions/notauth_func";
const RIGHT: [(&str, &str); 3] = [("next", "/"), ("user_id", "user01"), ("password", "user_01")];

async fn call(client: &Client, page: &str, arguments: &str) -> Reply {
    client.form(page, &[("arguments", arguments)]).await
}

/// What the JSON editor of a page holds, as browsers read it.
fn editor(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("<textarea").expect("an editor");
    let (_, rest) = rest.split_once('>').unwrap();
    let text = unescaped(rest.split_once("</textarea>").unwrap().0);
    text.strip_prefix('\n').unwrap_or(&text).to_owned()
}

#[tokio::test]
async fn a_login_leads_home_and_is_remembered_only_where_the_box_was_ticked() {
    let server = Server::shared();
    let page = server.client().get("/login").await;
    assert_shows(&page, &[r#"method="post""#, r#"action="/login"#]);
    for (ticked, cookies) in [(&[][..], &[SESSION][..]), (&[("remember", "on")], &[SESSION, REMEMBER])] {
        let client = server.client();
        let reply = client.form("/login", &[&RIGHT[..], ticked].concat()).await;
        reply.assert_leads_to("/");
        assert_eq!(reply.cookie_names(), cookies);
        let home = client.get("/").await;
        assert_shows(&home, &["Logged in as", "user01"]);
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
}

#[tokio::test]
async fn a_wrong_login_shows_the_form_again_with_the_name_but_not_the_password() {
    let client = Server::shared().client();
    for (user, password) in [("user01", "canary-one"), ("user99", "canary-two"), ("user01", "")] {
        let fields = [("next", AUTH), ("user_id", user), ("password", password)];
        let reply = client.form("/login", &fields).await;
        assert_eq!(reply.status, 401);
        assert!(reply.header("content-type").starts_with("text/html"));
        assert!(reply.set_cookies().is_empty());
        let values = [user, AUTH].map(|value| format!(r#"value="{value}""#));
        assert_shows(&reply, &["Wrong user or password. Try again.", &values[0], &values[1]]);
        assert_hides(&reply, &["canary"]);
    }
    assert_eq!(client.who().await, None);
}

#[tokio::test]
async fn a_call_shows_its_reply_on_its_own_page_until_the_next_call() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let typed = r#"{ "hello": "world" }"#;
    let reply = call(&client, AUTH, typed).await;
    reply.assert_leads_to(&format!("{AUTH}#reply"));
    assert_eq!((reply.status, reply.cookie_names()), (303, vec![CALL.to_owned()]));
    let page = client.get(AUTH).await;
    let msg = r#"auth_func({\"hello\":\"world\"}),user_id=user01"#;
    assert_shows(&page, &["200 OK"]);
    assert!(unescaped(&page.body).contains(msg), "{}", page.body);
    assert_eq!(editor(&page), typed);
    assert_hides(&client.get(OPEN).await, &["200 OK"]);
    call(&client, AUTH, r#"{"second":2}"#).await;
    let page = client.get(AUTH).await;
    assert_shows(&page, &["second"]);
    assert_hides(&page, &["hello\\\":\\\"world"]);
    assert_eq!(server.place.database().await.count("kept_calls").await, 1);

    let anyone = server.client();
    let reply = call(&anyone, OPEN, r#"{"a":1}"#).await;
    reply.assert_leads_to(&format!("{OPEN}#reply"));
    assert_shows(&anyone.get(OPEN).await, &["200 OK", "notauth_func({"]);
    assert_eq!(anyone.cookie(SESSION), None);
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_on_the_page_with_what_was_typed() {
    let server = Server::shared();
    let client = server.user01().await;
    // HTML drops the first line end of the last one.
    for typed in ["{\"a\":}", "", "\n\n[1]"] {
        assert_eq!(call(&client, AUTH, typed).await.status, 303);
        let page = client.get(AUTH).await;
        assert!(page.shows("400 Bad Request"), "{typed}: {}", page.body);
        assert!(typed.is_empty() || editor(&page) == typed, "{}", page.body);
    }
    let large = call(&client, AUTH, &"x".repeat(70_000)).await;
    assert_eq!(large.status, 413);
    assert!(large.header("content-type").starts_with("text/html"));
    assert_eq!(client.form("/functions/nothing", &[]).await.status, 404);
}

#[tokio::test]
async fn a_form_of_another_type_or_encoding_is_refused_on_a_page_and_nothing_is_done() {
    let client = Server::shared().client();
    for path in ["/login", "/functions/login"] {
        for kind in ["multipart/form-data; boundary=x", "text/plain", "application/json", ""] {
            let reply = client.post(path, kind, "user_id=user01&password=user_01").await;
            assert_eq!(reply.status, 415, "{path} {kind}: {}", reply.body);
            assert_shows(&reply, &["application/x-www-form-urlencoded"]);
            assert!(reply.set_cookies().is_empty());
        }
    }
    let form = "application/x-www-form-urlencoded; charset=utf-8";
    let reply = client.post("/login", form, b"user_id=\xff").await;
    assert_eq!(reply.status, 400);
    assert_shows(&reply, &["The form cannot be read: byte 8 is not UTF-8"]);
}

#[tokio::test]
async fn the_body_limit_is_a_setting_for_json_and_forms() {
    let server = Place::new().demo(&[("CALLGATE_LIMITS_BODY_BYTES", "100")]).await;
    let client = server.user01().await;
    assert_eq!(call(&client, AUTH, "{}").await.status, 303);
    assert_eq!(call(&client, AUTH, &"x".repeat(100)).await.status, 413);
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(100));
    assert_eq!(client.json("/api/auth_func", &body).await.status, 413);
}

#[tokio::test]
async fn a_reply_is_shown_to_its_own_browser_and_user_only() {
    let server = Server::demo().await;
    let client = server.user01().await;
    call(&client, AUTH, r#"{"secret":"canary-typed"}"#).await;
    assert!(client.get(AUTH).await.shows("canary-typed"));

    // Another browser of the same user, one of nobody, and the same one without the login or with that of another user.
    let kept = client.cookie(CALL).unwrap();
    let other = server.logged_in("user02", "user_02").await;
    other.put(CALL, &kept);
    for client in [
        server.user01().await,
        server.client(),
        client.with_only(CALL, &kept),
        other,
    ] {
        assert!(!client.get(AUTH).await.shows("canary"));
    }
    // Another user who logs in over it.
    let shared = client.clone();
    log_in(&shared, "user02", "/").await;
    assert_eq!(shared.who().await.as_deref(), Some("user02"));
    assert!(!shared.get(AUTH).await.shows("canary"));
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);
}

#[tokio::test]
async fn a_logout_leads_home_ends_the_session_and_leaves_nothing_of_a_call() {
    let server = Server::shared();
    for (path, target) in [("/logout", "/"), ("/functions/logout", "/functions/logout#reply")] {
        let client = server.user01().await;
        call(&client, AUTH, r#"{"secret":"canary-typed"}"#).await;
        assert!(client.get("/").await.shows(r#"action="/logout""#));
        let copied = client.clone();
        client.form(path, &[]).await.assert_leads_to(target);
        assert_eq!((client.cookie(SESSION), copied.who().await), (None, None));
        assert!(!client.get("/").await.shows("Logged in as"));
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
        log_in(&client, "user01", "/").await;
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
        client.put(CALL, &copied.cookie(CALL).unwrap());
        assert!(!client.get(AUTH).await.shows("canary"), "{path}");
        // Who is logged out already is led home as well.
        assert_eq!(copied.form("/logout", &[]).await.header("location"), "/");
    }
}

/// Fails where a page has an element that a hostile text would make, or a script that its policy does not allow.
fn assert_inert(page: &Reply, hostile: &str) {
    let markup = "<script>alert|<img src=x|<svg onload|<!--<script|</textarea><script";
    assert_hides(page, &markup.split('|').collect::<Vec<_>>());
    for tag in page.body.split('<').filter_map(|tag| tag.split('>').next()) {
        assert!(!tag.contains(r#"" onfocus="#), "{tag} after {hostile}");
    }
    let policy = page.header("content-security-policy");
    for script in page.body.split("<script").skip(1) {
        let tag = script.split('>').next().unwrap();
        let (_, nonce) = tag.split_once("nonce=\"").unwrap_or_else(|| panic!("{tag}"));
        let nonce = nonce.split('"').next().unwrap();
        assert!(policy.contains(&format!("'nonce-{nonce}'")), "{tag}");
    }
}

#[tokio::test]
async fn hostile_texts_are_inert_wherever_a_page_shows_what_was_typed() {
    let server = Server::shared();
    let stay = "/functions/quote_stay";
    let inputs = "arrival nights room extras discount contact.name contact.email wishes dog";
    for hostile in [
        r#"{"a":"</textarea></script></code></pre></select></option><script>alert(1)</script><img src=x onerror=alert(1)>"}"#,
        r#"{"</script><script>alert(1)</script>":"&lt;script&gt;<!--<script>"}"#,
        r#""><svg onload=alert(1)>' onfocus='alert(1)"#,
        r#"" onfocus="alert(1)" autofocus=""#,
        r#"{"a":"${alert(1)}`+'\u003c/script\u003e\u003cscript\u003ealert(1)"}"#,
    ] {
        let refused = server
            .client()
            .form("/login", &[("user_id", hostile), ("password", "wrong")])
            .await;
        assert_inert(&refused, hostile);
        let fields: Vec<(&str, &str)> = inputs.split(' ').map(|name| (name, hostile)).collect();
        for client in [server.client(), server.user01().await] {
            for (path, fields) in [(OPEN, &[("arguments", hostile)][..]), (stay, &fields)] {
                assert_eq!(client.form(path, fields).await.status, 303);
                let page = client.get(path).await;
                assert_inert(&page, hostile);
                assert!(path == stay || editor(&page) == hostile, "{}", page.body);
            }
        }
        let waiting = waiting(&server).await;
        call(&waiting, AUTH, hostile).await;
        log_in(&waiting, "user01", AUTH).await;
        let page = waiting.get(AUTH).await;
        assert_eq!(code(&page, "Arguments of the waiting call"), hostile);
        assert_inert(&page, hostile);
    }
}
