//! The refusals of a call, and their representation on the wire.
//!
//! Every refusal has an HTTP status, a stable `code` for programs and a message for people that says what to do. A
//! refusal contains no secrets.

use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumString, IntoStaticStr};

use super::{
    codec::JsonText,
    language::{Language, Message},
    required::Required,
    shape::FieldFault,
};
use crate::message;

/// An expected "no". [`Refusal::Internal`] is the public view of an internal error.
///
/// The code on the wire is the name of the variant in snake case, unless an attribute gives another. Codes never change.
#[derive(Debug, Clone, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// The function requires a login.
    NotLoggedIn,
    /// The function requires a fresh login.
    FreshLoginRequired,
    /// The guard refuses this caller. The text says who may call, or why nobody may.
    Forbidden(Message),
    /// Not found, or not the caller's: the reply does not reveal which (OWASP ASVS 8.2.2). The text is the kind of
    /// object, such as "user".
    NotFound(Message),
    /// Wrong password, unknown user or disabled user. The reply does not reveal which (OWASP ASVS 6.3.8).
    InvalidCredentials,
    /// Too many failed logins, for this account or address (NIST SP 800-63B, 5.2.2). Right passwords are refused, too.
    TooManyAttempts {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// The guard requires a permission or a role that the caller does not have.
    PermissionRequired(Required),
    /// The call conflicts with the current state. The text is the whole message.
    Conflict(Message),
    /// The page that makes the call was loaded for another user than the one now logged in.
    OtherUser,
    /// The body is not a JSON object. The text says why and where.
    #[strum(serialize = "malformed_body")]
    Malformed(Message),
    /// The form cannot be parsed. The text says why.
    MalformedForm(Message),
    /// The request is ambiguous: implementations could read it differently. The text says why.
    MalformedRequest(Message),
    /// The headers are too many or too large, usually because of cookies.
    HeadersTooLarge,
    /// The body is a JSON object, but the arguments are invalid.
    InvalidArguments(Vec<FieldFault>),
    /// The body is not declared as JSON.
    #[strum(serialize = "unsupported_media_type")]
    NotJson,
    /// The body is not declared as a URL-encoded form.
    #[strum(serialize = "unsupported_form")]
    NotAForm,
    /// The body has a content encoding, such as compression.
    #[strum(serialize = "unsupported_encoding")]
    Encoded,
    /// The body is too large.
    #[strum(serialize = "body_too_large")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The body did not arrive in time.
    #[strum(serialize = "body_too_slow")]
    TooSlow,
    /// The call exceeded its timeout and was cancelled.
    CallTooSlow,
    /// There is no function of that name.
    UnknownFunction,
    /// The method is not POST.
    MethodNotAllowed,
    /// The request comes from a page of another site.
    CrossOrigin,
    /// The request came over plain HTTP.
    #[strum(serialize = "https_required")]
    PlainHttp,
    /// The server is overloaded.
    Busy {
        /// Seconds to wait.
        retry_after: u32,
    },
    /// An internal error. The log has the details under the request id.
    Internal {
        /// The request id, for the operator.
        reference: String,
    },
    /// The server is unreachable, or its response is not understood. Created only in the browser.
    Unreachable,
}

impl Refusal {
    /// The code for programs, which is never translated.
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// The HTTP status (RFC 9110, section 15).
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) | Self::MalformedForm(_) | Self::MalformedRequest(_) => 400,
            Self::NotLoggedIn | Self::InvalidCredentials => 401,
            Self::FreshLoginRequired
            | Self::Forbidden(_)
            | Self::PermissionRequired(_)
            | Self::CrossOrigin
            | Self::PlainHttp => 403,
            Self::NotFound(_) | Self::UnknownFunction => 404,
            Self::MethodNotAllowed => 405,
            Self::TooSlow => 408,
            Self::Conflict(_) | Self::OtherUser => 409,
            Self::TooLarge { .. } => 413,
            Self::NotJson | Self::NotAForm | Self::Encoded => 415,
            Self::InvalidArguments(_) => 422,
            Self::TooManyAttempts { .. } => 429,
            Self::HeadersTooLarge => 431,
            Self::Internal { .. } => 500,
            Self::Unreachable => 502,
            Self::CallTooSlow | Self::Busy { .. } => 503,
        }
    }

    /// Whether the caller must log in or confirm the login first.
    pub fn asks_for_login(&self) -> bool {
        matches!(self, Self::NotLoggedIn | Self::FreshLoginRequired)
    }

    /// Whether the cause is the server and not the caller.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Internal { .. } | Self::Busy { .. } | Self::CallTooSlow | Self::Unreachable
        )
    }

    /// A refusal because of one invalid argument.
    pub fn of_argument(field: &str, problem: impl Into<Message>) -> Self {
        Self::InvalidArguments(vec![FieldFault::new(field, problem)])
    }

    /// Combines the refusals of two alternative guards: returns the first one, or, if both require a permission, one
    /// that names all of them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::PermissionRequired(a), Self::PermissionRequired(b)) => Self::PermissionRequired(a.or(b)),
            (first, _) => first,
        }
    }

    /// The message for people.
    pub fn message(&self) -> Message {
        match self {
            Self::NotLoggedIn => message!("You need to log in first."),
            Self::FreshLoginRequired => message!("You logged in too long ago for this. Confirm your login first."),
            Self::Forbidden(reason) => message!("You cannot call this function. {reason}", reason),
            Self::PermissionRequired(required) => message!(
                "You need {required} for this. Ask an administrator.",
                required = required.words()
            ),
            Self::Conflict(message) => message.clone(),
            Self::OtherUser => message!(
                "Another user has logged in since this page was loaded. Nothing was done. Reload the page to continue."
            ),
            // One message for all cases, so that it does not reveal which one applies.
            Self::NotFound(kind) if kind.english() == "link" => message!(
                "There is no such link: it may have been used, replaced or withdrawn, or have expired. Ask for a new one."
            ),
            Self::NotFound(kind) => message!("There is no such {kind}.", kind),
            Self::InvalidCredentials => message!("Invalid user_id or password"),
            Self::TooManyAttempts { retry_after } => {
                message!("Too many attempts. Try again in {time}.", time = duration(*retry_after))
            }
            Self::Malformed(reason) => message!("The body is not a JSON object: {reason}.", reason),
            Self::MalformedForm(reason) => {
                message!("The form cannot be read: {reason}. Go back and send it again.", reason)
            }
            Self::MalformedRequest(reason) => message!("The request is not valid: {reason}.", reason),
            Self::HeadersTooLarge => message!(
                "The request has too many headers or cookies. Delete the cookies of this site, then try again."
            ),
            Self::InvalidArguments(faults) => message!("Some values are not valid: {faults}.", faults = list(faults)),
            Self::NotJson => message!("Send the arguments as JSON, with the header Content-Type: application/json."),
            Self::NotAForm => {
                message!("Send the form with the header Content-Type: application/x-www-form-urlencoded.")
            }
            Self::Encoded => message!("Send the body uncompressed, without Content-Encoding."),
            Self::TooLarge { limit } => message!("The body is too large. Send at most {limit} bytes.", limit),
            Self::TooSlow => message!("The body did not arrive in time. Send it again."),
            Self::CallTooSlow => message!(
                "This took too long and was stopped. Part of it may have been done: check before you try again."
            ),
            Self::UnknownFunction => message!("There is no function with that name."),
            Self::MethodNotAllowed => {
                message!("Use POST to call a function, or GET /api/openapi.json to read about all of them.")
            }
            Self::CrossOrigin => message!("This request comes from another site. Use Callgate's own pages instead."),
            Self::PlainHttp => message!("Call functions over HTTPS only."),
            Self::Busy { retry_after } => message!(
                "The server is busy. Try again in {time}.",
                time = duration(*retry_after)
            ),
            Self::Internal { reference } => message!(
                "Something went wrong on the server. Try again later, or give its operator the reference {reference}.",
                reference
            ),
            Self::Unreachable => message!("The server could not be reached. Check your connection and try again."),
        }
    }
}

/// A duration in words, rounded up.
fn duration(seconds: u32) -> Message {
    match seconds {
        0..=1 => message!("a second"),
        2..=90 => message!("{seconds} seconds", seconds),
        91..=5400 => message!("{minutes} minutes", minutes = seconds.div_ceil(60)),
        _ => message!("{hours} hours", hours = seconds.div_ceil(3600)),
    }
}

/// All faults, separated by semicolons.
fn list(faults: &[FieldFault]) -> Message {
    let list = |language: Language| {
        let words = |FieldFault { field, problem }: &FieldFault| match field.as_str() {
            "" => problem.in_language(language).to_owned(),
            // Korean sentences begin with the name of the field, too, but have no particle behind it.
            field => format!("{field}{}{}", language.pick(" ", ": "), problem.in_language(language)),
        };
        faults.iter().map(words).collect::<Vec<_>>().join("; ")
    };
    Message::made(list(Language::En), Some(list(Language::Ko)))
}

/// The JSON form of a refusal.
#[derive(Default, Serialize, Deserialize)]
struct Wire {
    ok: bool,
    error: Message,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<Message>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    required: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<FieldFault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut wire = Wire {
            ok: false,
            error: self.message(),
            code: self.code().to_owned(),
            ..Wire::default()
        };
        match self {
            Self::Malformed(text)
            | Self::MalformedForm(text)
            | Self::MalformedRequest(text)
            | Self::Forbidden(text)
            | Self::Conflict(text)
            | Self::NotFound(text) => wire.detail = Some(text.clone()),
            Self::PermissionRequired(Required { first, others }) => {
                wire.required = Some(first.clone());
                wire.alternatives.clone_from(others);
            }
            Self::InvalidArguments(faults) => wire.faults.clone_from(faults),
            Self::TooLarge { limit } => wire.limit = Some(*limit),
            Self::Busy { retry_after } | Self::TooManyAttempts { retry_after } => wire.retry_after = Some(*retry_after),
            Self::Internal { reference } => wire.reference = Some(reference.clone()),
            _ => {}
        }
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let mut refusal = wire.code.parse().unwrap_or(Self::Unreachable);
        match &mut refusal {
            Self::Malformed(text)
            | Self::MalformedForm(text)
            | Self::MalformedRequest(text)
            | Self::Forbidden(text)
            | Self::Conflict(text)
            | Self::NotFound(text) => *text = wire.detail.unwrap_or_default(),
            Self::PermissionRequired(Required { first, others }) => {
                *first = wire.required.unwrap_or_default();
                *others = wire.alternatives;
            }
            Self::InvalidArguments(faults) => *faults = wire.faults,
            Self::TooLarge { limit } => *limit = wire.limit.unwrap_or_default(),
            Self::Busy { retry_after } | Self::TooManyAttempts { retry_after } => {
                *retry_after = wire.retry_after.unwrap_or(1);
            }
            Self::Internal { reference } => *reference = wire.reference.unwrap_or_default(),
            _ => {}
        }
        Ok(refusal)
    }
}

impl FromServerFnError for Refusal {
    type Encoder = JsonText;

    /// Only the browser calls this: the server decodes and answers calls itself, in `server::http::api`.
    fn from_server_fn_error(_: ServerFnErrorErr) -> Self {
        Self::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Refusal> {
        vec![
            Refusal::NotLoggedIn,
            Refusal::InvalidCredentials,
            Refusal::TooManyAttempts { retry_after: 300 },
            Refusal::Malformed("x".into()),
            Refusal::MalformedForm("x".into()),
            Refusal::MalformedRequest("x".into()),
            Refusal::InvalidArguments(vec![FieldFault::new("a.b[0]", "is missing")]),
            Refusal::FreshLoginRequired,
            Refusal::Forbidden("x".into()),
            Refusal::PermissionRequired(Required::from("x.y").or("role:z".into())),
            Refusal::Conflict("x".into()),
            Refusal::OtherUser,
            Refusal::NotFound("x".into()),
            Refusal::HeadersTooLarge,
            Refusal::NotJson,
            Refusal::NotAForm,
            Refusal::Encoded,
            Refusal::TooLarge { limit: 9 },
            Refusal::TooSlow,
            Refusal::CallTooSlow,
            Refusal::UnknownFunction,
            Refusal::MethodNotAllowed,
            Refusal::CrossOrigin,
            Refusal::PlainHttp,
            Refusal::Busy { retry_after: 2 },
            Refusal::Internal { reference: "r".into() },
            Refusal::Unreachable,
        ]
    }

    #[test]
    fn every_refusal_survives_the_wire() {
        for refusal in one_of_each() {
            let text = serde_json::to_string(&refusal).unwrap();
            assert!(text.starts_with(r#"{"ok":false,"error":""#), "{text}");
            assert_eq!(serde_json::from_str::<Refusal>(&text).unwrap(), refusal);
        }
    }

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut codes: Vec<_> = one_of_each().iter().map(Refusal::code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), one_of_each().len());
        assert!(one_of_each().iter().all(|refusal| refusal.status() >= 400));
    }
}
