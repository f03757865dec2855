//! Responses that take too long, are too large or lead elsewhere.

use std::{convert::Infallible, future::pending};

use axum::{
    body::{Body, Bytes},
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION},
    response::Response,
};
use futures::{StreamExt as _, future::join_all, stream};
use serde_json::json;
use tokio::time::{Duration, sleep};

use super::provider::TestProvider;
use super::{super::AuthorizationRequest, login, outcome};

const METADATA: &str = "/.well-known/openid-configuration";

fn stream_of(chunk: &'static [u8], delay: Duration) -> Body {
    Body::from_stream(stream::repeat(()).then(move |()| async move {
        sleep(delay).await;
        Ok::<_, Infallible>(Bytes::from_static(chunk))
    }))
}

/// A well-formed response with one thing wrong.
fn hostile(attack: &str) -> Response {
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    let response = match attack {
        "large" => response.body(Body::from(format!("{{\"a\":\"{}\"}}", "a".repeat(1 << 20)))),
        "endless" => response.body(stream_of(&[b' '; 8192], Duration::ZERO)),
        "drip" => response.body(stream_of(b" ", Duration::from_millis(50))),
        "silent" => response.body(Body::from_stream(stream::once(pending::<Result<Bytes, Infallible>>()))),
        "redirect" => response.status(302).header(LOCATION, "/elsewhere").body(Body::empty()),
        "error" => response.status(500).body(Body::from("{}")),
        "compressed" => response.header(CONTENT_ENCODING, "gzip").body(Body::from("{}")),
        "html" => Response::builder()
            .header(CONTENT_TYPE, "text/html")
            .body(Body::from("<html>")),
        "no type" => Response::builder().body(Body::from("{}")),
        other => panic!("{other}"),
    };
    response.unwrap()
}

#[tokio::test]
async fn a_hostile_response_of_any_endpoint_is_bounded_and_followed_nowhere() {
    let token = json!({"access_token": "a", "token_type": "Bearer", "id_token": "x.y.z"});
    for attack in [
        "large",
        "endless",
        "drip",
        "silent",
        "redirect",
        "error",
        "compressed",
        "html",
        "no type",
    ] {
        let provider = TestProvider::start().await;
        provider.json("/token", token.clone());
        for path in ["/token", METADATA] {
            provider.reply(path, move || hostile(attack));
            assert_eq!(
                outcome(&login(&provider.impatient_client()).await),
                "unreachable",
                "{attack} at {path}"
            );
        }
        assert_eq!(provider.received("/elsewhere").len(), 0);
    }
}

#[tokio::test]
async fn a_provider_that_hangs_costs_only_its_own_logins() {
    let (hanging, other) = (TestProvider::start().await, TestProvider::start().await);
    hanging.reply("/token", || hostile("silent"));
    other.text("/token", 500, "application/json", "{}");
    let hanging = hanging.client_within("", Duration::from_secs(5), Duration::from_millis(100));
    let other = other.client("");
    hanging.requires_iss().await.unwrap();
    let logins = join_all((0..8).map(|_| login(&hanging)));
    let (outcomes, of_other) = tokio::join!(logins, login(&other));
    assert_eq!(outcome(&of_other), "unreachable");
    let count = |name: &str| outcomes.iter().filter(|result| outcome(result) == name).count();
    assert_eq!((count("unreachable"), count("busy")), (4, 4));
}

#[tokio::test]
async fn nothing_that_the_metadata_forbids_is_contacted() {
    let provider = TestProvider::start().await;
    let issuer = provider.issuer.as_str();
    let endpoints = |token: &str| {
        json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": token,
            "jwks_uri": format!("{issuer}/keys"),
        })
    };
    for token in [
        "http://169.254.169.254/token",
        "https://[fe80::1]/token",
        "ftp://127.0.0.1/token",
    ] {
        provider.json(METADATA, endpoints(token));
        assert_eq!(outcome(&login(&provider.client("")).await), "unreachable", "{token}");
    }
    let request = AuthorizationRequest {
        state: "s",
        nonce: "n",
        code_verifier: "v",
        reauthenticate: None,
        select_account: false,
    };
    provider.json(METADATA, endpoints("https://192.0.2.1/token"));
    provider.client("").authorization_url(&request).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_was_down_is_used_as_soon_as_it_is_back() {
    let provider = TestProvider::start().await;
    let limit = Duration::from_secs(5);
    let (client, metadata) = (provider.client_within("", limit, limit), provider.metadata());
    for attack in ["error", "silent", "html"] {
        provider.reply(METADATA, move || hostile(attack));
        assert_eq!(outcome(&client.requires_iss().await), "unreachable", "{attack}");
    }
    provider.json(METADATA, metadata);
    assert!(client.requires_iss().await.unwrap());
}
