//! `GET /api/openapi.json`: the OpenAPI document.

use axum::{
    extract::State,
    http::{HeaderValue, header::ALLOW},
    response::Response,
};

use super::{
    pages::Pages,
    response::{json_error, json_response},
};
use crate::contract::Refusal;

pub async fn show(State(pages): State<Pages>) -> Response {
    json_response(pages.openapi().to_owned())
}

pub async fn only_get() -> Response {
    let mut response = json_error(&Refusal::MethodNotAllowed);
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
