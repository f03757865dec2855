//! Logins with a provider on loopback.

use std::collections::HashMap;

use serde_json::{Value, json};
use tokio::time::Duration;

use super::provider::{CLIENT_ID, Signer, TestProvider};
use super::{
    super::{AuthorizationRequest, signatures::Algorithm},
    login, outcome, seconds, set_id_token, set_keys,
};
use crate::server::model::clock::Timestamp;

#[tokio::test]
async fn a_login_returns_the_verified_account() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::ES256, "a"));
    set_keys(&provider, &[&signer]);
    let auth_time = seconds() - 10;
    let fraction: Value = serde_json::from_str(&format!("{auth_time}.5")).unwrap();
    set_id_token(&provider, &signer, &json!({"auth_time": fraction, "sid": "session"}));
    let client = provider.client("");
    let account = login(&client).await.unwrap();
    assert_eq!(
        (account.subject.as_str(), account.sid.as_deref()),
        ("1", Some("session"))
    );
    assert_eq!(account.auth_time, Some(Timestamp(auth_time * 1000 + 500)));
    assert_eq!(account.text("/email"), Some("ann@example.org"));
    assert!(!account.claims.contains_key("nonce"));
    assert_eq!(provider.received("/userinfo").len(), 0, "no claim is missing");
    let form: HashMap<String, String> = serde_urlencoded::from_str(&provider.received("/token")[0].body).unwrap();
    assert_eq!(
        (form["code"].as_str(), form["code_verifier"].as_str()),
        ("the code", "verifier")
    );
    assert_eq!(form["client_id"], CLIENT_ID);
    assert!(client.requires_iss().await.unwrap());
    for path in ["/.well-known/openid-configuration", "/keys"] {
        login(&client).await.unwrap();
        assert_eq!(provider.received(path).len(), 1, "{path} is cached");
    }
}

#[tokio::test]
async fn an_unusable_auth_time_makes_no_fresh_login() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::ES256, "a"));
    set_keys(&provider, &[&signer]);
    let client = provider.client("");
    for auth_time in [
        json!(seconds() + 100),
        json!("1800000000"),
        json!(-1),
        json!(1e300),
        Value::Null,
    ] {
        set_id_token(&provider, &signer, &json!({ "auth_time": auth_time }));
        assert_eq!(login(&client).await.unwrap().auth_time, None, "{auth_time}");
    }
}

#[tokio::test]
async fn the_authorization_request_has_pkce_and_state() {
    let provider = TestProvider::start().await;
    let client = provider.client("extra = { acr_values = \"mfa\" }");
    let mut request = AuthorizationRequest {
        state: "the state",
        nonce: "the nonce",
        // RFC 7636, appendix B.
        code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        reauthenticate: None,
        select_account: false,
    };
    let url = client.authorization_url(&request).await.unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", provider.issuer)));
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", "https://localhost/login/with/example/callback"),
        ("scope", "openid profile email"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
        ("acr_values", "mfa"),
    ] {
        assert_eq!(query[name], value);
    }
    assert!(!query.contains_key("prompt"));
    request.reauthenticate = Some(Duration::from_mins(5));
    let url = client.authorization_url(&request).await.unwrap();
    assert!(url.as_str().contains("&prompt=login&max_age=300"));
    let url = client
        .end_session_url("https://localhost/logged-out", "s")
        .await
        .unwrap();
    assert!(
        url.as_str()
            .contains("post_logout_redirect_uri=https%3A%2F%2Flocalhost%2Flogged-out&state=s"),
        "{url}"
    );
}

#[tokio::test]
async fn the_client_authenticates_as_the_settings_or_the_metadata_say() {
    let (provider, signer) = (TestProvider::start().await, Signer::new(Algorithm::ES256, "a"));
    set_keys(&provider, &[&signer]);
    set_id_token(&provider, &signer, &json!({}));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "s:1\n").unwrap();
    let secret = format!("client_secret_file = \"{}\"", file.display());
    for (auth, is_basic) in [("auto", true), ("basic", true), ("post", false)] {
        let client = provider.client(&format!("client_auth = \"{auth}\"\n{secret}"));
        login(&client).await.unwrap();
        let request = provider.received("/token").pop().unwrap();
        assert_eq!(
            request.authorization.as_deref(),
            is_basic.then_some("Basic Y2FsbGdhdGU6cyUzQTE="),
            "{auth}"
        );
        assert_eq!(request.body.contains("client_secret=s%3A1"), !is_basic, "{auth}");
    }
    let client = provider.client(&format!("client_auth = \"post\"\n{secret}"));
    std::fs::write(&file, "new").unwrap();
    client.reload_secret();
    login(&client).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    client.reload_secret();
    login(&client).await.unwrap();
    for request in &provider.received("/token")[3..] {
        assert!(request.body.contains("client_secret=new"));
    }
}

#[tokio::test]
async fn changed_keys_are_fetched_once_a_minute() {
    let provider = TestProvider::start().await;
    let [old, new, unknown] = ["old", "new", "unknown"].map(|id| Signer::new(Algorithm::ES256, id));
    let client = provider.client("");
    set_keys(&provider, &[&old]);
    set_id_token(&provider, &unknown, &json!({}));
    assert_eq!(outcome(&login(&client).await), "key");
    assert_eq!(provider.received("/keys").len(), 1, "they were fetched for this login");
    set_id_token(&provider, &old, &json!({}));
    login(&client).await.unwrap();
    set_keys(&provider, &[&new]);
    set_id_token(&provider, &new, &json!({}));
    login(&client).await.unwrap();
    assert_eq!(provider.received("/keys").len(), 2);
    set_id_token(&provider, &unknown, &json!({}));
    for _ in 0..3 {
        assert_eq!(outcome(&login(&client).await), "key");
    }
    assert_eq!(provider.received("/keys").len(), 2);
}
