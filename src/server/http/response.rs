//! Responses to calls: JSON for programs, and plain error pages for people.

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, ALLOW, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFRESH,
            RETRY_AFTER, WWW_AUTHENTICATE,
        },
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::middleware::security_headers::SCRIPTLESS_POLICY;
use crate::{
    contract::{Language, Refusal, redirect_target::OwnPage},
    pages::failure::{self, NextLink},
    server::telemetry::{error::InternalError, request::RequestContext, request_id::RequestId},
    t,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

pub const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

pub fn json_response(body: String) -> Response {
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// For programs and for scripts of pages: everything below `/api`, functions existing or not.
    Json,
    /// For people.
    Html,
}

impl ResponseFormat {
    pub fn of(path: &str) -> Self {
        match path.strip_prefix("/api") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Self::Json,
            _ => Self::Html,
        }
    }
}

pub fn error_response(format: ResponseFormat, refusal: &Refusal) -> Response {
    match format {
        ResponseFormat::Json => json_error(refusal),
        ResponseFormat::Html => error_page(refusal),
    }
}

/// A refusal as an HTML page. It uses neither the database nor scripts.
pub fn error_page(refusal: &Refusal) -> Response {
    let link = match refusal {
        Refusal::NotLoggedIn => NextLink::new("/login", t!("Log in")),
        _ => NextLink::home(),
    };
    error_page_with_link(refusal, link)
}

/// A refusal that is answered with [`error_page`], so that handlers can use `?`.
pub struct ErrorPage(Refusal);

impl<E: Into<Refusal>> From<E> for ErrorPage {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ErrorPage {
    fn into_response(self) -> Response {
        error_page(&self.0)
    }
}

pub fn error_page_with_link(refusal: &Refusal, link: NextLink) -> Response {
    let request_id = RequestContext::request_id();
    let page = failure::html(refusal, request_id.as_ref().map(RequestId::as_str), link);
    let mut response = (status(refusal), language(), scriptless_page_headers(), page).into_response();
    add_headers(&mut response, refusal);
    response
}

/// The error page for a form whose page was loaded for another user. `page` is that page.
pub fn outdated(page: String) -> Response {
    error_page_with_link(&Refusal::OtherUser, NextLink::new(page, t!("Reload the page")))
}

/// The response to a form that sends the browser to `url` at a provider. It has a `Refresh` header instead of a redirect,
/// because Chromium and Safari apply `form-action 'self'` to the redirects after a form, too, and would block it.
pub fn to_provider(provider: &str, host: &str, url: String) -> Response {
    let refresh = match HeaderValue::try_from(format!("0; url={url}")) {
        Ok(refresh) => refresh,
        Err(error) => return error_page(&InternalError::new("sending a browser to a provider", error).into()),
    };
    let page = failure::leaving_page(provider, host, url);
    ([(REFRESH, refresh)], scriptless_page_headers(), page).into_response()
}

pub fn scriptless_page_headers() -> [(HeaderName, HeaderValue); 2] {
    let policy = HeaderValue::from_static(SCRIPTLESS_POLICY);
    [(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, policy)]
}

pub fn json_error(refusal: &Refusal) -> Response {
    let mut response = (status(refusal), language(), json_response(refusal_body(refusal))).into_response();
    add_headers(&mut response, refusal);
    response
}

/// The header for the language of a refusal. The session middleware sets it for every response.
fn language() -> [(HeaderName, HeaderValue); 1] {
    [(CONTENT_LANGUAGE, HeaderValue::from_static(Language::current().tag()))]
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Adds the header that the status of a refusal requires (RFC 9110, sections 10.2.1, 10.2.3, 11.6.1 and 12.5.3).
pub fn add_headers(response: &mut Response, refusal: &Refusal) {
    let (name, value) = match refusal {
        Refusal::Busy { retry_after } | Refusal::TooManyAttempts { retry_after } => {
            (RETRY_AFTER, HeaderValue::from(*retry_after))
        }
        // 401 requires a challenge. No browser knows this scheme, so none shows its own password prompt.
        Refusal::NotLoggedIn | Refusal::InvalidCredentials => {
            (WWW_AUTHENTICATE, HeaderValue::from_static("Cookie realm=\"Callgate\""))
        }
        Refusal::MethodNotAllowed => (ALLOW, HeaderValue::from_static("POST")),
        Refusal::Encoded => (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        _ => return,
    };
    response.headers_mut().insert(name, value);
}

#[derive(Serialize)]
struct RefusalBody<'a> {
    #[serde(flatten)]
    refusal: &'a Refusal,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The JSON body of a refusal, with the id of the current request.
pub fn refusal_body(refusal: &Refusal) -> String {
    let request_id = RequestContext::request_id();
    let body = RefusalBody {
        refusal,
        request_id: request_id.as_ref().map(RequestId::as_str),
    };
    serde_json::to_string(&body).expect("a refusal is an object of strings, numbers and booleans")
}

/// The path of the login or confirmation page that `refusal` asks for, which leads back to `page`.
pub fn login_path(refusal: &Refusal, page: &OwnPage) -> String {
    let path = if *refusal == Refusal::NotLoggedIn {
        "login"
    } else {
        "confirm"
    };
    format!("/{path}?next={}", page.escaped())
}

pub fn see_other(target: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, target)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_a_provider_without_a_redirect() {
        let url = "https://id.example.org/authorize?a=1&b=x;y";
        let response = to_provider("Example", "id.example.org", url.to_owned());
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[REFRESH], format!("0; url={url}"));
        let response = to_provider(
            "Example",
            "id.example.org",
            "https://id.example.org/\r\nSet-Cookie: a=b".to_owned(),
        );
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
