//! Hostile tokens and hostile responses.

mod accounts;
mod hostile_responses;
mod id_tokens;
mod logins;
mod logout_tokens;
pub mod provider;

use serde_json::{Value, json};

use self::provider::{CLIENT_ID, Signer, TestProvider};
use super::{Account, CodeResponse, Provider, ProviderError};
use crate::server::model::clock::Timestamp;

/// An object with some members changed. `null` removes a member.
fn with(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.retain(|other, _| other != name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

/// The name of the check that failed, or `ok`.
fn outcome<T>(result: &Result<T, ProviderError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(ProviderError::Refused { check }) => check,
        Err(ProviderError::Unreachable { .. }) => "unreachable",
        Err(ProviderError::Busy) => "busy",
    }
}

fn seconds() -> i64 {
    Timestamp::now().0 / 1000
}

/// Makes the provider's next logins return an ID token with these changes to its claims.
fn set_id_token(provider: &TestProvider, signer: &Signer, changes: &Value) {
    let claims = json!({
        "iss": provider.issuer, "aud": CLIENT_ID, "sub": "1", "nonce": "nonce", "exp": seconds() + 300, "iat": seconds(),
        "email": "ann@example.org",
    });
    let id_token = signer.token(&signer.header(), &with(claims, changes));
    provider.json(
        "/token",
        json!({"access_token": "access", "token_type": "Bearer", "id_token": id_token}),
    );
}

fn set_keys(provider: &TestProvider, signers: &[&Signer]) {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    provider.json("/keys", json!({ "keys": keys }));
}

async fn login(client: &Provider) -> Result<Account, ProviderError> {
    let response = CodeResponse {
        code: "the code",
        nonce: "nonce",
        code_verifier: "verifier",
        now: Timestamp::now(),
    };
    client.account(&response).await
}
