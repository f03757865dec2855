//! Creates the request id and the request context, writes the access log, and sets the keep-alive headers.
//!
//! The server always generates the request id. It ignores an `X-Request-Id` header of the client, because that could be
//! the id of another request (tower-http's layer would accept it). The query string is never logged, because it may
//! contain secrets.

use std::time::Instant;

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Version, header::CONNECTION},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument as _, Level};

use super::{client_ip::client_address, security_headers::X_REQUEST_ID};
use crate::server::{
    listener::connection::Connection,
    state::AppState,
    telemetry::{
        request::{RequestContext, truncate},
        request_id::RequestId,
    },
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

pub async fn provide(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = tracing::enabled!(target: "callgate::access", Level::DEBUG).then(Instant::now);
    let connection = request
        .extensions()
        .get::<ConnectInfo<Connection>>()
        .map(|info| info.0.clone());
    let settings = state.settings();
    let idle = settings.https.idle_seconds.duration();
    let context = RequestContext {
        request_id: RequestId::generate(),
        address: connection
            .as_ref()
            .map(|connection| client_address(request.headers(), connection.peer, &settings.proxies)),
        method: request.method().clone(),
        uri: request.uri().clone(),
    };
    let (id, is_http1) = (context.request_id, request.version() == Version::HTTP_11);
    let span = tracing::debug_span!(
        target: "callgate::request",
        "request",
        request_id = id.as_str(),
        address = context.address.map(tracing::field::display),
        method = truncate(context.method.as_str()),
        path = truncate(context.uri.path()),
    );
    let _responding = connection.as_ref().map(|connection| {
        connection.count_request();
        connection.responding.begin()
    });
    let respond = async {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        if let Ok(mut value) = HeaderValue::from_str(id.as_str()) {
            // Never indexed: a unique value would evict useful entries from the HPACK table (RFC 7541, section 7.1.3).
            value.set_sensitive(true);
            headers.insert(X_REQUEST_ID, value);
        }
        // HTTP/1.1 only: HTTP/2 ends connections with GOAWAY.
        if is_http1 && state.shutdown().is_cancelled() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        } else if is_http1 && let Ok(value) = HeaderValue::try_from(format!("timeout={}", idle.as_secs())) {
            headers.insert(KEEP_ALIVE, value);
        }
        if let Some(started) = started {
            tracing::debug!(
                target: "callgate::access",
                status = response.status().as_u16(),
                duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "answered"
            );
        }
        response
    };
    context.scope(respond.instrument(span)).await
}
