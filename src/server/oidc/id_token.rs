//! Checks of ID tokens (OpenID Connect Core 1.0, section 3.1.3.7).

use sha2::{Digest as _, Sha256};

use super::{
    claims::Claims,
    error::{ProviderError, require},
    signatures::{self, Algorithm},
};
use crate::server::model::clock::Timestamp;

/// Accepted values of the header `typ`.
pub const TYPES: [&str; 1] = ["JWT"];

/// What an ID token must fit.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub access_token: &'a str,
    pub now: Timestamp,
}

/// Checks the claims of an ID token with a valid signature. The order is fixed, and the first failure ends it.
pub fn check(claims: &Claims, algorithm: Algorithm, expected: &Expected<'_>) -> Result<(), ProviderError> {
    claims.check_parties(expected.issuer, expected.client_id)?;
    claims.check_times(expected.now)?;
    let is_same_nonce = claims
        .text("nonce")
        .is_some_and(|nonce| is_equal(nonce, expected.nonce));
    require(is_same_nonce, "nonce")?;
    claims.subject()?;
    if let Some(hash) = claims.get("at_hash") {
        let expected = signatures::left_half_of_hash(algorithm, expected.access_token);
        require(*hash == expected, "at_hash")?;
    }
    Ok(())
}

/// Compares by hashes, so that the time taken says nothing about where the texts differ.
fn is_equal(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
