//! Internal failures.
//!
//! A fault is logged once, with its cause, where it becomes a [`Refusal`]; the caller gets a reference to that line and
//! nothing else. A failure while a guard is checked is a fault too: never "allowed", never "not allowed".

use std::{error::Error, fmt};

use crate::contract::Refusal;

/// An internal failure: what was being done, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct Fault {
    doing: &'static str,
    unavailable: bool,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

impl Fault {
    /// A failure of something that should have worked.
    pub fn new(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            doing,
            unavailable: false,
            cause: cause.into(),
        }
    }

    /// A failure that passes by itself: something was busy or not there in time.
    pub fn unavailable(doing: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            unavailable: true,
            ..Self::new(doing, cause)
        }
    }

    /// Logs this and gives the reference that finds it in the log.
    pub fn log(&self) -> String {
        let reference = reference();
        tracing::error!(%reference, cause = %Causes(&*self.cause), "{}", self.doing);
        reference
    }

    /// Whether it passes by itself.
    pub fn is_unavailable(&self) -> bool {
        self.unavailable
    }

    /// What was being done and every cause behind it, on one line. For logs and operators, never for callers.
    pub fn with_causes(&self) -> String {
        Causes(self).to_string()
    }
}

impl From<Fault> for Refusal {
    /// Logs the fault: this is the boundary at which that happens once.
    fn from(fault: Fault) -> Self {
        let reference = fault.log();
        if fault.unavailable {
            Refusal::Busy { retry_after: 1 }
        } else {
            Refusal::Internal { reference }
        }
    }
}

/// Six random characters, enough to find one line of a log.
fn reference() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0; 6];
    // Without random numbers the reference is "aaaaaa": still a reference, and the fault is still told.
    let _ = getrandom::fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
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
