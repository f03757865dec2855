//! What a call gets back over HTTP, for every door that speaks JSON.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};

use crate::contract::Refusal;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// A reply.
pub fn answered(body: String) -> Response {
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

/// A refusal.
pub fn refused(refusal: &Refusal) -> Response {
    let status =
        StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = body_of(refusal);
    let mut response = (status, [(CONTENT_TYPE, JSON)], body).into_response();
    let headers = response.headers_mut();
    match refusal {
        Refusal::Busy { retry_after } => {
            headers.insert(RETRY_AFTER, HeaderValue::from(*retry_after));
        }
        Refusal::MethodNotAllowed => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}

/// The body of a refusal.
pub fn body_of(refusal: &Refusal) -> String {
    serde_json::to_string(refusal).expect("a refusal is an object of strings, numbers and booleans")
}
