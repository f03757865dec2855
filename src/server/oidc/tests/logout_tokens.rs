//! Logout tokens that must be refused, by the check that refuses them.

use serde_json::{Value, json};

use super::provider::{CLIENT_ID, Signer};
use super::{
    super::{claims::Claims, jwt::Jwt, logout_token, signatures::Algorithm},
    outcome, with,
};
use crate::server::model::clock::Timestamp;

const ISSUER: &str = "https://id.example.org";
const NOW: i64 = 1_800_000_000;

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT_ID, "iat": NOW, "exp": NOW + 120, "jti": "bWJq", "sub": "248289761001", "sid": "08a5019c",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    })
}

#[test]
fn hostile_claims() {
    for (changes, expected) in [
        (json!({}), "ok"),
        (json!({"sub": null}), "ok"),
        (json!({"sid": null}), "ok"),
        (json!({"sub": null, "sid": null}), "sub"),
        (json!({"sub": 1}), "sub"),
        (json!({"sid": ""}), "sid"),
        (json!({"iss": "https://evil.example.org"}), "iss"),
        (json!({"aud": "other"}), "aud"),
        (json!({"iat": null}), "iat"),
        (json!({"iat": NOW - 601}), "iat"),
        (json!({"exp": null}), "exp"),
        (json!({"exp": NOW - 61}), "exp"),
        (json!({"exp": NOW + 600}), "ok"),
        (json!({"exp": NOW + 601}), "lifetime"),
        (json!({"events": null}), "events"),
        (
            json!({"events": "http://schemas.openid.net/event/backchannel-logout"}),
            "events",
        ),
        (
            json!({"events": {"http://schemas.openid.net/event/backchannel-logout": true}}),
            "events",
        ),
        (json!({"events": {"other": {}}}), "events"),
        (json!({"nonce": "n"}), "nonce"),
        (json!({"jti": null}), "jti"),
        (json!({"jti": ""}), "jti"),
        (json!({"jti": "j".repeat(256)}), "jti"),
    ] {
        let Value::Object(claims) = with(claims(), &changes) else {
            panic!("an object");
        };
        let result = logout_token::check(&Claims::new(claims), ISSUER, CLIENT_ID, Timestamp(NOW * 1000));
        assert_eq!(outcome(&result), expected, "{changes}");
    }
}

#[test]
fn types() {
    let signer = Signer::new(Algorithm::EdDSA, "a");
    for (typ, expected) in [
        (json!("logout+jwt"), "ok"),
        (json!("JWT"), "ok"),
        (Value::Null, "ok"),
        (json!("at+jwt"), "typ"),
        (json!("secevent+jwt"), "typ"),
    ] {
        let token = signer.token(&with(signer.header(), &json!({ "typ": typ })), &claims());
        assert_eq!(outcome(&Jwt::parse(&token, &logout_token::TYPES)), expected);
    }
}
