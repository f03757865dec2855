//! Why a provider's response cannot be used.

use std::error::Error;

use crate::server::telemetry::error::ErrorChain;

/// Why a provider's response cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider cannot be reached, or answers with an error of its own.
    #[error("{context}")]
    Unreachable {
        context: &'static str,
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// A check failed, which `check` names. The provider, or somebody in between, is not to be trusted.
    #[error("refused the provider's response: {check}")]
    Refused { check: &'static str },
    /// Too many requests to this provider are running.
    #[error("too many requests to the provider are running")]
    Busy,
}

impl ProviderError {
    pub(super) fn unreachable(context: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable {
            context,
            cause: cause.into(),
        }
    }

    /// The error and the chain of its causes, on one line. For logs and operators, never for callers.
    pub fn chain(&self) -> String {
        ErrorChain(self).to_string()
    }
}

/// A failed check of a response or a token. `check` is a stable name for the log.
pub(super) fn refused<T>(check: &'static str) -> Result<T, ProviderError> {
    Err(ProviderError::Refused { check })
}

/// Fails with the name of the check unless the condition holds.
pub(super) fn require(condition: bool, check: &'static str) -> Result<(), ProviderError> {
    if condition { Ok(()) } else { refused(check) }
}
