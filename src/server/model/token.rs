//! Bearer tokens.
//!
//! Only their hashes are stored, so a copy of the database does not allow a login. A plain hash is sufficient, because
//! a token has at least 128 random bits and cannot be guessed (OWASP ASVS 6.5.2, 11.5.1).

use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::server::telemetry::error::InternalError;

/// A random token of 256 bits. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// Creates a token from the random numbers of the operating system.
    pub fn random() -> Result<Self, InternalError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| InternalError::new("generating a token", error))?;
        Ok(Self(bytes))
    }

    /// Parses a token in the format of [`Self::reveal`].
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Encodes the token for a cookie or a link: 43 characters of base64url.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Derives a secret of 256 bits for a purpose and a context (HMAC-SHA-256, RFC 2104), as 43 characters of base64url.
    /// It reveals neither this token nor other derived secrets. No purpose may be the beginning of another one.
    pub fn derive(&self, purpose: &str, context: &str) -> String {
        let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        hmac.update(purpose.as_bytes());
        hmac.update(context.as_bytes());
        URL_SAFE_NO_PAD.encode(hmac.sign())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 hash of a token, which is safe to store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(Vec<u8>);

impl TokenHash {
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).to_vec())
    }

    /// Wraps a hash that was read from the database.
    pub fn stored(hash: &[u8]) -> Self {
        Self(hash.to_vec())
    }

    /// An identifier that is safe to show to the owner. It reveals neither the token nor this hash.
    pub fn handle(&self) -> String {
        let digest = Sha256::new().chain_update(b"handle").chain_update(&self.0).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..12])
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// With ten thousand fair coins, fewer than 4,600 or more than 5,400 heads have a probability of about 10^-15.
    fn assert_random_and_unique(tokens: &[Vec<u8>]) {
        assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 10_000);
        for bit in 0..tokens[0].len() * 8 {
            let ones = tokens
                .iter()
                .filter(|token| token[bit / 8] >> (bit % 8) & 1 == 1)
                .count();
            assert!((4600..=5400).contains(&ones), "bit {bit} is 1 in {ones}");
        }
    }

    #[test]
    fn ten_thousand_tokens_are_random_and_unique() {
        let tokens: Vec<_> = (0..10_000).map(|_| Token::random().unwrap().0.to_vec()).collect();
        assert_random_and_unique(&tokens);
        let ids: Vec<_> = (0..10_000)
            .map(|_| tower_sessions::session::Id::default().0.to_le_bytes().to_vec())
            .collect();
        assert_random_and_unique(&ids);
    }

    /// The expected value was computed with Python's `hmac`.
    #[test]
    fn derived_secrets_depend_on_token_purpose_and_context() {
        let token = Token([11; 32]);
        assert_eq!(
            token.derive("pkce", "state"),
            "sBnopQPh3fLzqyhqdLA2OAr3TzMS3lJyZTTre6Hj7Gg"
        );
        let others = [
            Token([12; 32]).derive("pkce", "state"),
            token.derive("nonce", "state"),
            token.derive("pkce", "other"),
        ];
        assert!(
            others
                .iter()
                .all(|other| other.len() == 43 && *other != "sBnopQPh3fLzqyhqdLA2OAr3TzMS3lJyZTTre6Hj7Gg")
        );
    }

    #[test]
    fn a_token_can_be_parsed_again_and_debug_does_not_print_it() {
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(&token.reveal()), Some(token.clone()));
        assert!(!format!("{token:?}").contains(&token.reveal()));
        for bad in ["", "short", &"A".repeat(44), &"é".repeat(22)] {
            assert_eq!(Token::parse(bad), None);
        }
    }
}
