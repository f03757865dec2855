//! Internal failures.
//!
//! A fault is logged once, with its cause, where it becomes a [`Refusal`]; the caller gets a reference to that line and
//! nothing else. A failure while a guard is checked is a fault too: never "allowed", never "not allowed".

use std::{
    error::Error,
    fmt::{self, Write as _},
};

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

/// An error with the errors behind it, on one line: a cause may quote what a client or a file says, and that must not
/// begin a line of its own in the log, nor speak to the terminal that shows it (OWASP ASVS 16.4.1).
struct Causes<'a>(&'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        write!(line, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(line, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Writes what is shown as it stands, and everything else as its escape.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|letter| match letter {
            // These print as they stand; `escape_debug` would put a backslash before them.
            '"' | '\'' | '\\' => self.0.write_char(letter),
            letter => write!(self.0, "{}", letter.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// security check 95, for what is logged
    #[test]
    fn a_cause_stays_on_its_line_and_says_nothing_to_a_terminal() {
        let hostile =
            "no \"such\" file: C:\\é\r\n2026-01-01 INFO all is well\u{1b}[2J\u{7}\u{0}\u{85}\u{2028}\u{202e}txt";
        let told = Fault::new("reading", hostile).with_causes();
        assert!(told.starts_with("reading: no \"such\" file: C:\\é\\r\\n2026"), "{told}");
        let unseen = |letter: char| letter.is_control() || ('\u{2028}'..='\u{202e}').contains(&letter);
        assert!(!told.contains(unseen), "{told:?}");
    }
}
