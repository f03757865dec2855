//! Logout tokens that a provider did not send, or that are for somebody else. None ends a session.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    forge::{Draft, Key, id_claims, sign_hs256},
    hostile::{Hostile, Issuer},
    steps::{SECRET, demo, link, log_in_as, section_of},
    table::KNOWN,
};
use crate::support::{
    client::{Client, Reply},
    effort,
    server::Server,
};

const PATH: &str = "/login/with/example/backchannel-logout";
const FORM: &str = "application/x-www-form-urlencoded";

async fn site(more: &str) -> (Hostile, Arc<Issuer>, Server) {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("example");
    let server = demo(&[section_of(&issuer, more)]).await;
    link(&server, "user02", "example", KNOWN).await;
    (hostile, issuer, server)
}

/// A browser that logged in while the provider called its session so.
async fn logged_in(server: &Server, issuer: &Issuer, sid: &str) -> Client {
    let client = server.client();
    log_in_as(&client, issuer, KNOWN, &json!({"sid": sid}))
        .await
        .assert_leads_to("/account");
    client
}

/// Sends a logout token as a provider does: without cookies, from nowhere.
async fn send(server: &Server, token: &str) -> Reply {
    let body = serde_urlencoded::to_string([("logout_token", token)]).unwrap();
    server.client().post(PATH, FORM, body).await
}

#[track_caller]
fn assert_invalid(reply: &Reply, name: &str) {
    assert_eq!(reply.status, 400, "{name}: {}", reply.body);
    assert_eq!(reply.value(), json!({"error": "invalid_request"}), "{name}");
    assert_eq!(reply.header("cache-control"), "no-store", "{name}");
    assert!(reply.set_cookies().is_empty());
}

/// A change of a logout token.
type Change = Box<dyn FnOnce(&mut Draft)>;

#[tokio::test]
async fn a_logout_token_that_is_not_the_providers_own_ends_nothing() {
    let (_hostile, issuer, server) = site("").await;
    let client = logged_in(&server, &issuer, "sid-1").await;
    let stranger = Key::ec("stranger");
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let claim = |name: &'static str, value: Value| -> Change { Box::new(move |draft| draft.claim(name, value)) };
    let header = |name: &'static str, value: Value| -> Change { Box::new(move |draft| draft.header(name, value)) };
    let without = |name: &'static str| -> Change { Box::new(move |draft| draft.without(name)) };
    let later = |name: &'static str, seconds: i64| -> Change { Box::new(move |draft| draft.later(name, seconds)) };
    let rows: Vec<(&str, Change)> = vec![
        (
            "no signature",
            Box::new(|draft| {
                draft.header("alg", "none");
                draft.sign_with(|_| String::new());
            }),
        ),
        (
            "the client's secret",
            Box::new(|draft| {
                draft.header("alg", "HS256");
                draft.sign_with(|message| sign_hs256(SECRET.as_bytes(), message));
            }),
        ),
        (
            "another key",
            Box::new(move |draft| draft.sign_with(move |message| stranger.sign(message))),
        ),
        ("an ID token's type", header("typ", json!("at+jwt"))),
        ("another issuer", claim("iss", json!("https://evil.example"))),
        ("another client", claim("aud", json!("other"))),
        ("no client", without("aud")),
        ("a nonce", claim("nonce", json!("canary"))),
        ("no events", without("events")),
        ("events as text", claim("events", json!(event))),
        ("an event as text", claim("events", json!({event: "canary"}))),
        (
            "another event",
            claim("events", json!({"https://example.org/event": {}})),
        ),
        ("no name", without("jti")),
        ("an empty name", claim("jti", json!(""))),
        ("a number as name", claim("jti", json!(7))),
        ("no time", without("iat")),
        ("the future", later("iat", 90)),
        ("eleven minutes ago", later("iat", -11 * 60)),
        ("no end", without("exp")),
        ("expired", later("exp", -120 - 61)),
        ("a day", later("exp", 86_400)),
        (
            "nobody",
            Box::new(|draft| {
                draft.without("sub");
                draft.without("sid");
            }),
        ),
        (
            "a subject that is a number",
            Box::new(|draft| {
                draft.without("sid");
                draft.claim("sub", 7);
            }),
        ),
        ("a list of sessions", claim("sid", json!(["sid-1"]))),
    ];
    for (number, (name, change)) in rows.into_iter().enumerate() {
        let token = issuer.logout_token(&format!("jti-{number}"), |draft| {
            draft.claim("sub", KNOWN);
            draft.claim("sid", "sid-1");
            change(draft);
        });
        assert_invalid(&send(&server, &token).await, name);
        assert_eq!(client.who().await.as_deref(), Some("user02"), "{name}");
    }
    // An ID token of the same person.
    let mut claims = id_claims(&issuer.url, KNOWN, "canary-nonce");
    claims.remove("nonce");
    claims.insert("sid".to_owned(), "sid-1".into());
    assert_invalid(
        &send(&server, &Draft::signed_by(&issuer.signing(), claims).token()).await,
        "an ID token",
    );
    assert_eq!(client.who().await.as_deref(), Some("user02"));
    // The right one.
    let token = issuer.logout_token("right", |draft| draft.claim("sid", "sid-1"));
    assert_eq!(send(&server, &token).await.status, 200);
    assert_eq!(client.who().await, None);
}

#[tokio::test]
async fn a_request_that_is_no_form_with_one_logout_token_is_refused() {
    let (_hostile, issuer, server) = site("").await;
    let client = logged_in(&server, &issuer, "sid-1").await;
    let token = issuer.logout_token("jti", |draft| draft.claim("sid", "sid-1"));
    let sender = server.client();
    for (kind, body) in [
        ("application/json", json!({"logout_token": token}).to_string()),
        ("text/plain", format!("logout_token={token}")),
        (FORM, String::new()),
        (FORM, "logout_token=".to_owned()),
        (FORM, format!("token={token}")),
        (FORM, format!("logout_token={token}&logout_token={token}")),
        (FORM, format!("logout_token={token}.canary")),
        (FORM, format!("logout_token={}", "x".repeat(20_000))),
        (FORM, "logout_token=%ff%fe".to_owned()),
    ] {
        let reply = sender.post(PATH, kind, body).await;
        assert!(
            [400, 413, 415].contains(&reply.status),
            "{kind}: {} {}",
            reply.status,
            reply.body
        );
    }
    let by_query = sender.post(&format!("{PATH}?logout_token={token}"), FORM, "").await;
    assert_invalid(&by_query, "in the address");
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        assert_eq!(sender.request(method, PATH).send().await.status, 405, "{method}");
    }
    for path in [
        "/login/with/other/backchannel-logout",
        "/login/with/../backchannel-logout",
    ] {
        let reply = sender.post(path, FORM, format!("logout_token={token}")).await;
        assert!([400, 404].contains(&reply.status), "{path}: {}", reply.status);
    }
    assert_eq!(client.who().await.as_deref(), Some("user02"));
}

#[tokio::test]
async fn a_logout_token_works_once_and_spares_later_logins() {
    let (_hostile, issuer, server) = site("").await;
    let first = logged_in(&server, &issuer, "sid-1").await;
    let other = logged_in(&server, &issuer, "sid-2").await;
    let by_password = server.logged_in("user02", "user_02").await;
    let token = issuer.logout_token("jti-1", |draft| draft.claim("sid", "sid-1"));
    assert_eq!(send(&server, &token).await.status, 200);
    assert_eq!(first.who().await, None);
    assert_eq!(other.who().await.as_deref(), Some("user02"), "another session there");
    // The provider gives the same session a second login here. Its old token must not end that.
    let again = logged_in(&server, &issuer, "sid-1").await;
    assert_invalid(&send(&server, &token).await, "used");
    assert_eq!(again.who().await.as_deref(), Some("user02"));

    // By the subject: all logins of before, not those of later, and not those by password.
    let early = issuer.logout_token("jti-2", |draft| {
        draft.claim("sub", KNOWN);
        draft.later("iat", -300);
    });
    assert_eq!(send(&server, &early).await.status, 200);
    assert_eq!(
        other.who().await.as_deref(),
        Some("user02"),
        "it logged in after the token was made"
    );
    let mut database = server.place.database().await;
    database.age_logins(5).await;
    let late = issuer.logout_token("jti-3", |draft| draft.claim("sub", KNOWN));
    assert_eq!(send(&server, &late).await.status, 200);
    assert_eq!((other.who().await, again.who().await), (None, None));
    assert_eq!(by_password.who().await.as_deref(), Some("user02"));
}

#[tokio::test]
async fn a_logout_of_somebody_unknown_is_answered_as_any_other() {
    let (_hostile, issuer, server) = site("").await;
    let client = logged_in(&server, &issuer, "sid-1").await;
    for (number, (name, value)) in [("sid", "sid-9"), ("sub", "nobody"), ("sid", "SID-1"), ("sub", "Known")]
        .into_iter()
        .enumerate()
    {
        let token = issuer.logout_token(&format!("jti-{number}"), |draft| draft.claim(name, value));
        let reply = send(&server, &token).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{name} {value}");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    // A session and a subject that do not belong together.
    let token = issuer.logout_token("jti-x", |draft| {
        draft.claim("sid", "sid-1");
        draft.claim("sub", "somebody");
    });
    assert_eq!(send(&server, &token).await.status, 200);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
}

#[tokio::test]
async fn a_provider_that_may_not_end_sessions_ends_none() {
    let (_hostile, issuer, server) = site("backchannel_logout = false").await;
    let client = logged_in(&server, &issuer, "sid-1").await;
    let token = issuer.logout_token("jti", |draft| draft.claim("sid", "sid-1"));
    let reply = send(&server, &token).await;
    assert!([400, 404].contains(&reply.status), "{}", reply.status);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
}

#[tokio::test]
async fn many_logout_tokens_with_unknown_keys_make_it_fetch_keys_once() {
    let (_hostile, issuer, server) = site("").await;
    let client = logged_in(&server, &issuer, "sid-1").await;
    let fetches = issuer.requests("/jwks").len();
    let stranger = Key::ec("stranger");
    let tokens = (0..effort::rounds(40, 400)).map(|number| {
        issuer.logout_token(&format!("jti-{number}"), |draft| {
            draft.claim("sid", "sid-1");
            draft.header("kid", format!("unknown-{number}"));
            let key = stranger.clone();
            draft.sign_with(move |message| key.sign(message));
        })
    });
    let tokens: Vec<String> = tokens.collect();
    for some in tokens.chunks(10) {
        for reply in join_all(some.iter().map(|token| send(&server, token))).await {
            assert_invalid(&reply, "an unknown key");
        }
    }
    assert!(issuer.requests("/jwks").len() <= fetches + 1);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
}
