//! A call that the server keeps for one browser for a short while.
//!
//! A form that is sent without script is answered with a redirect. What was typed and what came of it wait on the
//! server until the page that follows shows them.

use serde::{Deserialize, Serialize};

/// What was typed into the form of a function and, if the call ran, what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCall {
    /// The function.
    pub function: String,
    /// The text of the JSON editor, as typed. Empty for functions whose form has fields.
    pub arguments: String,
    /// What came of it, unless the caller had to log in first.
    pub outcome: Option<Outcome>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The HTTP status that the same call gets as JSON.
    pub status: u16,
    /// The body that the same call gets as JSON.
    pub body: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Outcome {
    /// Whether the call was answered, not refused.
    pub fn is_ok(&self) -> bool {
        self.status < 400
    }

    /// The status with its name (RFC 9110, section 15).
    pub fn status_line(&self) -> String {
        let name = match self.status {
            200 => "OK",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Content",
            500 => "Internal Server Error",
            502 => "Unreachable",
            503 => "Service Unavailable",
            _ => "",
        };
        format!("{} {name}", self.status).trim_end().to_owned()
    }
}
