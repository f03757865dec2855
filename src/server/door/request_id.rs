//! What every request gets, before anything else: its reference, and a line in the access log.
//!
//! The reference is our own. An `X-Request-Id` that the client sends is not looked at: it could be that of somebody
//! else's request, or anything at all. The query of the address is never logged; people put secrets into those.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;

use crate::server::{
    https::{connection::Connection, forwarded::client_address},
    reference::Reference,
    settings::Proxies,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How many characters of a method or path are logged.
const LOGGED: usize = 200;

/// The middleware, outside of everything else, on every listener.
pub async fn follow(State(proxies): State<Arc<Proxies>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let reference = Reference::random();
    let connection = request.extensions().get::<ConnectInfo<Connection>>();
    let address = connection
        .map(|ConnectInfo(connection)| client_address(request.headers(), connection.address(), &proxies))
        .map(tracing::field::display);
    // At the level of errors and under a name of its own, so that no filter takes it off a line that is written.
    let span = tracing::error_span!(
        target: "callgate::request",
        "request",
        request_id = reference.as_str(),
        address,
        method = start_of(request.method().as_str()),
        path = start_of(request.uri().path()),
    );
    let work = async move {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::from_str(reference.as_str()) {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        tracing::debug!(
            target: "callgate::access",
            status = response.status().as_u16(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    };
    reference.over(work.instrument(span)).await
}

/// As much of a client's text as goes into a line.
pub fn start_of(text: &str) -> &str {
    text.char_indices().nth(LOGGED).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(start_of("short"), "short");
        assert_eq!(start_of(&"é".repeat(LOGGED + 1)), "é".repeat(LOGGED));
    }
}
