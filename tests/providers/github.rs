//! Plain OAuth 2 as GitHub speaks it: no ID token, an account by its number.

use serde_json::{Value, json};

use super::{
    hostile::{Answer, Hostile, Issuer},
    steps::{SECRET, begin, callback, demo, failure, identities, is_fresh, link, users_of},
};
use crate::support::{
    client::{Client, Reply},
    server::Server,
};

fn section(issuer: &Issuer, more: &str) -> String {
    let (key, base) = (&issuer.key, &issuer.url);
    format!(
        "[[providers]]\nkey = \"{key}\"\nname = \"GitHub\"\nkind = \"github\"\nbase = \"{base}\"\nclient_id = \"callgate\"\n\
         client_secret_file = \"secret\"\n{more}\n"
    )
}

const TOKEN: &str = "/login/oauth/access_token";
const USER: &str = "/api/v3/user";
const EMAILS: &str = "/api/v3/user/emails";

fn token() -> Value {
    json!({"access_token": "canary-access-token", "token_type": "bearer", "scope": "read:user"})
}

/// Logs in as the account that the provider describes so.
async fn log_in(client: &Client, issuer: &Issuer, user: Value) -> Reply {
    issuer.answer(TOKEN, Answer::Json(200, token()));
    issuer.answer(USER, Answer::Json(200, user));
    finish(client, issuer).await
}

async fn finish(client: &Client, issuer: &Issuer) -> Reply {
    let departure = begin(client, &issuer.key).await;
    assert!(
        departure
            .url
            .as_str()
            .starts_with(&format!("{}/login/oauth/authorize?", issuer.url)),
        "{}",
        departure.url
    );
    assert!(!departure.parameters.contains_key("nonce"));
    assert_eq!(departure.parameter("code_challenge_method"), "S256");
    callback(
        client,
        &issuer.key,
        &[("code", "canary-code"), ("state", departure.state())],
    )
    .await
}

async fn site(more: &str) -> (Hostile, std::sync::Arc<Issuer>, Server) {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("github");
    let server = demo(&[section(&issuer, more)]).await;
    (hostile, issuer, server)
}

#[tokio::test]
async fn an_account_is_known_by_its_number_and_not_by_its_name() {
    let (_hostile, issuer, server) = site("").await;
    link(&server, "user01", "github", "583231").await;
    let client = server.client();
    log_in(&client, &issuer, json!({"id": 583_231, "login": "octocat"}))
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(identities(&client).await[0]["label"], "octocat");
    assert!(!is_fresh(&client).await, "it does not say when somebody logged in");
    assert!(!client.get("/confirm").await.shows("/confirm/with/github"));
    let requests = issuer.requests(TOKEN);
    assert!(requests[0].body.contains("code_verifier="), "{requests:?}");
    for request in issuer.requests(USER) {
        let head = request.head.to_ascii_lowercase();
        assert!(
            head.contains("user-agent:") && head.contains("bearer canary-access-token"),
            "{head}"
        );
        assert!(!request.head.contains(SECRET));
    }
    // Another account took the name.
    let other = server.client();
    let reply = log_in(&other, &issuer, json!({"id": 7, "login": "octocat"})).await;
    assert_eq!(failure(&reply).expect("another account").1, "no_account");
    log_in(&other, &issuer, json!({"id": 583_231, "login": "renamed"}))
        .await
        .assert_leads_to("/account");
}

#[tokio::test]
async fn an_answer_without_a_proper_number_logs_nobody_in() {
    let (_hostile, issuer, server) = site("provision = \"open\"").await;
    let client = server.client();
    for user in [
        json!({"login": "octocat"}),
        json!({"id": "583231", "login": "octocat"}),
        json!({"id": null}),
        json!({"id": -1}),
        json!({"id": 1.5}),
        json!({"id": [1]}),
        json!([]),
        json!({"message": "Bad credentials"}),
    ] {
        let reply = log_in(&client, &issuer, user.clone()).await;
        let (_, failed) = failure(&reply).unwrap_or_else(|| panic!("{user}"));
        assert!(
            ["refused", "unreachable"].contains(&failed.as_str()),
            "{user}: {failed}"
        );
    }
    issuer.answer(USER, Answer::Json(200, json!({"id": 1, "login": "octocat"})));
    for answer in [
        Answer::Json(
            200,
            json!({"error": "bad_verification_code", "error_description": "canary"}),
        ),
        Answer::Json(200, json!({"token_type": "bearer"})),
        Answer::Json(200, json!({"access_token": "", "token_type": "bearer"})),
        Answer::Json(200, json!({"access_token": "canary\r\nx: y", "token_type": "bearer"})),
        Answer::Text(
            200,
            "application/x-www-form-urlencoded",
            "access_token=canary&token_type=bearer".to_owned(),
        ),
        Answer::Json(401, json!({})),
    ] {
        issuer.answer(TOKEN, answer);
        assert!(failure(&finish(&client, &issuer).await).is_some());
    }
    assert_eq!(server.place.database().await.count("identities").await, 0);
    assert_eq!(client.who().await, None);
    assert!(!server.place.log().contains("canary"));
}

#[tokio::test]
async fn only_the_primary_verified_address_counts_for_a_rule() {
    let (_hostile, issuer, server) =
        site("provision = \"open\"\nallow = [{ email_domains = [\"example.org\"] }]").await;
    let address =
        |email: &str, primary: bool, verified: bool| json!({"email": email, "primary": primary, "verified": verified});
    for (number, (emails, allowed)) in [
        (json!([address("a@example.org", true, true)]), true),
        (
            json!([address("a@evil.org", false, true), address("a@example.org", true, true)]),
            true,
        ),
        (json!([address("a@example.org", true, false)]), false),
        (
            json!([address("a@example.org", false, true), address("a@evil.org", true, true)]),
            false,
        ),
        (json!([]), false),
        (json!({}), false),
        (
            json!([{"email": "a@example.org", "primary": "true", "verified": "true"}]),
            false,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        issuer.answer(EMAILS, Answer::Json(200, emails.clone()));
        let client = server.client();
        // What somebody writes into their profile is not verified.
        let user = json!({"id": number + 1, "login": "octocat", "email": "a@example.org", "email_verified": true});
        let reply = log_in(&client, &issuer, user).await;
        assert_eq!(failure(&reply).is_none(), allowed, "{emails}");
    }
    assert_eq!(users_of(&server, "1").await.len(), 1);
}
