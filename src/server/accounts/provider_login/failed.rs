//! Why a flow failed.

use super::kind::Kind;
use crate::{
    contract::{Refusal, provider::Failure},
    server::{
        auth::{
            caller::Caller,
            security_log::{self, FailedProviderLogin},
        },
        oidc::ProviderError,
        telemetry::error::InternalError,
    },
};

/// Why a flow failed: what the person sees, and what the log records. Neither contains anything that the provider sent.
#[derive(Debug)]
pub struct Failed {
    pub failure: Failure,
    /// The check or the rule that failed, or what was being done.
    reason: &'static str,
    /// The error of a connection, for the log.
    cause: Option<String>,
    /// Whether the log has the error already.
    is_logged: bool,
}

impl Failed {
    pub fn new(failure: Failure, reason: &'static str) -> Self {
        Self {
            failure,
            reason,
            cause: None,
            is_logged: false,
        }
    }

    /// Writes the failure to the log and, unless it is harmless, to the audit log.
    pub(super) fn record(&self, caller: &Caller, kind: Kind, user: Option<&str>, provider: &str) {
        if self.is_logged {
            return;
        }
        let failed = FailedProviderLogin {
            action: kind.action(),
            user: user.unwrap_or_default(),
            provider,
            failure: self.failure,
            reason: self.reason,
            cause: self.cause.as_deref(),
        };
        security_log::provider_login_failed(caller, &failed);
    }
}

impl From<ProviderError> for Failed {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unreachable { context, .. } => Self {
                cause: Some(error.chain()),
                ..Self::new(Failure::Unreachable, context)
            },
            ProviderError::Refused { check } => Self::new(Failure::Refused, check),
            ProviderError::Busy => Self::new(Failure::Busy, "too many requests to the provider"),
        }
    }
}

impl From<InternalError> for Failed {
    /// Logs the error.
    fn from(error: InternalError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Refusal> for Failed {
    /// After a temporary error, the person can try again. After another one, the page shows the request id. Both are logged
    /// already.
    fn from(refusal: Refusal) -> Self {
        let failure = match refusal {
            Refusal::NotLoggedIn => return Self::new(Failure::WrongAccount, "the session has ended"),
            Refusal::Busy { .. } => Failure::Busy,
            _ => Failure::Refused,
        };
        Self {
            is_logged: true,
            ..Self::new(failure, "internal error")
        }
    }
}
