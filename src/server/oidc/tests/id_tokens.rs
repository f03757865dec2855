//! ID tokens that must be refused, by the check that refuses them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm as Jwa, EncodingKey, crypto};
use serde_json::{Value, json};

use super::provider::{CLIENT_ID, Signer};
use super::{
    super::{
        ProviderError,
        id_token::{self, Expected},
        jwt::Jwt,
        keys::KeySet,
        signatures::Algorithm,
    },
    outcome, with,
};
use crate::server::model::clock::Timestamp;

const ISSUER: &str = "https://id.example.org";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
const NOW: i64 = 1_800_000_000;

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "248289761001", "nonce": "n-0S6_WzA2Mj", "exp": NOW + 300, "iat": NOW,
    })
}

/// Checks a token as a client does that has these keys.
fn check(token: &str, signers: &[&Signer]) -> &'static str {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    let keys = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let result = (|| {
        let jwt = Jwt::parse(token, &id_token::TYPES)?;
        let algorithm = jwt.algorithm(&[Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA])?;
        let key = keys
            .find(algorithm, jwt.key_id())
            .ok_or(ProviderError::Refused { check: "key" })?;
        let expected = Expected {
            issuer: ISSUER,
            client_id: CLIENT_ID,
            nonce: "n-0S6_WzA2Mj",
            access_token: ACCESS_TOKEN,
            now: Timestamp(NOW * 1000),
        };
        id_token::check(&jwt.verify(key, algorithm)?, algorithm, &expected)
    })();
    outcome(&result)
}

#[test]
fn sound_tokens_of_each_kind_of_key_are_accepted() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let signer = Signer::new(algorithm, "a");
        let other = Signer::new(Algorithm::ES384, "a");
        assert_eq!(
            check(&signer.token(&signer.header(), &claims()), &[&signer, &other]),
            "ok"
        );
    }
}

#[test]
fn hostile_headers() {
    let signer = Signer::new(Algorithm::ES256, "a");
    let attacker = Signer::new(Algorithm::ES256, "a");
    let rsa = Signer::new(Algorithm::RS256, "rsa");
    for (changes, expected) in [
        (json!({"alg": "none"}), "alg"),
        (json!({"alg": "None"}), "alg"),
        (json!({"alg": "nOnE"}), "alg"),
        (json!({"alg": null}), "alg"),
        (json!({"alg": ["ES256"]}), "alg"),
        (json!({"alg": "HS256"}), "alg"),
        (json!({"alg": "ES384"}), "alg"),
        (json!({"alg": "RS256"}), "key"),
        (json!({"alg": "RS256", "kid": "rsa"}), "signature"),
        (json!({"alg": "EdDSA"}), "key"),
        (json!({"kid": "b"}), "key"),
        (json!({"kid": null}), "ok"),
        (json!({"kid": 1}), "kid"),
        (json!({"crit": ["exp"], "exp": 1}), "crit"),
        (json!({"crit": []}), "crit"),
        (json!({"b64": false, "crit": ["b64"]}), "crit"),
        (json!({"b64": true}), "crit"),
        (json!({"typ": "JWT"}), "ok"),
        (json!({"typ": "jwt"}), "ok"),
        (json!({"typ": "logout+jwt"}), "typ"),
        (json!({"typ": "at+jwt"}), "typ"),
        (json!({"typ": 1}), "typ"),
    ] {
        let token = signer.token(&with(signer.header(), &changes), &claims());
        assert_eq!(check(&token, &[&signer, &rsa]), expected, "{changes}");
    }
    // The attacker's own key, or where to find it.
    for header in [
        json!({"jwk": attacker.jwk()}),
        json!({"jku": "https://evil.example.org/keys"}),
        json!({"x5u": "https://evil.example.org/certificate"}),
        json!({"x5c": ["MIIB"]}),
        json!({}),
    ] {
        let token = attacker.token(&with(attacker.header(), &header), &claims());
        assert_eq!(check(&token, &[&signer]), "signature", "{header}");
    }
    // Two keys fit a token without a key id.
    let token = signer.token(&json!({"alg": "ES256"}), &claims());
    let second = Signer::new(Algorithm::ES256, "b");
    assert_eq!(check(&token, &[&signer, &second]), "key");
    assert_eq!(check(&token, &[]), "key");
}

#[test]
fn secrets_that_are_public_sign_nothing() {
    let rsa = Signer::new(Algorithm::RS256, "rsa");
    let jwk = rsa.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [jwk.to_string().as_bytes(), &modulus, b"client secret"] {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"rsa"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
        let key = EncodingKey::from_secret(secret).unwrap();
        let signature = crypto::sign(message.as_bytes(), &key, Jwa::HS256).unwrap();
        assert_eq!(check(&format!("{message}.{signature}"), &[&rsa]), "alg");
    }
}

#[test]
fn broken_tokens() {
    let signer = Signer::new(Algorithm::ES256, "a");
    let token = signer.token(&signer.header(), &claims());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    let other = URL_SAFE_NO_PAD.encode(with(claims(), &json!({"sub": "admin"})).to_string());
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let flipped = URL_SAFE_NO_PAD.encode([&[raw[0] ^ 1][..], &raw[1..]].concat());
    // The other form of ECDSA signatures, of variable length.
    let der = |part: &[u8]| [&[2, 33, 0][..], part].concat();
    let der = [&[0x30, 70][..], &der(&raw[..32]), &der(&raw[32..])].concat();
    for (token, expected) in [
        (String::new(), "token_parts"),
        (format!("{header}.{payload}"), "token_parts"),
        (format!("{token}."), "token_parts"),
        (format!("{token}.a.b"), "token_parts"),
        (format!("{header}=.{payload}.{signature}"), "token_encoding"),
        (format!("{header}. {payload}.{signature}"), "token_encoding"),
        (format!("{header}.{payload}.{signature}\n"), "token_encoding"),
        (format!("{header}.{payload}.+/{signature}"), "token_encoding"),
        (format!("{payload}.{payload}.{signature}"), "alg"),
        (format!("{header}..{signature}"), "token_claims"),
        (format!(".{payload}.{signature}"), "token_header"),
        (format!("{header}.{other}.{signature}"), "signature"),
        (format!("{header}.{payload}."), "signature"),
        (format!("{header}.{payload}.{}", &signature[..84]), "signature"),
        (format!("{header}.{payload}.{flipped}"), "signature"),
        (format!("{header}.{payload}.{}", "A".repeat(86)), "signature"),
        (
            format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(der)),
            "signature",
        ),
        (format!("{header}.{payload}.{}", "A".repeat(16 * 1024)), "token_size"),
    ] {
        assert_eq!(check(&token, &[&signer]), expected, "{token}");
    }
    let header = signer.header().to_string();
    for (header, claims, expected) in [
        (r#"{"alg":"none","alg":"ES256","kid":"a"}"#, "{}", "token_header"),
        ("[]", "{}", "token_header"),
        (&header, "[]", "token_claims"),
        (&header, r#"{"aud":"callgate","aud":"other"}"#, "token_claims"),
        (&header, r#"{"sub":"1","s\u0075b":"2"}"#, "token_claims"),
        (&header, r#"{"exp":NaN}"#, "token_claims"),
        (&header, &("[".repeat(1000) + &"]".repeat(1000)), "token_claims"),
    ] {
        assert_eq!(
            check(&signer.token_of_texts(header, claims), &[&signer]),
            expected,
            "{claims}"
        );
    }
}

#[test]
fn hostile_claims() {
    let signer = Signer::new(Algorithm::EdDSA, "a");
    for (changes, expected) in [
        (json!({"iss": "https://evil.example.org"}), "iss"),
        (json!({"iss": "https://id.example.org/"}), "iss"),
        (json!({"iss": "https://ID.example.org"}), "iss"),
        (json!({"iss": [ISSUER]}), "iss"),
        (json!({"iss": null}), "iss"),
        (json!({"aud": "other"}), "aud"),
        (json!({"aud": "Callgate"}), "aud"),
        (json!({"aud": []}), "aud"),
        (json!({"aud": null}), "aud"),
        (json!({"aud": {"callgate": true}}), "aud"),
        (json!({"aud": ["other"]}), "aud"),
        (json!({"aud": [CLIENT_ID, 1]}), "aud"),
        (json!({"aud": [CLIENT_ID]}), "ok"),
        (json!({"aud": [CLIENT_ID, "other"]}), "azp"),
        (json!({"aud": [CLIENT_ID, "other"], "azp": "other"}), "azp"),
        (json!({"aud": ["other", CLIENT_ID], "azp": CLIENT_ID}), "ok"),
        (json!({"azp": "other"}), "azp"),
        (json!({"azp": [CLIENT_ID]}), "azp"),
        (json!({"azp": CLIENT_ID}), "ok"),
        (json!({"exp": NOW - 60}), "exp"),
        (json!({"exp": NOW - 59}), "ok"),
        (json!({"exp": 1_800_000_000.5}), "ok"),
        (json!({"exp": null}), "exp"),
        (json!({"exp": (NOW + 300).to_string()}), "exp"),
        (json!({"exp": 1e300}), "exp"),
        (json!({"exp": 253_402_300_800_i64}), "exp"),
        (json!({"exp": -1}), "exp"),
        (json!({"iat": NOW + 60}), "ok"),
        (json!({"iat": NOW + 61}), "iat"),
        (json!({"iat": NOW - 600}), "ok"),
        (json!({"iat": NOW - 601}), "iat"),
        (json!({"iat": 1_799_999_999.75}), "ok"),
        (json!({"iat": null}), "iat"),
        (json!({"iat": NOW.to_string()}), "iat"),
        (json!({"nbf": NOW + 60}), "ok"),
        (json!({"nbf": NOW + 61}), "nbf"),
        (json!({"nbf": "now"}), "nbf"),
        (json!({"nonce": null}), "nonce"),
        (json!({"nonce": "n-0S6_WzA2MJ"}), "nonce"),
        (json!({"nonce": ""}), "nonce"),
        (json!({"nonce": ["n-0S6_WzA2Mj"]}), "nonce"),
        (json!({"sub": null}), "sub"),
        (json!({"sub": ""}), "sub"),
        (json!({"sub": 248_289_761_001_i64}), "sub"),
        (json!({"sub": "a".repeat(255)}), "ok"),
        (json!({"sub": "a".repeat(256)}), "sub"),
        (json!({"sub": "é".repeat(128)}), "sub"),
        (json!({"sub": "a\u{0}"}), "sub"),
        (json!({"sub": "a\r\nb"}), "sub"),
        (json!({"sub": "a\u{202e}b"}), "sub"),
        (json!({"sub": "a\u{200b}b"}), "sub"),
        (json!({"at_hash": "AAAA"}), "at_hash"),
        (json!({"at_hash": 1}), "at_hash"),
        (json!({"at_hash": ""}), "at_hash"),
    ] {
        let token = signer.token(&signer.header(), &with(claims(), &changes));
        assert_eq!(check(&token, &[&signer]), expected, "{changes}");
    }
}

/// The access token and its hash are those of OpenID Connect Core 1.0, appendix A.3.
#[test]
fn the_hash_of_the_access_token_is_compared() {
    let signer = Signer::new(Algorithm::RS256, "a");
    let token = signer.token(
        &signer.header(),
        &with(claims(), &json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})),
    );
    assert_eq!(check(&token, &[&signer]), "ok");
    // SHA-512 belongs to EdDSA.
    let signer = Signer::new(Algorithm::EdDSA, "a");
    let token = signer.token(
        &signer.header(),
        &with(claims(), &json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"})),
    );
    assert_eq!(check(&token, &[&signer]), "at_hash");
}

#[test]
fn the_first_failed_check_is_named() {
    let signer = Signer::new(Algorithm::ES256, "a");
    let mut wrong = json!({
        "iss": "x", "aud": "x", "exp": 1, "iat": 1, "nbf": "x", "nonce": "x", "sub": "", "at_hash": "x",
    });
    for (name, right) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(CLIENT_ID)),
        ("exp", json!(NOW + 300)),
        ("iat", json!(NOW)),
        ("nbf", json!(NOW)),
        ("nonce", json!("n-0S6_WzA2Mj")),
        ("sub", json!("1")),
        ("at_hash", Value::Null),
    ] {
        assert_eq!(check(&signer.token(&signer.header(), &wrong), &[&signer]), name);
        wrong = with(wrong, &json!({ name: right }));
    }
    assert_eq!(check(&signer.token(&signer.header(), &wrong), &[&signer]), "ok");
}
