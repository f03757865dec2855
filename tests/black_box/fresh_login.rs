//! Fresh logins: what wants the password once more, and how it is given. Security checks 32 and 45.

use crate::{
    client::{Client, REMEMBER, Reply, SESSION},
    server::{Place, QUICK, Server},
};

/// Refused by its guard or, where the guard lets it in, for its argument: it changes nothing either way.
async fn try_change(client: &Client) -> Reply {
    client.json("/api/change_password", r#"{"new_password":"x"}"#).await
}

pub async fn is_fresh(client: &Client) -> bool {
    let reply = try_change(client).await;
    match (reply.status, reply.code().as_str()) {
        (422, "invalid_arguments") => true,
        (403, "fresh_login_required") => false,
        _ => panic!("{}", reply.body),
    }
}

async fn confirm(client: &Client, password: &str) -> Reply {
    let body = serde_json::json!({ "password": password }).to_string();
    client.json("/api/confirm_login", &body).await
}

#[tokio::test]
async fn a_login_is_fresh_for_ten_minutes() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    assert!(is_fresh(&client).await);
    server.let_password_age("user01", 590).await;
    assert!(is_fresh(&client).await);
    server.let_password_age("user01", 10).await;
    assert!(!is_fresh(&client).await);
    assert!(client.who().await.is_some(), "it is a login all the same");
}

#[tokio::test]
async fn a_password_from_the_future_is_not_fresh() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    database
        .change("UPDATE sessions SET data = json_set(data, '$.login.password_at', json_extract(data, '$.login.password_at') + 86400000)")
        .await;
    assert!(!is_fresh(&client).await);
}

#[tokio::test]
async fn how_long_a_login_is_fresh_is_a_setting() {
    let mut settings = QUICK.to_vec();
    settings.push(("CALLGATE_SESSIONS_FRESH_SECONDS", "60"));
    let server = Place::new().demo(&settings).await;
    let client = server.user01().await;
    server.let_password_age("user01", 60).await;
    assert!(!is_fresh(&client).await);
}

/// security check 19, for a confirmation: it is an authentication, so the token changes (OWASP ASVS 7.2.4)
#[tokio::test]
async fn the_password_makes_a_login_fresh_again_under_a_new_token() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let before = client.session();
    let wrong = confirm(&client, "wrong").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (401, "invalid_credentials"));
    assert_eq!((client.session(), is_fresh(&client).await), (before.clone(), false));

    let right = confirm(&client, "user_01").await;
    assert_eq!(
        (right.status, right.message().as_str()),
        (200, "login of <user01> confirmed")
    );
    assert_ne!(client.session(), before);
    assert!(is_fresh(&client).await);
    assert_eq!(client.with_only(SESSION, &before).who().await, None);
    // Somebody else's password is none.
    assert_eq!(confirm(&client, "user_02").await.status, 401);
}

/// security check 32
#[tokio::test]
async fn a_remembered_browser_becomes_fresh_by_the_password_only_and_stays_remembered() {
    let server = Server::quick_demo().await;
    let client = server.client();
    client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    client.drop_cookie(SESSION);
    assert!(!is_fresh(&client).await);
    assert_eq!(confirm(&client, "user_01").await.status, 200);
    assert!(is_fresh(&client).await);
    client.drop_cookie(SESSION);
    assert!(client.cookie(REMEMBER).is_some());
    assert!(
        !is_fresh(&client).await,
        "restored once more, it is not fresh once more"
    );
}

#[tokio::test]
async fn a_confirmation_does_not_prolong_the_absolute_limit() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let mut database = server.place.database().await;
    let began = "SELECT logged_in_at FROM sessions";
    database.change("UPDATE sessions SET logged_in_at = logged_in_at - 3600000, data = json_set(data, '$.login.at', logged_in_at - 3600000)").await;
    let before = database.number(began).await;
    assert_eq!(confirm(&client, "user_01").await.status, 200);
    assert_eq!(database.number(began).await, before);
}

#[tokio::test]
async fn who_is_disabled_cannot_confirm() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    server.place.done(&["user", "disable", "user01"], "").await;
    let reply = confirm(&client, "user_01").await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
}

#[tokio::test]
async fn the_page_that_confirms_works_without_script() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let page = client.get("/confirm?next=/account").await;
    assert!(
        page.shows(r#"action="/confirm?next=/account""#) && page.shows("user01"),
        "{}",
        page.body
    );

    let wrong = client
        .form("/confirm", &[("next", "/account"), ("password", "canary")])
        .await;
    assert_eq!(wrong.status, 401);
    assert!(
        wrong.shows("Wrong password. Try again.") && !wrong.shows("canary"),
        "{}",
        wrong.body
    );
    assert!(
        wrong.shows(r#"name="next" value="/account""#),
        "the way on is kept: {}",
        wrong.body
    );

    let right = client
        .form("/confirm", &[("next", "/account"), ("password", "user_01")])
        .await;
    assert_eq!((right.status, right.header("location")), (303, "/account"));
    assert!(is_fresh(&client).await);
}

/// security check 76, for this page
#[tokio::test]
async fn after_a_confirmation_one_lands_on_a_page_of_this_site() {
    let server = Server::quick_demo().await;
    for hostile in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/confirm",
        "/api/logout",
    ] {
        let client = server.user01().await;
        let reply = client
            .form("/confirm", &[("next", hostile), ("password", "user_01")])
            .await;
        assert_eq!((reply.status, reply.header("location")), (303, "/"), "{hostile}");
    }
}

#[tokio::test]
async fn who_is_logged_out_is_led_to_the_login() {
    let server = Server::quick_demo().await;
    let client = server.client();
    let page = client.get("/confirm?next=/account").await;
    assert!(page.shows(r#"href="/login?next=/account""#), "{}", page.body);
    let reply = client
        .form("/confirm", &[("next", "/account"), ("password", "x")])
        .await;
    assert_eq!((reply.status, reply.header("location")), (303, "/login?next=/account"));
}
