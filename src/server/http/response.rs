//! What a call gets back over HTTP: JSON for programs, and a page for people where nothing better can be shown.

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
        },
    },
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

use super::{middleware::security_headers::STILL_PAGE, paths::is_for_programs};
use crate::{
    contract::{Refusal, redirect_target::OwnPage},
    pages::failure::{self, Way},
    server::telemetry::{request::RequestContext, request_id::RequestId},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The type of a page.
pub const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A reply.
pub fn json_response(body: String) -> Response {
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// A program, or a page by its script: JSON.
    Json,
    /// A person: a page.
    Html,
}

impl ResponseFormat {
    /// Who asks for that path.
    pub fn of(path: &str) -> Self {
        if is_for_programs(path) { Self::Json } else { Self::Html }
    }
}

/// A refusal, in the form that fits its reader.
pub fn error_response(format: ResponseFormat, refusal: &Refusal) -> Response {
    match format {
        ResponseFormat::Json => json_error(refusal),
        ResponseFormat::Html => error_page(refusal),
    }
}

/// A refusal as a page. It needs no database and no script.
pub fn error_page(refusal: &Refusal) -> Response {
    let way = match refusal {
        Refusal::NotLoggedIn => Way::new("/login", "Log in"),
        _ => Way::home(),
    };
    error_page_with_link(refusal, way)
}

/// The same with a link to where the person gets on.
pub fn error_page_with_link(refusal: &Refusal, way: Way) -> Response {
    let reference = RequestContext::request_id();
    let page = failure::html(refusal, reference.as_ref().map(RequestId::as_str), way);
    let mut response = (status(refusal), still_page(), page).into_response();
    add_headers(&mut response, refusal);
    response
}

/// What makes an answer a page without script.
pub fn still_page() -> [(HeaderName, HeaderValue); 2] {
    let policy = HeaderValue::from_static(STILL_PAGE);
    [(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, policy)]
}

/// A refusal as JSON.
pub fn json_error(refusal: &Refusal) -> Response {
    let mut response = json_response(body_of(refusal));
    *response.status_mut() = status(refusal);
    add_headers(&mut response, refusal);
    response
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The headers that a status asks for (RFC 9110, sections 10.2.1, 10.2.3, 11.6.1 and 12.5.3).
pub fn add_headers(response: &mut Response, refusal: &Refusal) {
    let headers = response.headers_mut();
    match refusal {
        Refusal::Busy { retry_after } | Refusal::TooManyAttempts { retry_after } => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        // What is wanted is the cookie of a login. No browser knows that scheme, so none asks for a password by itself.
        Refusal::NotLoggedIn | Refusal::InvalidCredentials => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Cookie realm=\"Callgate\""));
        }
        Refusal::MethodNotAllowed => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Refusal::Encoded => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        _ => {}
    }
}

/// A refusal as it stands in a body: with the reference of the request.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    refusal: &'a Refusal,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The body of a refusal.
pub fn body_of(refusal: &Refusal) -> String {
    let reference = RequestContext::request_id();
    let body = Body {
        refusal,
        request_id: reference.as_ref().map(RequestId::as_str),
    };
    serde_json::to_string(&body).expect("a refusal is an object of strings, numbers and booleans")
}

/// Where somebody logs in, or confirms the login, and goes on to `page`.
pub fn login_for(refusal: &Refusal, page: &OwnPage) -> String {
    let way = if *refusal == Refusal::NotLoggedIn {
        "login"
    } else {
        "confirm"
    };
    format!("/{way}?next={}", page.escaped())
}

/// Leads on with a GET.
pub fn see_other(target: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
}
