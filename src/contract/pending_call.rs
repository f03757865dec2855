//! A call that the server keeps for one browser for a short while.
//!
//! A form that is sent without script is answered with a redirect. What was typed and what came of it wait on the
//! server until the page that follows shows them. A call that wants a login first waits, too, until its person has logged
//! in and says that it shall run.

use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    form_data::{FORM_PAGE, Typed},
    redirect_target::OwnPage,
    shape::FieldFault,
};

/// What was typed into the form of a function, and how far it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCall {
    /// What its page calls it by when it asks for it to run. It finds nothing by itself.
    #[serde(default)]
    pub id: String,
    /// The function.
    pub function: String,
    /// What was typed, less what is secret.
    pub typed: Typed,
    /// How far it got.
    pub state: State,
}

impl PendingCall {
    /// The page that shows it: the one that its form stands on.
    pub fn page(&self) -> OwnPage {
        page_of(&self.function, &self.typed)
    }
}

/// The page that a form of `function` stands on: that of the function, unless the form names another one.
pub fn page_of(function: &str, typed: &Typed) -> OwnPage {
    let named = typed.get(FORM_PAGE).and_then(OwnPage::parse);
    named.unwrap_or_else(|| OwnPage::of_function(function))
}

/// How far a kept call got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It ran, or was refused, and this came of it.
    Done(Outcome),
    /// It wanted a login, and has not run.
    Waiting {
        /// The body that it will be called with. `None` where a secret was typed, which is not kept: it must be typed anew.
        body: Option<String>,
    },
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

    /// Why the call was refused, if it was.
    pub fn refusal(&self) -> Option<Refusal> {
        (!self.is_ok()).then(|| serde_json::from_str(&self.body).ok()).flatten()
    }

    /// What was wrong with the arguments, if that is why the call was refused.
    pub fn faults(&self) -> Vec<FieldFault> {
        match self.refusal() {
            Some(Refusal::InvalidArguments(faults)) => faults,
            _ => Vec::new(),
        }
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
            409 => "Conflict",
            413 => "Content Too Large",
            415 => "Unsupported Media Type",
            422 => "Unprocessable Content",
            429 => "Too Many Requests",
            500 => "Internal Server Error",
            502 => "Unreachable",
            503 => "Service Unavailable",
            _ => "",
        };
        format!("{} {name}", self.status).trim_end().to_owned()
    }
}
