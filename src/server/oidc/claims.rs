//! Claims of a token whose signature is verified, and the checks that ID tokens and logout tokens share.

use std::time::Duration;

use serde_json::{Map, Value};

use super::error::{ProviderError, refused, require};
use crate::server::model::clock::Timestamp;

/// Tolerated difference between the clocks of the provider and this server.
const SKEW: Duration = Duration::from_mins(1);

/// A token must have been issued within this time.
const MAX_AGE: Duration = Duration::from_mins(10);

/// The end of the year 9999, in seconds.
const LATEST: f64 = 253_402_300_799.0;

const MAX_SUBJECT_BYTES: usize = 255;

/// The claims of a verified token.
#[derive(Debug)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The issuer, byte for byte, and the audience. A token for several audiences must name this client as the party that
    /// it was issued to, because each of the others could pass it on.
    pub fn check_parties(&self, issuer: &str, client_id: &str) -> Result<(), ProviderError> {
        require(self.text("iss") == Some(issuer), "iss")?;
        let is_for_several = match self.get("aud") {
            Some(Value::String(audience)) if audience == client_id => false,
            Some(Value::Array(audiences)) => {
                let is_included = audiences.iter().any(|audience| audience == client_id);
                require(is_included && audiences.iter().all(Value::is_string), "aud")?;
                audiences.len() > 1
            }
            _ => return refused("aud"),
        };
        match self.get("azp") {
            None => require(!is_for_several, "azp"),
            Some(party) => require(party == client_id, "azp"),
        }
    }

    /// The times `exp`, `iat` and `nbf`. Returns `iat` and `exp`.
    pub fn check_times(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), ProviderError> {
        let expires_at = self.time("exp").ok_or(ProviderError::Refused { check: "exp" })?;
        Self::require_time(expires_at > now.minus(SKEW), "exp", expires_at, now)?;
        let issued_at = self.time("iat").ok_or(ProviderError::Refused { check: "iat" })?;
        let is_recent = issued_at <= now.plus(SKEW) && issued_at >= now.minus(MAX_AGE);
        Self::require_time(is_recent, "iat", issued_at, now)?;
        if self.get("nbf").is_some() {
            let not_before = self.time("nbf").ok_or(ProviderError::Refused { check: "nbf" })?;
            Self::require_time(not_before <= now.plus(SKEW), "nbf", not_before, now)?;
        }
        Ok((issued_at, expires_at))
    }

    /// Like [`require`], and logs the difference, because a wrong clock is the usual cause.
    fn require_time(
        condition: bool,
        check: &'static str,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        if !condition {
            let seconds = (time.0 - now.0) / 1000;
            tracing::warn!(
                check,
                seconds,
                "a provider's token has an unacceptable time; compare the clocks of this server and the provider"
            );
        }
        require(condition, check)
    }

    /// A time, which may have a fraction (`NumericDate`, RFC 7519, section 2). Returns `None` if it is absent or not a time
    /// from 1970 to 9999.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        let seconds = self.get(name)?.as_f64()?;
        if seconds > LATEST {
            return None;
        }
        let since_1970 = Duration::try_from_secs_f64(seconds).ok()?;
        Some(Timestamp(0).plus(since_1970))
    }

    /// The subject.
    pub fn subject(&self) -> Result<&str, ProviderError> {
        match self.text("sub") {
            Some(subject) if is_identifier(subject) => Ok(subject),
            _ => refused("sub"),
        }
    }
}

/// Whether a text can identify an account: not empty, not too long, and without invisible characters that make two
/// accounts look the same.
pub fn is_identifier(text: &str) -> bool {
    let is_invisible = |character: char| {
        character.is_control()
            || matches!(
                character,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            )
    };
    (1..=MAX_SUBJECT_BYTES).contains(&text.len()) && !text.chars().any(is_invisible)
}
