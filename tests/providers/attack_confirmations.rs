//! Logins that claim to be fresh, and confirmations of a login that are none.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    forge::now,
    hostile::{Hostile, Issuer},
    steps::{
        Departure, Return, assert_failed, begin, begin_at, callback, demo, failure, is_fresh, link, log_in, log_in_as,
        section_of,
    },
    table::KNOWN,
};
use crate::support::{client::Client, server::Server};

async fn site(more: &str) -> (Hostile, Arc<Issuer>, Server) {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("example");
    let server = demo(&[section_of(&issuer, more)]).await;
    link(&server, "user02", "example", KNOWN).await;
    link(&server, "user01", "example", "other").await;
    (hostile, issuer, server)
}

#[tokio::test]
async fn a_login_by_a_provider_is_fresh_only_where_it_says_that_the_person_just_authenticated() {
    let (_hostile, issuer, server) = site("").await;
    for (auth_time, fresh) in [
        (json!(now()), true),
        (json!(now() - 30), true),
        (json!(now() - 3_600), false),
        (json!(0), false),
        (Value::Null, false),
    ] {
        let client = server.client();
        let claims = if auth_time.is_null() {
            json!({})
        } else {
            json!({"auth_time": auth_time})
        };
        log_in_as(&client, &issuer, KNOWN, &claims)
            .await
            .assert_leads_to("/account");
        assert_eq!(is_fresh(&client).await, fresh, "{auth_time}");
    }
    for auth_time in [json!(now() + 3_600), json!("1796008655"), json!(-1), json!(1e300)] {
        let client = server.client();
        let reply = log_in_as(&client, &issuer, KNOWN, &json!({"auth_time": auth_time})).await;
        let is_in = failure(&reply).is_none();
        assert!(!is_in || !is_fresh(&client).await, "{auth_time}");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_trusted_with_it_makes_no_login_fresh() {
    let (_hostile, issuer, server) = site("fresh = \"never\"").await;
    let client = server.client();
    log_in_as(&client, &issuer, KNOWN, &json!({"auth_time": now()}))
        .await
        .assert_leads_to("/account");
    assert!(!is_fresh(&client).await);
    let reply = client.form("/confirm/with/example", &[("next", "/account")]).await;
    assert_eq!(reply.find("refresh"), None, "{}", reply.body);
    assert!(!client.get("/confirm").await.shows("/confirm/with/example"));
}

/// A browser of user02 whose login is not fresh, and a confirmation that it has begun.
async fn begun(server: &Server, issuer: &Issuer) -> (Client, Departure) {
    let client = server.client();
    log_in(&client, issuer, KNOWN).await.assert_leads_to("/account");
    assert!(!is_fresh(&client).await);
    let departure = begin_confirmation(&client).await;
    (client, departure)
}

async fn begin_confirmation(client: &Client) -> Departure {
    begin_at(client, "/confirm/with/example", &[("next", "/account")]).await
}

#[tokio::test]
async fn a_confirmation_asks_the_provider_to_authenticate_again_and_believes_only_its_time() {
    let (_hostile, issuer, server) = site("").await;
    for (auth_time, expected) in [
        (json!(null), &["not_fresh", "refused"][..]),
        (json!(0), &["not_fresh"]),
        (json!(now() - 600), &["not_fresh"]),
        (json!(now() + 3_600), &["not_fresh", "refused"]),
        (json!(now().to_string()), &["not_fresh", "refused"]),
        (json!([now()]), &["not_fresh", "refused"]),
        (json!(-1), &["not_fresh", "refused"]),
    ] {
        let (client, departure) = begun(&server, &issuer).await;
        assert_eq!(departure.parameter("prompt"), "login");
        assert!(departure.parameter("max_age").parse::<u32>().unwrap() > 0);
        let before = client.session();
        let value = auth_time.clone();
        let reply = Return::of(&issuer, &departure, KNOWN)
            .attack(move |draft| {
                if !value.is_null() {
                    draft.claim("auth_time", value.clone());
                }
            })
            .open(&client)
            .await;
        let (path, failed) = failure(&reply).expect("a failure");
        assert!(
            path == "/confirm" && expected.contains(&failed.as_str()),
            "{auth_time}: {path} {failed}"
        );
        assert_failed(&client, &reply, "/confirm", &failed).await;
        assert!(!is_fresh(&client).await, "{auth_time}");
        assert_eq!(client.session(), before, "{auth_time}");
        assert_eq!(client.who().await.as_deref(), Some("user02"));
    }
    let (client, departure) = begun(&server, &issuer).await;
    let before = client.session();
    let reply = Return::of(&issuer, &departure, KNOWN)
        .claims(&json!({"auth_time": now()}))
        .open(&client)
        .await;
    reply.assert_leads_to("/account");
    assert!(is_fresh(&client).await);
    assert_ne!(client.session(), before, "the token changes");
}

#[tokio::test]
async fn a_confirmation_by_another_account_or_for_another_session_confirms_nothing() {
    let (_hostile, issuer, server) = site("").await;
    let fresh = json!({"auth_time": now()});
    let (client, departure) = begun(&server, &issuer).await;
    for (subject, departure) in [("other", departure), ("unknown", begin_confirmation(&client).await)] {
        let reply = Return::of(&issuer, &departure, subject)
            .claims(&fresh)
            .open(&client)
            .await;
        assert_failed(&client, &reply, "/confirm", "wrong_account").await;
        assert!(!is_fresh(&client).await);
        assert_eq!(client.who().await.as_deref(), Some("user02"));
    }

    // The session ended meanwhile, and another one of the same user has begun.
    let (client, departure) = begun(&server, &issuer).await;
    client.json("/api/logout", "{}").await;
    let reply = Return::of(&issuer, &departure, KNOWN)
        .claims(&fresh)
        .open(&client)
        .await;
    assert!(failure(&reply).is_some());
    assert_eq!(client.who().await, None, "a confirmation logs nobody in");
    let (client, departure) = begun(&server, &issuer).await;
    log_in(&client, &issuer, KNOWN).await.assert_leads_to("/account");
    let reply = Return::of(&issuer, &departure, KNOWN)
        .claims(&fresh)
        .open(&client)
        .await;
    assert!(failure(&reply).is_some());
    assert!(!is_fresh(&client).await);
}

#[tokio::test]
async fn a_login_or_an_earlier_confirmation_is_no_confirmation() {
    let (_hostile, issuer, server) = site("").await;
    let (client, departure) = begun(&server, &issuer).await;
    let code = Return::of(&issuer, &departure, KNOWN)
        .claims(&json!({"auth_time": now()}))
        .code();
    let query = [
        ("code", code.as_str()),
        ("state", departure.state()),
        ("iss", &issuer.url),
    ];
    callback(&client, "example", &query).await.assert_leads_to("/account");
    assert!(is_fresh(&client).await);
    server.let_password_age("user02", 3_600).await;
    assert!(!is_fresh(&client).await);
    callback(&client, "example", &query).await;
    assert!(!is_fresh(&client).await, "the same response again");
    // A login in the same browser by a session at the provider is not fresh, and takes the place of the other.
    let departure = begin(&client, "example").await;
    let claims = json!({"auth_time": now() - 3_600});
    Return::of(&issuer, &departure, KNOWN)
        .claims(&claims)
        .open(&client)
        .await
        .assert_leads_to("/account");
    assert!(!is_fresh(&client).await);
}

#[tokio::test]
async fn nobody_confirms_who_is_not_logged_in_and_nobody_by_an_account_that_is_not_linked() {
    let (_hostile, issuer, server) = site("").await;
    let reply = server
        .client()
        .form("/confirm/with/example", &[("next", "/account")])
        .await;
    assert_eq!(reply.status, 303);
    assert!(
        reply.header("location").starts_with("/login?next="),
        "{:?}",
        reply.find("location")
    );
    // user03 has no account there.
    let client = server.admin().await;
    server.let_password_age("user03", 3_600).await;
    let reply = client.form("/confirm/with/example", &[("next", "/account")]).await;
    if reply.status == 200 {
        let departure = super::steps::departure(&reply);
        let reply = Return::of(&issuer, &departure, KNOWN)
            .claims(&json!({"auth_time": now()}))
            .open(&client)
            .await;
        assert_eq!(failure(&reply).expect("not theirs").1, "wrong_account");
    }
    assert!(!is_fresh(&client).await);
    assert_eq!(client.who().await.as_deref(), Some("user03"));
}
