//! Pending calls: calls that the server stores for one browser for a short time.
//!
//! The response to a form without script is a redirect. The server stores the input and the result until the next page
//! shows them. It also stores a call that needs a login first, until the user has logged in and confirms the call.

use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    form_data::{FORM_PAGE, Typed},
    redirect_target::OwnPage,
    shape::FieldFault,
};

/// The input of a function's form, and the state of its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingCall {
    /// The id that the page sends to run the call. It is of no use without the cookie of the browser.
    #[serde(default)]
    pub id: String,
    /// The name of the function.
    pub function: String,
    /// The input, without secrets.
    pub typed: Typed,
    /// Whether the call has run.
    pub state: State,
}

impl PendingCall {
    /// The page that shows the call: the one with its form.
    pub fn page(&self) -> OwnPage {
        page_of(&self.function, &self.typed)
    }
}

/// The page with the form: the page of `function`, unless the form names another one in [`FORM_PAGE`].
pub fn page_of(function: &str, typed: &Typed) -> OwnPage {
    let named = typed.get(FORM_PAGE).and_then(OwnPage::parse);
    named.unwrap_or_else(|| OwnPage::of_function(function))
}

/// The state of a pending call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It ran or was refused.
    Done(Outcome),
    /// It needs a login and has not run.
    Waiting {
        /// The body of the call. `None` if the input contained a secret: secrets are not stored and must be typed
        /// again.
        body: Option<String>,
    },
}

/// The result of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The HTTP status of the same call as JSON.
    pub status: u16,
    /// The response body of the same call as JSON.
    pub body: String,
    /// The duration, in milliseconds.
    pub took_ms: u64,
    /// The request id, as in the logs. `None` if the call did not reach the server.
    #[serde(default)]
    pub request_id: Option<String>,
}

impl Outcome {
    /// Whether the call succeeded.
    pub fn is_ok(&self) -> bool {
        self.status < 400
    }

    /// The refusal, if the call was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        (!self.is_ok()).then(|| serde_json::from_str(&self.body).ok()).flatten()
    }

    /// The faults of the arguments, if the call was refused because of them.
    pub fn faults(&self) -> Vec<FieldFault> {
        match self.refusal() {
            Some(Refusal::InvalidArguments(faults)) => faults,
            _ => Vec::new(),
        }
    }

    /// The status with its reason phrase (RFC 9110, section 15).
    pub fn status_line(&self) -> String {
        let phrase = match self.status {
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
            499 => "Cancelled",
            500 => "Internal Server Error",
            502 => "Unreachable",
            503 => "Service Unavailable",
            _ => "",
        };
        format!("{} {phrase}", self.status).trim_end().to_owned()
    }
}
