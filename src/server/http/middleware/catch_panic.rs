//! Turns a panic into a 500 response for this request only.
//!
//! The panic hook in [`log`](crate::server::telemetry::log) logs the panic and its location. tower-http's layer is not
//! used because its handler does not see the request and so cannot choose between JSON and HTML.

use axum::{extract::Request, middleware::Next, response::Response};

use crate::server::{
    http::response::{ResponseFormat, error_response},
    telemetry::error::caught,
};

pub async fn catch(request: Request, next: Next) -> Response {
    let format = ResponseFormat::of(request.uri().path());
    match caught(next.run(request)).await {
        Ok(response) => response,
        Err(refusal) => error_response(format, &refusal),
    }
}
