//! `GET /api/openapi.json`: what the functions take and give, for programs.

use axum::{
    extract::State,
    http::{HeaderValue, header::ALLOW},
    response::Response,
};

use super::{
    pages::Pages,
    response::{answered, refused},
};
use crate::contract::Refusal;

/// The handler.
pub async fn show(State(pages): State<Pages>) -> Response {
    answered(pages.openapi().to_owned())
}

/// The answer to any other method.
pub async fn only_get() -> Response {
    let mut response = refused(&Refusal::MethodNotAllowed);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
