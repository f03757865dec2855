//! Internal errors.
//!
//! An internal error is logged once, with its cause, when it is converted to a [`Refusal`]. The caller gets only the
//! request id of the log line. A failure while a guard is checked is an internal error too: never "allowed", never "not
//! allowed".

use std::{error::Error, fmt, future::Future, panic::AssertUnwindSafe};

use futures::{FutureExt as _, TryFutureExt as _};

use super::request_id::RequestId;
use crate::{contract::Refusal, server::telemetry::request::RequestContext};

/// An internal error: the operation that failed, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct InternalError {
    context: &'static str,
    unavailable: bool,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl InternalError {
    /// A permanent failure. `context` is the operation, such as "reading a session".
    pub fn new(context: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            context,
            unavailable: false,
            cause: cause.into(),
        }
    }

    /// A temporary failure, because something was busy or did not respond in time. Retrying may help.
    pub fn unavailable(context: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            unavailable: true,
            ..Self::new(context, cause)
        }
    }

    /// Logs the error and returns the request id to search the log for. Outside of a request, returns a new id, which
    /// is in this log line only.
    pub fn log(&self) -> RequestId {
        let cause = ErrorChain(&*self.cause);
        if let Some(request_id) = RequestContext::request_id() {
            tracing::error!(%cause, "{}", self.context);
            return request_id;
        }
        let new_id = RequestId::generate();
        tracing::error!(reference = %new_id, %cause, "{}", self.context);
        new_id
    }

    /// Whether the failure is temporary.
    pub fn is_unavailable(&self) -> bool {
        self.unavailable
    }

    /// The operation and the chain of causes, on one line. For logs and operators, never for callers.
    pub fn chain(&self) -> String {
        ErrorChain(self).to_string()
    }
}

impl From<InternalError> for Refusal {
    /// Logs the error. Errors are logged only at this boundary, so each one is logged once.
    fn from(error: InternalError) -> Self {
        let request_id = error.log();
        if error.unavailable {
            Refusal::Busy { retry_after: 1 }
        } else {
            Refusal::Internal {
                reference: request_id.to_string(),
            }
        }
    }
}

/// Runs `work` and converts a panic to [`Refusal::Internal`]. The panic hook of [`log`](super::log) logs the panic.
pub fn caught<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, Refusal>> {
    // Unwind safe: inconsistent state after a panic belongs to this request only, and poisoned locks are recovered.
    AssertUnwindSafe(work).catch_unwind().map_err(|_| {
        let request_id = RequestContext::request_id().unwrap_or_else(RequestId::generate);
        Refusal::Internal {
            reference: request_id.to_string(),
        }
    })
}

/// Displays an error and its chain of sources on one line.
pub struct ErrorChain<'a>(pub &'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
