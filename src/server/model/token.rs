//! Bearer secrets: random tokens that prove something to whoever shows them.
//!
//! Stored is only their hash, so a copy of the database logs nobody in. A plain hash is enough, because a token has at
//! least 128 random bits and cannot be guessed (OWASP ASVS 6.5.2, 11.5.1).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::server::telemetry::error::InternalError;

/// A random token of 256 bits. It prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// Makes a new one from the operating system's random numbers.
    ///
    /// # Errors
    /// A fault if the operating system has none to give.
    pub fn random() -> Result<Self, InternalError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| InternalError::new("random numbers", error))?;
        Ok(Self(bytes))
    }

    /// Reads one from a cookie. Anything that [`Self::reveal`] cannot have written is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text for the cookie: 43 characters.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash to store and to search by.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 of a token: safe to store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenHash(Vec<u8>);

impl TokenHash {
    /// Hashes the bytes of a token.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).to_vec())
    }

    /// A hash that was read from the database.
    pub fn stored(hash: &[u8]) -> Self {
        Self(hash.to_vec())
    }

    /// A name for what the token opens, for its owner to see. It leads back neither to the token nor to this hash.
    pub fn handle(&self) -> String {
        let digest = Sha256::new().chain_update(b"handle").chain_update(&self.0).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..12])
    }

    /// The bytes to bind in a query.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Of ten thousand fair coins, fewer than 4,600 or more than 5,400 heads come up once in 10^15.
    fn are_random_and_never_alike(tokens: &[Vec<u8>]) {
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
    fn ten_thousand_tokens_have_nothing_in_common() {
        let tokens: Vec<_> = (0..10_000).map(|_| Token::random().unwrap().0.to_vec()).collect();
        are_random_and_never_alike(&tokens);
        let ids: Vec<_> = (0..10_000)
            .map(|_| tower_sessions::session::Id::default().0.to_le_bytes().to_vec())
            .collect();
        are_random_and_never_alike(&ids);
    }

    #[test]
    fn a_token_survives_its_cookie_and_prints_nothing() {
        let token = Token::random().unwrap();
        assert_eq!(Token::parse(&token.reveal()), Some(token.clone()));
        assert!(!format!("{token:?}").contains(&token.reveal()));
        for bad in ["", "short", &"A".repeat(44), &"é".repeat(22)] {
            assert_eq!(Token::parse(bad), None);
        }
    }
}
