//! Signed tokens in the compact form (RFC 7515, section 7.1; RFC 7519).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    claims::Claims,
    error::{ProviderError, refused, require},
    json,
    keys::Key,
    signatures::{self, Algorithm},
};

/// Bytes of a token.
const MAX_LENGTH: usize = 16 * 1024;

/// A well-formed token whose signature is not verified. Its claims come out only with the signature's key.
#[derive(Debug)]
pub struct Jwt<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Jwt<'a> {
    /// Parses a token. `types` are the accepted values of the header `typ`, which may be absent. They keep tokens of one
    /// purpose from being used for another (RFC 8725, section 3.11).
    ///
    /// Keys and addresses of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    pub fn parse(token: &'a str, types: &[&str]) -> Result<Self, ProviderError> {
        require(token.len() <= MAX_LENGTH, "token_size")?;
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return refused("token_parts");
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part);
        let (Ok(header), Ok(claims), Ok(_)) = (decode(header), decode(claims), decode(signature)) else {
            return refused("token_encoding");
        };
        let Ok(header) = json::object(&header) else {
            return refused("token_header");
        };
        let Ok(claims) = json::object(&claims) else {
            return refused("token_claims");
        };
        // Extensions that a receiver must understand, and there is none.
        require(!header.contains_key("crit") && !header.contains_key("b64"), "crit")?;
        let has_known_type = match header.get("typ") {
            None => true,
            Some(Value::String(name)) => types.iter().any(|known| name.eq_ignore_ascii_case(known)),
            Some(_) => false,
        };
        require(has_known_type, "typ")?;
        require(header.get("kid").is_none_or(Value::is_string), "kid")?;
        let message = &token[..token.len() - signature.len() - 1];
        Ok(Self {
            header,
            claims,
            message,
            signature,
        })
    }

    /// The algorithm, which must be one of `accepted`.
    pub fn algorithm(&self, accepted: &[Algorithm]) -> Result<Algorithm, ProviderError> {
        let name = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        match signatures::algorithm(name) {
            Some(algorithm) if accepted.contains(&algorithm) => Ok(algorithm),
            _ => refused("alg"),
        }
    }

    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Verifies the signature and returns the claims.
    pub fn verify(self, key: &Key, algorithm: Algorithm) -> Result<Claims, ProviderError> {
        require(
            key.verifies(algorithm, self.message.as_bytes(), self.signature),
            "signature",
        )?;
        Ok(Claims::new(self.claims))
    }
}
