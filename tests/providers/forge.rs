//! Keys and tokens of a provider that may do anything with them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Map, Value, json};

/// A key pair with its public part as a JSON Web Key.
#[derive(Clone)]
pub struct Key {
    pub jwk: Value,
    pub algorithm: Algorithm,
    private: EncodingKey,
    /// The public key as PEM (SPKI).
    pub pem: String,
}

impl Key {
    /// A key for ES256, which is made fast.
    pub fn ec(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        // An uncompressed point (SEC 1, section 2.3.3).
        let (x, y) = pair.public_key_raw()[1..].split_at(32);
        Self {
            jwk: json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y), "kid": kid, "use": "sig"}),
            algorithm: Algorithm::ES256,
            private: EncodingKey::from_ec_der(pair.serialized_der()),
            pem: pair.public_key_pem(),
        }
    }

    pub fn ed25519(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let x = encoded(pair.public_key_raw());
        Self {
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig"}),
            algorithm: Algorithm::EdDSA,
            private: EncodingKey::from_ed_der(pair.serialized_der()),
            pem: pair.public_key_pem(),
        }
    }

    /// A key of 2048 bits for RS256 and its relatives.
    pub fn rsa(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        // RSAPublicKey (RFC 8017, appendix A.1.1): 9 bytes before a modulus of 2048 bits.
        let n = encoded(&pair.public_key_raw()[9..265]);
        Self {
            jwk: json!({"kty": "RSA", "n": n, "e": "AQAB", "kid": kid, "use": "sig"}),
            algorithm: Algorithm::RS256,
            // The RSAPrivateKey within the PrivateKeyInfo (RFC 5208).
            private: EncodingKey::from_rsa_der(&pair.serialized_der()[26..]),
            pem: pair.public_key_pem(),
        }
    }

    pub fn kid(&self) -> &str {
        self.jwk["kid"].as_str().unwrap()
    }

    /// The same key under another name.
    pub fn named(mut self, kid: &str) -> Self {
        self.jwk["kid"] = kid.into();
        self
    }

    pub fn sign(&self, message: &str) -> String {
        self.sign_as(self.algorithm, message)
    }

    pub fn sign_as(&self, algorithm: Algorithm, message: &str) -> String {
        crypto::sign(message.as_bytes(), &self.private, algorithm).unwrap()
    }
}

/// A signature with a shared secret, which anybody makes who knows the "secret".
pub fn sign_hs256(secret: &[u8], message: &str) -> String {
    let key = EncodingKey::from_secret(secret).unwrap();
    crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap()
}

/// A signature that fits any RSA key with the exponent 1 (RFC 8017, section 9.2): nothing is encrypted by that.
pub fn sign_without_a_key(bytes: usize, message: &str) -> String {
    use sha2::{Digest as _, Sha256};
    const SHA256: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20,
    ];
    let mut padded = vec![0, 1];
    padded.resize(bytes - SHA256.len() - 32 - 1, 0xff);
    padded.push(0);
    padded.extend(SHA256);
    padded.extend(Sha256::digest(message));
    encoded(&padded)
}

/// An ECDSA signature as a sequence of two integers instead of their concatenation (RFC 7518, section 3.4).
pub fn as_der(signature: &str) -> String {
    let raw = decoded(signature);
    let integer = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let mut content = bytes[zeros..].to_vec();
        if content[0] >= 0x80 {
            content.insert(0, 0);
        }
        [vec![2, u8::try_from(content.len()).unwrap()], content].concat()
    };
    let (r, s) = raw.split_at(32);
    let content = [integer(r), integer(s)].concat();
    encoded([vec![0x30, u8::try_from(content.len()).unwrap()], content].concat())
}

/// A token before it is signed. What a test changes in it is the attack.
pub struct Draft {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    /// The header or the claims as text, in place of the above.
    pub header_text: Option<String>,
    pub claims_text: Option<String>,
    /// Makes the signature over the first two parts.
    pub signature: Box<dyn Fn(&str) -> String + Send>,
    /// Changes the finished token.
    pub finish: Box<dyn Fn(String) -> String + Send>,
}

impl Draft {
    /// One that is as it should be.
    pub fn signed_by(key: &Key, claims: Map<String, Value>) -> Self {
        let algorithm = format!("{:?}", key.algorithm);
        let key = key.clone();
        Self {
            header: object(json!({"alg": algorithm, "kid": key.kid()})),
            claims,
            header_text: None,
            claims_text: None,
            signature: Box::new(move |message| key.sign(message)),
            finish: Box::new(|token| token),
        }
    }

    pub fn header(&mut self, name: &str, value: impl Into<Value>) {
        self.header.insert(name.to_owned(), value.into());
    }

    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    pub fn without(&mut self, name: &str) {
        self.claims.remove(name);
    }

    /// Adds these seconds to a claim that is a time.
    pub fn later(&mut self, name: &str, seconds: i64) {
        let time = self.claims[name].as_i64().unwrap() + seconds;
        self.claim(name, time);
    }

    /// Puts a member into the JSON text of the claims a second time, in front of the others.
    pub fn twice(&mut self, member: &str) {
        self.claims_text = Some(format!("{{{member},{}", &json!(self.claims).to_string()[1..]));
    }

    pub fn sign_with(&mut self, signature: impl Fn(&str) -> String + Send + 'static) {
        self.signature = Box::new(signature);
    }

    pub fn finish_with(&mut self, finish: impl Fn(String) -> String + Send + 'static) {
        self.finish = Box::new(finish);
    }

    pub fn token(&self) -> String {
        let text = |text: &Option<String>, map: &Map<String, Value>| {
            text.clone().unwrap_or_else(|| serde_json::to_string(map).unwrap())
        };
        let header = encoded(text(&self.header_text, &self.header));
        let message = format!("{header}.{}", encoded(text(&self.claims_text, &self.claims)));
        let signature = (self.signature)(&message);
        (self.finish)(format!("{message}.{signature}"))
    }
}

/// The claims of an ID token as they should be, for a person with this subject.
pub fn id_claims(issuer: &str, subject: &str, nonce: &str) -> Map<String, Value> {
    let now = now();
    object(json!({
        "iss": issuer, "sub": subject, "aud": "callgate", "exp": now + 300, "iat": now, "nonce": nonce,
    }))
}

/// The claims of a logout token as they should be.
pub fn logout_claims(issuer: &str, jti: &str) -> Map<String, Value> {
    let now = now();
    object(json!({
        "iss": issuer, "aud": "callgate", "exp": now + 120, "iat": now, "jti": jti,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }))
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// With padding and the other alphabet, as JOSE does not allow it.
pub fn padded(text: &str) -> String {
    STANDARD.encode(decoded(text))
}
