//! Internal failures.
//!
//! A fault is logged once, with its cause, where it becomes a [`Refusal`]; the caller gets a reference to that line and
//! nothing else. A failure while a guard is checked is a fault too: never "allowed", never "not allowed".

use std::{error::Error, fmt, future::Future, panic::AssertUnwindSafe};

use futures::{FutureExt as _, TryFutureExt as _};

use super::request_id::RequestId;
use crate::{contract::Refusal, server::telemetry::request::RequestContext};

/// An internal failure: what was being done, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct InternalError {
    context: &'static str,
    unavailable: bool,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl InternalError {
    /// A failure of something that should have worked.
    pub fn new(context: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            context,
            unavailable: false,
            cause: cause.into(),
        }
    }

    /// A failure that passes by itself: something was busy or not there in time.
    pub fn unavailable(context: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            unavailable: true,
            ..Self::new(context, cause)
        }
    }

    /// Logs this and gives the reference that finds it in the log: that of the request, whose lines all carry it, or else
    /// one of its own.
    pub fn log(&self) -> RequestId {
        let cause = Causes(&*self.cause);
        if let Some(reference) = RequestContext::request_id() {
            tracing::error!(%cause, "{}", self.context);
            return reference;
        }
        let reference = RequestId::random();
        tracing::error!(%reference, %cause, "{}", self.context);
        reference
    }

    /// Whether it passes by itself.
    pub fn is_unavailable(&self) -> bool {
        self.unavailable
    }

    /// What was being done and every cause behind it, on one line. For logs and operators, never for callers.
    pub fn chain(&self) -> String {
        Causes(self).to_string()
    }
}

impl From<InternalError> for Refusal {
    /// Logs the fault: this is the boundary at which that happens once.
    fn from(fault: InternalError) -> Self {
        let reference = fault.log();
        if fault.unavailable {
            Refusal::Busy { retry_after: 1 }
        } else {
            Refusal::Internal {
                reference: reference.to_string(),
            }
        }
    }
}

/// Does some work, in which a panic is an internal failure like any other. The panic is logged where it happens, by the
/// hook of [`log`](super::log).
///
/// # Errors
/// The failure, where there was a panic.
pub fn caught<T>(work: impl Future<Output = T>) -> impl Future<Output = Result<T, Refusal>> {
    // What a panic may have left half done belongs to its request alone; shared state recovers from poisoned locks.
    AssertUnwindSafe(work).catch_unwind().map_err(|_| {
        let reference = RequestContext::request_id().unwrap_or_else(RequestId::random);
        Refusal::Internal {
            reference: reference.to_string(),
        }
    })
}

/// An error with the errors behind it, on one line.
struct Causes<'a>(&'a dyn Error);

impl fmt::Display for Causes<'_> {
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
