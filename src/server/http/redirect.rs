//! The plain HTTP listener: leads people to HTTPS and refuses programs.
//!
//! A page is redirected to the same path over HTTPS. A call is refused unread and never redirected, so that a client
//! with a wrong address is fixed instead of sending its secrets in the clear time and again (OWASP ASVS 4.1.2). Health is
//! told here as well, for load balancers that ask without TLS.

use axum::{
    Router,
    extract::{Request, State},
    http::{
        Method, StatusCode,
        header::{LOCATION, STRICT_TRANSPORT_SECURITY},
    },
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse as _, Response},
};
use tower::ServiceBuilder;

use super::{
    health,
    middleware::{request_context, security_headers, validate_request},
    paths::is_for_programs,
    response::json_error,
};
use crate::{contract::Refusal, server::state::AppState};

/// All routes of the plain HTTP listener with their middleware, the outermost first.
pub fn router(state: &AppState) -> Router {
    Router::new()
        .fallback(lead)
        .with_state(state.settings().origin())
        .merge(health::routes(state.clone()))
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(state.clone(), request_context::provide))
                .layer(map_response(without_hsts))
                .layer(map_response(security_headers::add))
                .layer(from_fn(validate_request::check)),
        )
}

/// Strict transport security holds for HTTPS, and must not be sent elsewhere (RFC 6797, section 7.2).
async fn without_hsts(mut response: Response) -> Response {
    response.headers_mut().remove(STRICT_TRANSPORT_SECURITY);
    response
}

async fn lead(State(origin): State<String>, request: Request) -> Response {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && !is_for_programs(request.uri().path());
    if !is_page {
        return json_error(&Refusal::PlainHttp);
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    // Not every target is a path: `*` is none.
    let target = if target.starts_with('/') { target } else { "/" };
    // To our own address, whatever host the request names.
    (
        StatusCode::PERMANENT_REDIRECT,
        [(LOCATION, format!("{origin}{target}"))],
    )
        .into_response()
}
