//! Responses of the token endpoint, the UserInfo endpoint and GitHub's API, and the accounts that they make.

use serde_json::json;

use super::provider::{Signer, TestProvider};
use super::{super::signatures::Algorithm, login, outcome, set_id_token, set_keys, with};

#[tokio::test]
async fn userinfo_fills_the_gaps_of_the_id_token() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::RS256, "a"));
    set_keys(&provider, &[&signer]);
    let client = provider.client("allow = [{ claim = \"/groups\", value = \"a\" }]");
    set_id_token(&provider, &signer, &json!({"name": "Ann"}));
    provider.json(
        "/userinfo",
        json!({"sub": "1", "name": "Bob", "groups": ["a"], "iss": "x", "auth_time": 1}),
    );
    let account = login(&client).await.unwrap();
    assert_eq!(account.claim("/groups/0"), Some(&json!("a")));
    assert_eq!((account.text("/name"), account.auth_time), (Some("Ann"), None));
    assert_eq!(
        provider.received("/userinfo")[0].authorization.as_deref(),
        Some("Bearer access")
    );
    for (status, content_type, body, expected) in [
        (200, "application/json", r#"{"sub":"2"}"#, "userinfo_sub"),
        (200, "application/json", "{}", "userinfo_sub"),
        (200, "application/json", r#"{"sub":1}"#, "userinfo_sub"),
        (200, "application/json", r#"{"sub":"2","sub":"1"}"#, "userinfo_response"),
        (200, "application/jwt", "a.b.c", "unreachable"),
        (200, "text/html", "<html>", "unreachable"),
        (401, "application/json", "{}", "userinfo_status"),
        (500, "application/json", "{}", "unreachable"),
    ] {
        provider.text("/userinfo", status, content_type, body);
        assert_eq!(outcome(&login(&client).await), expected, "{status} {body}");
    }
    set_id_token(&provider, &signer, &json!({"groups": []}));
    login(&client).await.unwrap();
    let client = provider.client("userinfo = \"always\"");
    assert_eq!(outcome(&login(&client).await), "unreachable");
}

#[tokio::test]
async fn token_responses_that_must_be_refused() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::ES256, "a"));
    set_keys(&provider, &[&signer]);
    let client = provider.client("");
    let nested = "[".repeat(1000);
    for (status, body, expected) in [
        (200, r#"{"access_token":"a","token_type":"Bearer"}"#, "id_token"),
        (
            200,
            r#"{"access_token":"a","token_type":"Bearer","id_token":["x"]}"#,
            "id_token",
        ),
        (
            200,
            r#"{"access_token":"a","token_type":"mac","id_token":"x"}"#,
            "token_type",
        ),
        (200, r#"{"access_token":"a","id_token":"x"}"#, "token_type"),
        (200, r#"{"token_type":"Bearer","id_token":"x"}"#, "access_token"),
        (200, r#"{"access_token":"a\nb","token_type":"Bearer"}"#, "access_token"),
        (
            200,
            r#"{"access_token":"a","token_type":"bearer","id_token":"x"}"#,
            "token_parts",
        ),
        (200, r#"{"error":"bad_verification_code"}"#, "token_error_invalid_grant"),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"<script>"}"#,
            "token_error_invalid_grant",
        ),
        (401, r#"{"error":"invalid_client"}"#, "token_error_invalid_client"),
        (400, r#"{"error":"invalid_client\r\nforged"}"#, "token_error_other"),
        (400, "{}", "token_error_other"),
        (200, "[]", "token_response"),
        (200, r#"{"access_token":"a","access_token":"b"}"#, "token_response"),
        (200, "", "unreachable"),
        (200, &nested, "unreachable"),
        (302, "{}", "unreachable"),
        (500, "{}", "unreachable"),
    ] {
        provider.text("/token", status, "application/json;charset=UTF-8", body);
        assert_eq!(outcome(&login(&client).await), expected, "{status} {body}");
    }
    provider.text("/token", 400, "text/html", "<html>");
    assert_eq!(outcome(&login(&client).await), "unreachable");
}

#[tokio::test]
async fn github_accounts_are_identified_by_number() {
    let provider = TestProvider::start().await;
    let token = json!({"access_token": "access", "token_type": "bearer", "scope": "read:user"});
    provider.json("/login/oauth/access_token", token);
    let user = json!({"id": 583_231, "login": "octocat", "email": "a@example.org", "email_verified": true});
    provider.json("/api/v3/user", user.clone());
    let client = provider.client("kind = \"github\"");
    let account = login(&client).await.unwrap();
    assert_eq!(
        (account.subject.as_str(), account.text("/login")),
        ("583231", Some("octocat"))
    );
    assert_eq!((account.claim("/email_verified"), account.auth_time), (None, None));
    let rules = "kind = \"github\"\nallow = [{ email_domains = [\"example.org\"] }]";
    let emails = |primary: bool, verified: bool| {
        json!([
            {"email": "b@example.org", "primary": false, "verified": true},
            {"email": "c@example.org", "primary": primary, "verified": verified},
        ])
    };
    for (primary, verified, expected) in [
        (true, true, Some("c@example.org")),
        (true, false, None),
        (false, true, None),
    ] {
        provider.json("/api/v3/user/emails", emails(primary, verified));
        let account = login(&provider.client(rules)).await.unwrap();
        assert_eq!(account.text("/email"), expected);
        assert_eq!(account.claim("/email_verified").is_some(), expected.is_some());
    }
    provider.json("/api/v3/user", with(user, &json!({"id": "583231"})));
    assert_eq!(outcome(&login(&client).await), "github_id");
    provider.json(
        "/login/oauth/access_token",
        json!({"error": "incorrect_client_credentials"}),
    );
    assert_eq!(outcome(&login(&client).await), "token_error_invalid_client");
    assert!(
        client
            .end_session_url("https://localhost/logged-out", "s")
            .await
            .is_none()
    );
}

#[tokio::test]
async fn the_check_shows_what_is_wrong() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::ES256, "a"));
    set_keys(&provider, &[&signer]);
    let failures = async || {
        let results = provider.client("").check().await;
        results
            .into_iter()
            .filter_map(|check| Some((check.name, check.result.err()?)))
            .collect::<Vec<_>>()
    };
    provider.text("/token", 400, "application/json", r#"{"error":"invalid_grant"}"#);
    assert_eq!(failures().await, []);
    provider.text("/token", 401, "application/json", r#"{"error":"invalid_client"}"#);
    set_keys(&provider, &[]);
    let names: Vec<&str> = failures().await.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["keys", "client"]);
    provider.json(
        "/.well-known/openid-configuration",
        json!({"issuer": "https://other.example.org"}),
    );
    let [("metadata", problem)] = &failures().await[..] else {
        panic!("only the metadata");
    };
    assert!(problem.contains("missing field"), "{problem}");
}
