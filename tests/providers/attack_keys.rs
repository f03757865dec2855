//! Keys of a provider that are weak, not for signatures, or new.

use serde_json::{Value, json};

use super::{
    forge::{Key, encoded, sign_hs256, sign_without_a_key},
    hostile::{Hostile, Issuer},
    steps::{Return, begin, demo, failure, link, log_in, section_of},
    table::{KNOWN, assert_each_refused, demo_of, row},
};
use crate::support::{client::Client, server::Server};

/// How an attack on keys signs.
type Signature = Box<dyn Fn(&str) -> String + Send>;

/// Logs in with a token that has this header and this signature.
async fn outcome(server: &Server, issuer: &Issuer, header: &Value, signature: Signature) -> Option<String> {
    let client = server.client();
    let departure = begin(&client, &issuer.key).await;
    let header = header.as_object().unwrap().clone();
    let signature = std::sync::Mutex::new(Some(signature));
    let reply = Return::of(issuer, &departure, KNOWN).attack(move |draft| {
        draft.header.clone_from(&header);
        draft.signature = signature.lock().unwrap().take().expect("one token is made");
    });
    let reply = reply.open(&client).await;
    let failed = failure(&reply).map(|(_, code)| code);
    assert_eq!(client.who().await.is_some(), failed.is_none(), "{}", issuer.key);
    failed
}

#[tokio::test]
async fn a_key_that_is_weak_or_not_for_signatures_verifies_nothing() {
    let hostile = Hostile::start().await;
    let right = Key::ec("key");
    let point = |x: &str, y: &str| json!({"kty": "EC", "crv": "P-256", "kid": "key", "x": x, "y": y});
    let coordinate = encoded([7; 32]);
    let with = |member: &str, value: Value| {
        let mut jwk = right.jwk.clone();
        jwk[member] = value;
        jwk
    };
    let rsa = |bytes: usize, last: u8, e: &str| {
        let mut n = vec![0xc3; bytes];
        n[bytes - 1] = last;
        json!({"kty": "RSA", "kid": "key", "n": encoded(n), "e": e})
    };
    let ec: fn(&Key) -> Signature = |key| {
        let key = key.clone();
        Box::new(move |message| key.sign(message))
    };
    let forged = |bytes| -> Signature { Box::new(move |message| sign_without_a_key(bytes, message)) };
    let rows: Vec<(&str, &str, Value, Signature)> = vec![
        ("rsa-exponent-1", "RS256", rsa(256, 1, "AQ"), forged(256)),
        ("rsa-1024", "RS256", rsa(128, 1, "AQ"), forged(128)),
        ("rsa-512", "RS256", rsa(64, 1, "AQAB"), forged(64)),
        ("rsa-even", "RS256", rsa(256, 2, "AQAB"), forged(256)),
        ("rsa-large", "RS256", rsa(2_048, 1, "AQ"), forged(2_048)),
        ("rsa-without-e", "RS256", rsa(256, 1, ""), forged(256)),
        ("not-on-the-curve", "ES256", point(&coordinate, &coordinate), ec(&right)),
        (
            "at-infinity",
            "ES256",
            point(&encoded([0; 32]), &encoded([0; 32])),
            ec(&right),
        ),
        ("short-point", "ES256", point("AA", "AA"), ec(&right)),
        ("other-curve", "ES256", with("crv", json!("P-384")), ec(&right)),
        ("for-encryption", "ES256", with("use", json!("enc")), ec(&right)),
        (
            "for-signing-only",
            "ES256",
            with("key_ops", json!(["sign"])),
            ec(&right),
        ),
        (
            "for-another-algorithm",
            "ES256",
            with("alg", json!("ES384")),
            ec(&right),
        ),
        ("of-another-type", "ES256", with("kty", json!("RSA")), ec(&right)),
        (
            "shared",
            "HS256",
            json!({"kty": "oct", "kid": "key", "k": encoded(b"canary")}),
            Box::new(|message| sign_hs256(b"canary", message)),
        ),
    ];
    let sections: Vec<String> = rows
        .iter()
        .map(|(key, _, jwk, _)| {
            let issuer = hostile.issuer(key);
            issuer.publish(std::slice::from_ref(jwk));
            section_of(&issuer, "")
        })
        .chain([section_of(&hostile.issuer("right"), "")])
        .collect();
    hostile.issuer("right").publish(std::slice::from_ref(&right.jwk));
    let server = demo(&sections).await;
    for (key, algorithm, _, signature) in rows {
        link(&server, "user02", key, KNOWN).await;
        let header = json!({"alg": algorithm, "kid": "key"});
        let failed = outcome(&server, &hostile.issuer(key), &header, signature).await;
        assert_eq!(failed.as_deref(), Some("refused"), "{key}");
    }
    link(&server, "user02", "right", KNOWN).await;
    let header = json!({"alg": "ES256", "kid": "key"});
    let failed = outcome(&server, &hostile.issuer("right"), &header, ec(&right)).await;
    assert_eq!(failed, None, "the same key as it should be");
}

#[tokio::test]
async fn one_good_key_among_others_is_found_by_its_name_and_type() {
    let hostile = Hostile::start().await;
    let (ec, ed) = (Key::ec("same"), Key::ed25519("same"));
    let unreadable = [
        json!({"kty": "future", "kid": "same"}),
        json!({"kty": "RSA", "kid": "same", "n": "!", "e": "!"}),
        json!({}),
    ];
    let keys = [&unreadable[..], &[ec.jwk.clone(), ed.jwk.clone()]].concat();
    hostile.issuer("many").publish(&keys);
    let (issuer, server) = demo_of(&hostile, "many").await;
    for key in [ec, ed] {
        issuer.sign_by(&key);
        let client = server.client();
        log_in(&client, &issuer, KNOWN).await.assert_leads_to("/account");
        assert_eq!(client.who().await.as_deref(), Some("user02"));
    }
}

#[tokio::test]
async fn a_token_that_does_not_name_one_of_two_keys_is_refused() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("two");
    issuer.publish(&[issuer.signing().jwk, Key::ec("two-2").jwk]);
    let (issuer, server) = demo_of(&hostile, "two").await;
    let rows = vec![row("no name of the key", |draft| {
        draft.header.remove("kid");
    })];
    assert_each_refused(&issuer, &server, rows).await;
}

#[tokio::test]
async fn ten_thousand_keys_are_not_tried() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("flood");
    let key = issuer.signing();
    let keys: Vec<Value> = (0..10_000)
        .map(|number| key.clone().named(&format!("key-{number}")).jwk)
        .collect();
    issuer.publish(&keys);
    let (issuer, server) = demo_of(&hostile, "flood").await;
    let failed = failure(&log_in(&server.client(), &issuer, KNOWN).await)
        .expect("a failure")
        .1;
    assert!(["refused", "unreachable"].contains(&failed.as_str()), "{failed}");
}

/// Logs in, and says whether it worked.
async fn works(client: &Client, issuer: &Issuer) -> bool {
    failure(&log_in(client, issuer, KNOWN).await).is_none()
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched_once_and_an_unknown_one_not_again_and_again() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "rotating").await;
    let client = server.client();
    let fetches = || issuer.requests("/jwks").len();
    for _ in 0..3 {
        assert!(works(&client, &issuer).await);
    }
    assert_eq!(fetches(), 1, "the keys are cached");

    let next = Key::ec("rotating-2");
    issuer.publish(&[issuer.signing().jwk, next.jwk.clone()]);
    issuer.sign_by(&next);
    for _ in 0..3 {
        assert!(works(&client, &issuer).await, "the provider has a new key");
    }
    assert_eq!(fetches(), 2);

    issuer.sign_by(&Key::ec("unknown"));
    for _ in 0..3 {
        assert!(!works(&client, &issuer).await);
    }
    assert_eq!(fetches(), 2, "within a minute it does not ask again");
    issuer.sign_by(&next);
    assert!(works(&client, &issuer).await, "the known keys are still there");
}
