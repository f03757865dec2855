//! Metadata of a provider that lead somewhere else.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::{
    hostile::{Hostile, Issuer},
    steps::{demo, section_of},
    table::outcome,
};
use crate::support::server::Server;

/// The same login for a hostile set of metadata.
async fn start_fails(server: &Server, issuer: &Issuer, name: &str) {
    let client = server.client();
    let failed = outcome(&client, issuer).await.expect(name);
    assert!(
        ["unreachable", "refused"].contains(&failed.as_str()),
        "{name}: {failed}"
    );
    assert!(issuer.requests("/token").is_empty(), "{name}: the code was sent");
}

#[tokio::test]
async fn metadata_that_contradicts_the_settings_or_leads_elsewhere_makes_a_provider_unusable() {
    let hostile = Hostile::start().await;
    // A connection to the address that means "this machine" counts, too.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = hostile.issuer("x").url.trim_end_matches('x').to_owned();
    let public = "https://id.example.org";
    let rows: Vec<(&str, serde_json::Value)> = vec![
        ("issuer", json!("https://evil.example")),
        ("issuer", json!(null)),
        ("issuer", json!(format!("{url}meta-2/"))),
        ("issuer", json!([])),
        ("authorization_endpoint", json!(null)),
        ("authorization_endpoint", json!("http://id.example.org/authorize")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        ("authorization_endpoint", json!("https://user@id.example.org/authorize")),
        ("authorization_endpoint", json!("/authorize")),
        ("authorization_endpoint", json!(format!("{public}/authorize#fragment"))),
        ("token_endpoint", json!(null)),
        ("token_endpoint", json!("http://id.example.org/token")),
        ("token_endpoint", json!("file:///etc/passwd")),
        (
            "token_endpoint",
            json!(format!("https://user:password@127.0.0.1:{port}/token")),
        ),
        ("token_endpoint", json!(format!("http://0.0.0.0:{port}/token"))),
        ("token_endpoint", json!(format!("https://0.0.0.0:{port}/token"))),
        ("token_endpoint", json!(format!("https://[::]:{port}/token"))),
        ("token_endpoint", json!("http://169.254.169.254/token")),
        ("token_endpoint", json!("https://169.254.169.254/token")),
        ("token_endpoint", json!("https://[fe80::1]/token")),
        ("jwks_uri", json!(null)),
        ("jwks_uri", json!("ftp://id.example.org/jwks")),
        ("jwks_uri", json!(format!("https://0.0.0.0:{port}/jwks"))),
        ("response_types_supported", json!(["id_token"])),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("id_token_signing_alg_values_supported", json!(["none", "HS256"])),
    ];
    let issuers: Vec<Arc<Issuer>> = rows
        .iter()
        .enumerate()
        .map(|(number, (name, value))| {
            let issuer = hostile.issuer(&format!("meta-{number}"));
            issuer.metadata(name, value.clone());
            issuer
        })
        .collect();
    let sections: Vec<String> = issuers.iter().map(|issuer| section_of(issuer, "")).collect();
    let server = demo(&sections).await;
    let attempts = issuers.iter().zip(&rows).map(|(issuer, (name, value))| {
        let (server, label) = (&server, format!("{name} {value}"));
        async move {
            // The code may go to this issuer where only its keys are out of reach.
            if name == &"jwks_uri" || name == &"id_token_signing_alg_values_supported" {
                assert!(outcome(&server.client(), issuer).await.is_some(), "{label}");
            } else {
                start_fails(server, issuer, &label).await;
            }
        }
    });
    join_all(attempts).await;
    let connected = futures::FutureExt::now_or_never(listener.accept());
    assert!(
        connected.is_none(),
        "it connected to an address that is none of a provider"
    );
    assert_eq!(server.place.database().await.count("identities").await, 0);
    let log = server.place.log();
    assert!(
        log.contains("https://evil.example") && log.contains("meta-0"),
        "both issuers are in the log"
    );
}
