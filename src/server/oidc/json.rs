//! JSON objects from a provider.

use serde_json::{Map, Value, error::Category};

use super::error::ProviderError;
use crate::server::model::no_duplicate_keys::NoDuplicateKeys;

/// Why a text is not used. `Display` contains nothing of the text.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the content is not JSON, at line {line} column {column}")]
    Malformed { line: usize, column: usize },
    #[error("the content is not a JSON object, or has duplicate members")]
    NotAnObject,
}

impl Problem {
    /// An error about a response whose sender is checked: malformed content is a failure of the provider, other content is
    /// refused by the check with this name.
    pub fn into_error(self, context: &'static str, check: &'static str) -> ProviderError {
        match self {
            Self::Malformed { .. } => ProviderError::unreachable(context, self),
            Self::NotAnObject => ProviderError::Refused { check },
        }
    }
}

/// Parses a JSON object without duplicate members. Two programs may read different values from one with duplicates.
pub fn object(text: &[u8]) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_slice(text) {
        Ok(NoDuplicateKeys(Value::Object(object))) => Ok(object),
        Ok(_) => Err(Problem::NotAnObject),
        Err(error) if error.classify() == Category::Data => Err(Problem::NotAnObject),
        Err(error) => Err(Problem::Malformed {
            line: error.line(),
            column: error.column(),
        }),
    }
}
