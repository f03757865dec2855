//! The keys with which a provider signs tokens (RFC 7517; RFC 7518, section 6; RFC 8037, section 2).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{
    cache::Fetched,
    error::ProviderError,
    http_client::HttpClient,
    json,
    signatures::{self, Algorithm, KeyType},
};

const CONTEXT: &str = "fetching the provider's keys";

/// The fresh time of a key set: the default, and the bounds for what the provider says.
const FRESH_FOR: Duration = Duration::from_mins(15);
const MIN_FRESH: Duration = Duration::from_mins(5);
const MAX_FRESH: Duration = Duration::from_hours(1);

const MAX_KEYS: usize = 32;

/// Bits of an RSA modulus. The library refuses others, too.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The public keys of a provider that can verify signatures.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

#[derive(Debug)]
pub struct Key {
    id: Option<String>,
    kind: KeyType,
    /// The only algorithm that it is for.
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

/// The members of a JSON Web Key that matter here.
#[derive(Debug, Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

pub async fn fetch(http: &HttpClient, jwks_uri: &Url) -> Result<Fetched<KeySet>, ProviderError> {
    let response = http.send(CONTEXT, http.get(jwks_uri), http.limits().key_set).await?;
    response.require_ok(&["application/json", "application/jwk-set+json"])?;
    let fresh_for = response.max_age().unwrap_or(FRESH_FOR).clamp(MIN_FRESH, MAX_FRESH);
    let document = KeySet::parse(&response.body).map_err(|problem| response.unusable(problem))?;
    Ok(Fetched { document, fresh_for })
}

impl KeySet {
    /// Skips keys that cannot be used, because a set may contain keys for other purposes and of future types.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut object = json::object(text).map_err(|problem| problem.to_string())?;
        let Some(Value::Array(keys)) = object.get_mut("keys").map(Value::take) else {
            return Err("the content is not a key set".to_owned());
        };
        let keys = keys
            .into_iter()
            .filter_map(|key| Key::new(serde_json::from_value(key).ok()?));
        Ok(Self(keys.take(MAX_KEYS).collect()))
    }

    /// The only key for the algorithm and the key id of a token, if it has one. Returns `None` if there is no such key, or
    /// more than one.
    pub fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<&Key> {
        let mut candidates = self.0.iter().filter(|key| {
            key.kind == signatures::key_type(algorithm)
                && key.algorithm.is_none_or(|only| only == algorithm)
                && (id.is_none() || key.id.as_deref() == id)
        });
        let key = candidates.next()?;
        candidates.next().is_none().then_some(key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn new(jwk: Jwk) -> Option<Self> {
        let is_for_signatures = jwk.usage.is_none_or(|usage| usage == "sig")
            && jwk
                .key_ops
                .is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !is_for_signatures {
            return None;
        }
        let algorithm = match jwk.alg {
            Some(name) => Some(signatures::algorithm(&name)?),
            None => None,
        };
        let decode = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let coordinate = |text: Option<String>, length: usize| {
            let text = text?;
            let bytes = URL_SAFE_NO_PAD.decode(&text).ok()?;
            (bytes.len() == length).then_some(text)
        };
        let (kind, public) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (KeyType::Rsa, rsa(&decode(jwk.n)?, &decode(jwk.e)?)?),
            ("EC", Some("P-256")) => {
                let key = DecodingKey::from_ec_components(&coordinate(jwk.x, 32)?, &coordinate(jwk.y, 32)?);
                (KeyType::P256, key.ok()?)
            }
            ("EC", Some("P-384")) => {
                let key = DecodingKey::from_ec_components(&coordinate(jwk.x, 48)?, &coordinate(jwk.y, 48)?);
                (KeyType::P384, key.ok()?)
            }
            ("OKP", Some("Ed25519")) => {
                let key = DecodingKey::from_ed_components(&coordinate(jwk.x, 32)?);
                (KeyType::Ed25519, key.ok()?)
            }
            _ => return None,
        };
        Some(Self {
            id: jwk.kid,
            kind,
            algorithm,
            public,
        })
    }

    /// Whether `signature` (base64url) was made with this key. `algorithm` is the one of [`KeySet::find`].
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        signatures::verify(algorithm, &self.public, message, signature)
    }
}

/// An RSA key, unless it is obviously weak. With the exponent 1, everybody can sign.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<DecodingKey> {
    let trim = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0)?;
        Some(number[start..].to_vec())
    };
    let (modulus, exponent) = (trim(modulus)?, trim(exponent)?);
    let bits = modulus.len() * 8 - usize::try_from(modulus[0].leading_zeros()).ok()?;
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
    let is_sound = RSA_BITS.contains(&bits) && is_odd(&modulus) && is_odd(&exponent) && exponent != [1];
    is_sound.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::provider::Signer, *};

    fn set(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn with(mut jwk: Value, changes: &Value) -> Value {
        jwk.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        jwk
    }

    #[test]
    fn keys_that_cannot_be_used_are_skipped() {
        let [rsa, ec, ed] =
            [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(|alg| Signer::new(alg, "a").jwk());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let even = URL_SAFE_NO_PAD.encode([&[0x80][..], &[0; 255]].concat());
        let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
        for bad in [
            json!({}),
            json!("key"),
            with(rsa.clone(), &json!({"kty": "oct", "k": "AAAA"})),
            with(rsa.clone(), &json!({"n": short})),
            with(rsa.clone(), &json!({"n": even})),
            with(rsa.clone(), &json!({"n": "", "e": ""})),
            with(rsa.clone(), &json!({"n": format!("{}=", text(&rsa["n"]))})),
            with(rsa.clone(), &json!({"e": "AQ"})),
            with(rsa.clone(), &json!({"e": "AA"})),
            with(rsa.clone(), &json!({"e": "Ag"})),
            with(rsa.clone(), &json!({"use": "enc"})),
            with(rsa.clone(), &json!({"use": 1})),
            with(rsa.clone(), &json!({"key_ops": ["sign"]})),
            with(rsa.clone(), &json!({"key_ops": []})),
            with(rsa.clone(), &json!({"alg": "RSA-OAEP"})),
            with(rsa.clone(), &json!({"alg": "HS256"})),
            with(ec.clone(), &json!({"crv": "P-384"})),
            with(ec.clone(), &json!({"crv": "secp256k1"})),
            with(ec.clone(), &json!({"y": null})),
            with(ec.clone(), &json!({"x": &text(&ec["x"])[..40]})),
            with(ed.clone(), &json!({"crv": "Ed448"})),
            with(ed.clone(), &json!({"x": ""})),
        ] {
            let keys = set(&[bad.clone(), ec.clone()]);
            assert_eq!(keys.len(), 1, "{bad}");
            assert!(keys.find(Algorithm::ES256, None).is_some());
        }
        assert_eq!(set(&[rsa, ec, ed]).len(), 3);
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            KeySet::parse(text.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn a_key_is_found_by_type_algorithm_and_id_and_must_be_the_only_one() {
        let [rsa, ec, other] = [
            (Algorithm::RS256, "a"),
            (Algorithm::ES256, "a"),
            (Algorithm::ES256, "b"),
        ]
        .map(|(algorithm, id)| Signer::new(algorithm, id).jwk());
        let anonymous = with(ec.clone(), &json!({"kid": null}));
        let keys = set(&[rsa.clone(), ec.clone()]);
        assert!(
            keys.find(Algorithm::ES256, Some("a")).is_some(),
            "the RSA key with this id does not matter"
        );
        assert!(keys.find(Algorithm::ES256, None).is_some());
        assert!(keys.find(Algorithm::ES256, Some("b")).is_none());
        assert!(keys.find(Algorithm::ES384, Some("a")).is_none());
        assert!(keys.find(Algorithm::EdDSA, Some("a")).is_none());
        assert!(
            keys.find(Algorithm::PS256, Some("a")).is_none(),
            "the key is for RS256 only"
        );
        let any = set(&[with(rsa, &json!({"alg": null}))]);
        assert!(any.find(Algorithm::PS256, Some("a")).is_some());
        let two = set(&[ec.clone(), other]);
        assert!(two.find(Algorithm::ES256, None).is_none());
        assert!(two.find(Algorithm::ES256, Some("b")).is_some());
        assert!(set(&[anonymous]).find(Algorithm::ES256, Some("a")).is_none());
        assert_eq!(set(&vec![ec; 100]).len(), MAX_KEYS);
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_verifies_nothing() {
        let signer = Signer::new(Algorithm::ES256, "a");
        let broken = set(&[with(signer.jwk(), &json!({"y": "A".repeat(43)}))]);
        let signature = signer.sign_bytes(b"message");
        if let Some(key) = broken.find(Algorithm::ES256, None) {
            assert!(!key.verifies(Algorithm::ES256, b"message", &signature));
        }
        let sound = set(&[signer.jwk()]);
        assert!(
            sound
                .find(Algorithm::ES256, None)
                .unwrap()
                .verifies(Algorithm::ES256, b"message", &signature)
        );
    }
}
