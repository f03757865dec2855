//! A panic ends one request, and nothing else.
//!
//! It is logged where it happens, with its place, by the hook of [`log`](crate::server::telemetry::log). (tower-http's layer does not know
//! the request, and so not whether to answer with JSON or a page.)

use axum::{extract::Request, middleware::Next, response::Response};

use crate::server::{
    http::response::{ResponseFormat, error_response},
    telemetry::error::caught,
};

/// The middleware: turns a panic into an internal failure like any other.
pub async fn catch(request: Request, next: Next) -> Response {
    let format = ResponseFormat::of(request.uri().path());
    match caught(next.run(request)).await {
        Ok(response) => response,
        Err(refusal) => error_response(format, &refusal),
    }
}
