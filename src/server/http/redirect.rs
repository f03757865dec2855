//! The plain HTTP listener: redirects page requests to HTTPS and refuses API calls.
//!
//! API calls are refused unread and never redirected. A redirect would hide a wrong address in a client, which would
//! then send its secrets in the clear each time (OWASP ASVS 4.1.2). The health checks are served here as well, for load
//! balancers without TLS.

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header::STRICT_TRANSPORT_SECURITY},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse as _, Redirect, Response},
};
use tower::ServiceBuilder;

use super::{
    health,
    middleware::{negotiate_language, request_context, security_headers, validate_request},
    response::{ResponseFormat, json_error},
};
use crate::{contract::Refusal, server::state::AppState};

/// The routes of the plain HTTP listener and their middleware, outermost first.
pub fn router(state: &AppState) -> Router {
    Router::new()
        .fallback(redirect)
        .with_state(state.settings().origin())
        .merge(health::routes(state.clone()))
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.clone(), request_context::provide))
                .layer(map_response(without_hsts))
                .layer(map_response(security_headers::add))
                .layer(from_fn_with_state(state.clone(), negotiate_language::negotiate))
                .layer(from_fn(validate_request::check)),
        )
}

/// Removes HSTS, which must not be sent over plain HTTP (RFC 6797, section 7.2).
async fn without_hsts(mut response: Response) -> Response {
    response.headers_mut().remove(STRICT_TRANSPORT_SECURITY);
    response
}

async fn redirect(State(origin): State<String>, request: Request) -> Response {
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_get || ResponseFormat::of(request.uri().path()) == ResponseFormat::Json {
        return json_error(&Refusal::PlainHttp);
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    // The request target may be `*`, which is not a path.
    let target = if target.starts_with('/') { target } else { "/" };
    // Always to the configured origin, never to the `Host` of the request.
    Redirect::permanent(&format!("{origin}{target}")).into_response()
}
