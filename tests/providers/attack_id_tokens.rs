//! ID tokens that are forged, or are not for this login. None logs anybody in, and none changes anything.

use serde_json::json;

use super::{
    forge::{Key, as_der, decoded, encoded, now, padded, sign_hs256},
    hostile::Hostile,
    steps::{Return, assert_failed, begin, failure, log_in, state},
    table::{KNOWN, assert_each_accepted, assert_each_refused, demo_of, row},
};

/// Parts of a compact token.
fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().expect("three parts")
}

#[tokio::test]
async fn a_token_without_a_signature_by_the_providers_key_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let stranger = Key::ec("stranger");
    let mut rows = Vec::new();
    for name in ["none", "None", "nOnE", ""] {
        rows.push(row(name, move |draft| {
            draft.header("alg", name);
            draft.sign_with(|_| String::new());
        }));
        rows.push(row("such an algorithm with a signature", move |draft| {
            draft.header("alg", name);
        }));
    }
    let (key, again) = (stranger.clone(), stranger);
    rows.extend([
        row("no algorithm", |draft| {
            draft.header.remove("alg");
        }),
        row("algorithm null", |draft| draft.header("alg", json!(null))),
        row("algorithms", |draft| draft.header("alg", json!(["ES256"]))),
        row("HS256 with the client's secret", |draft| {
            draft.header("alg", "HS256");
            draft.sign_with(|message| sign_hs256(super::steps::SECRET.as_bytes(), message));
        }),
        row("RS256 by a key for ES256", |draft| draft.header("alg", "RS256")),
        row("EdDSA by a key for ES256", |draft| draft.header("alg", "EdDSA")),
        row("ES384 by a key for ES256", |draft| draft.header("alg", "ES384")),
        row("another key under the name of the right one", move |draft| {
            let key = key.clone();
            draft.sign_with(move |message| key.sign(message));
        }),
        row("the right key under a name that it does not have", |draft| {
            draft.header("kid", "canary");
        }),
        row("another key without a name", move |draft| {
            let key = again.clone();
            draft.header.remove("kid");
            draft.sign_with(move |message| key.sign(message));
        }),
        row("signature cut", |draft| {
            draft.finish_with(|token| token[..token.len() - 4].to_owned());
        }),
        row("signature empty", |draft| draft.sign_with(|_| String::new())),
        row("signature of zeros", |draft| draft.sign_with(|_| encoded([0; 64]))),
        row("signature in DER", |draft| {
            draft.finish_with(|token| {
                let [header, claims, signature] = parts(&token);
                format!("{header}.{claims}.{}", as_der(signature))
            });
        }),
        row("a bit of the signature", |draft| {
            draft.finish_with(|token| {
                let [header, claims, signature] = parts(&token);
                let mut bytes = decoded(signature);
                bytes[40] ^= 1;
                format!("{header}.{claims}.{}", encoded(bytes))
            });
        }),
        row("other claims than those that are signed", |draft| {
            let mut claims = draft.claims.clone();
            claims.insert("admin".to_owned(), true.into());
            draft.finish_with(move |token| {
                let [header, _, signature] = parts(&token);
                format!("{header}.{}.{signature}", encoded(json!(claims).to_string()))
            });
        }),
    ]);
    assert_each_refused(&issuer, &server, rows).await;
}

#[tokio::test]
async fn a_token_for_one_kind_of_key_is_not_verified_with_another_kind() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("rsa");
    let rsa = Key::rsa("rsa-1");
    issuer.sign_by(&rsa);
    issuer.publish(std::slice::from_ref(&rsa.jwk));
    let (issuer, server) = demo_of(&hostile, "rsa").await;
    let pem = rsa.pem.clone();
    let der: Vec<u8> = decoded_pem(&pem);
    let (jwk, modulus) = (rsa.jwk.to_string(), rsa.jwk["n"].as_str().unwrap().to_owned());
    let secrets = [
        pem.clone().into_bytes(),
        pem.trim().as_bytes().to_vec(),
        der,
        jwk.into_bytes(),
        decoded(&modulus),
    ];
    let mut rows: Vec<_> = secrets
        .into_iter()
        .map(|secret| {
            row("HS256 with the public key", move |draft| {
                let secret = secret.clone();
                draft.header("alg", "HS256");
                draft.sign_with(move |message| sign_hs256(&secret, message));
            })
        })
        .collect();
    rows.extend([
        row("ES256 by a key for RS256", |draft| draft.header("alg", "ES256")),
        row("another padding than the header says", |draft| {
            draft.header("alg", "PS256");
        }),
        row("another hash than the header says", |draft| {
            draft.header("alg", "RS512");
        }),
        row("a signature of zeros", |draft| draft.sign_with(|_| encoded([0; 256]))),
        row("a signature of 1", |draft| {
            draft.sign_with(|_| encoded([[0; 255].as_slice(), &[1]].concat()));
        }),
    ]);
    assert_each_refused(&issuer, &server, rows).await;
}

fn decoded_pem(pem: &str) -> Vec<u8> {
    use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
    SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

#[tokio::test]
async fn a_token_that_is_not_plainly_a_signed_id_token_is_refused() {
    let hostile = Hostile::start().await;
    let (thief, own) = (hostile.issuer("thief"), Key::ec("thief-key"));
    thief.publish(std::slice::from_ref(&own.jwk));
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let jwks = format!("{}/jwks", thief.url);
    // Each of these headers names the key that signs.
    let mut rows: Vec<_> = [
        ("jwk", own.jwk.clone()),
        ("jku", json!(jwks)),
        ("x5u", json!(jwks)),
        ("x5c", json!(["MIIB"])),
    ]
    .into_iter()
    .flat_map(|(name, value)| {
        [None, Some("ec-1"), Some("thief-key")].map(|kid| {
            let (key, value) = (own.clone(), value.clone());
            row(name, move |draft| {
                draft.header.remove("kid");
                if let Some(kid) = kid {
                    draft.header("kid", kid);
                }
                draft.header(name, value.clone());
                let key = key.clone();
                draft.sign_with(move |message| key.sign(message));
            })
        })
    })
    .collect();
    for (name, member, value) in [
        ("an unknown extension", "crit", json!(["b64"])),
        ("an empty list of extensions", "crit", json!([])),
        ("a logout token", "typ", json!("logout+jwt")),
        ("an access token", "typ", json!("at+jwt")),
        ("another kind of token", "typ", json!("secevent+jwt")),
    ] {
        rows.push(row(name, move |draft| {
            draft.header(member, value.clone());
            if member == "crit" {
                draft.header("b64", true);
            }
        }));
    }
    for member in [
        r#""sub":"other""#,
        r#""aud":"other""#,
        r#""iss":"other""#,
        r#""nonce":"other""#,
        r#""exp":1"#,
    ] {
        rows.push(row(member, move |draft| draft.twice(member)));
    }
    rows.extend([
        row("two algorithms", |draft| {
            let header = serde_json::to_string(&draft.header).unwrap();
            draft.header_text = Some(format!(r#"{{"alg":"none",{}"#, &header[1..]));
        }),
        row("claims in a list", |draft| {
            draft.claims_text = Some(json!([draft.claims]).to_string());
        }),
        row("claims that are no JSON", |draft| {
            draft.claims_text = Some("canary".to_owned());
        }),
        row("a header that is no JSON", |draft| {
            draft.header_text = Some("canary".to_owned());
        }),
        row("claims of 20 KB", |draft| draft.claim("canary", "x".repeat(20_000))),
        row("claims with 5,000 levels", |draft| {
            draft.twice(&format!(r#""deep":{}{}"#, "[".repeat(5_000), "]".repeat(5_000)));
        }),
        row("padding", |draft| {
            draft.finish_with(|token| parts(&token).map(padded).join("."));
        }),
        row("a space", |draft| {
            draft.finish_with(|token| token.replacen('.', " .", 1));
        }),
        row("a line break at the end", |draft| {
            draft.finish_with(|token| token + "\n");
        }),
        row("two parts", |draft| {
            draft.finish_with(|token| {
                let [header, claims, _] = parts(&token);
                format!("{header}.{claims}")
            });
        }),
        row("four parts", |draft| draft.finish_with(|token| token + ".canary")),
        row("five parts, as if encrypted", |draft| {
            draft.finish_with(|token| token + ".canary.canary");
        }),
        row("no part", |draft| draft.finish_with(|_| String::new())),
    ]);
    assert_each_refused(&issuer, &server, rows).await;
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        assert!(thief.requests(path).is_empty(), "a header made it ask {path}");
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_client_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let url = issuer.url.clone();
    let mut rows = vec![
        row("no issuer", |draft| draft.without("iss")),
        row("no audience", |draft| draft.without("aud")),
    ];
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{url}/"))),
        ("iss", json!(url.trim_end_matches("/ec"))),
        ("iss", json!(url.to_uppercase())),
        ("iss", json!(format!(" {url}"))),
        ("iss", json!([url])),
        ("iss", json!(null)),
        ("aud", json!("other")),
        ("aud", json!("Callgate")),
        ("aud", json!("callgate ")),
        ("aud", json!([])),
        ("aud", json!(["other", "another"])),
        ("aud", json!([["callgate"]])),
        ("aud", json!({"callgate": true})),
        ("aud", json!(["callgate", "other"])),
        ("azp", json!("other")),
        ("azp", json!(["callgate"])),
        ("azp", json!("")),
    ] {
        rows.push(row(claim, move |draft| draft.claim(claim, value.clone())));
    }
    rows.push(row("two audiences, given to the other one", |draft| {
        draft.claim("aud", json!(["callgate", "other"]));
        draft.claim("azp", "other");
    }));
    assert_each_refused(&issuer, &server, rows).await;
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let mut rows = vec![
        row("exp missing", |draft| draft.without("exp")),
        row("iat missing", |draft| draft.without("iat")),
        row("expired for a minute", |draft| draft.later("exp", -300 - 61)),
        row("from the future", |draft| draft.later("iat", 90)),
        row("issued eleven minutes ago", |draft| draft.later("iat", -11 * 60)),
        row("not valid yet", |draft| draft.claim("nbf", now() + 90)),
        row("no number", |draft| draft.twice(r#""nbf":NaN"#)),
        row("an infinite number", |draft| draft.twice(r#""nbf":1e999"#)),
    ];
    for claim in ["exp", "iat", "nbf"] {
        for value in [
            json!("1796008655"),
            json!(1e300),
            json!(253_402_300_800_i64),
            json!(-1.5),
            json!([1]),
            json!(true),
        ] {
            // A huge end of the validity would be a valid number, if it was not out of all bounds.
            rows.push(row(claim, move |draft| draft.claim(claim, value.clone())));
        }
    }
    assert_each_refused(&issuer, &server, rows).await;
}

#[tokio::test]
async fn a_token_whose_subject_is_no_proper_text_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let mut rows = vec![row("no subject", |draft| draft.without("sub"))];
    for value in [
        json!(""),
        json!(7),
        json!(null),
        json!(["known"]),
        json!("x".repeat(256)),
        json!("known\u{0}"),
        json!("known\r\n"),
        json!("\u{7f}"),
    ] {
        rows.push(row("subject", move |draft| draft.claim("sub", value.clone())));
    }
    assert_each_refused(&issuer, &server, rows).await;
}

#[tokio::test]
async fn a_token_with_all_that_is_allowed_logs_in() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let seconds = |offset: f64| {
        #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let now = now() as f64;
        json!(now + offset)
    };
    let rows = vec![
        row("times with fractions", move |draft| {
            draft.claim("iat", seconds(-1.25));
            draft.claim("exp", seconds(60.5));
            draft.claim("nbf", seconds(-0.5));
            draft.claim("auth_time", seconds(-10.573_996));
        }),
        row("clocks that differ", |draft| {
            draft.claim("iat", now() + 30);
            draft.claim("nbf", now() + 30);
        }),
        row("just expired", |draft| {
            draft.claim("iat", now() - 300);
            draft.claim("exp", now() - 20);
        }),
        row("a list of audiences", |draft| draft.claim("aud", json!(["callgate"]))),
        row("two audiences, given to this one", |draft| {
            draft.claim("aud", json!(["other", "callgate"]));
            draft.claim("azp", "callgate");
        }),
        row("the type that it is", |draft| draft.header("typ", "JWT")),
        row("no name of the key", |draft| {
            draft.header.remove("kid");
        }),
        row("further claims and headers", |draft| {
            draft.claim("https://example.org/claim", json!({"deep": [1, 2, 3]}));
            draft.header("x-header", "value");
        }),
    ];
    assert_each_accepted(&issuer, &server, rows).await;
}

#[tokio::test]
async fn a_token_of_another_login_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let (victim, thief) = (server.client(), server.client());
    let (one, other) = (begin(&victim, "ec").await, begin(&victim, "ec").await);
    let foreign = begin(&thief, "ec").await;
    let reply = Return::of(&issuer, &one, KNOWN).nonce_of(&other).open(&victim).await;
    assert_failed(&victim, &reply, "/login", "refused").await;
    let one = begin(&victim, "ec").await;
    let before = state(&server).await;
    let nonces = [
        ("another login", other.parameter("nonce").to_owned()),
        ("another browser", foreign.parameter("nonce").to_owned()),
        ("invented", "canary".to_owned()),
        ("nothing", String::new()),
        ("its state", one.state().to_owned()),
    ];
    let count = nonces.len();
    let mut rows: Vec<_> = nonces
        .into_iter()
        .map(|(name, nonce)| row(name, move |draft| draft.claim("nonce", nonce.clone())))
        .collect();
    rows.extend([
        row("absent", |draft| draft.without("nonce")),
        row("a list", |draft| {
            let nonce = draft.claims["nonce"].clone();
            draft.claim("nonce", json!([nonce]));
        }),
    ]);
    assert!(count >= 5 && state(&server).await == before);
    assert_each_refused(&issuer, &server, rows).await;

    // The two logins that began first are still good, each for its own browser.
    let reply = Return::of(&issuer, &one, KNOWN).open(&victim).await;
    assert_eq!(failure(&reply), None);
    assert_eq!(victim.who().await.as_deref(), Some("user02"));
    Return::of(&issuer, &foreign, KNOWN)
        .open(&thief)
        .await
        .assert_leads_to("/account");
}

#[tokio::test]
async fn a_subject_that_differs_in_a_letter_is_somebody_else() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "ec").await;
    let client = server.client();
    let before = state(&server).await;
    for subject in ["Known", "KNOWN", "known ", "кnown", "user02", "admin", "known\u{301}"] {
        let reply = log_in(&client, &issuer, subject).await;
        assert_eq!(failure(&reply).expect(subject).1, "no_account", "{subject}");
    }
    assert_eq!(state(&server).await, before);
    assert_eq!(client.who().await, None);
}
