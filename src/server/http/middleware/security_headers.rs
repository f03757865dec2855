//! The headers of every answer over HTTPS, refusals, redirects and files included.

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    response::Response,
};

/// For answers that are not pages: nothing in them may load or run anything.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const BY_COOKIE: HeaderValue = HeaderValue::from_static("Cookie");

/// The reference of the request.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// For pages without script.
pub const STILL_PAGE: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const EVERYWHERE: [(HeaderName, HeaderValue); 7] = [
    // Two years (OWASP HTTP Headers Cheat Sheet).
    (
        STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // For browsers that do not know frame-ancestors.
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not no-referrer: browsers would then send `Origin: null` with our own forms.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// For what depends on who asks: nobody keeps it (OWASP ASVS 14.3.2).
pub fn depend_on_session(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    if headers.get_all(VARY).iter().all(|value| value != BY_COOKIE) {
        headers.append(VARY, BY_COOKIE);
    }
}

/// Adds the security headers to a response. What a handler has set stays, but for the headers that hold everywhere.
pub async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(EVERYWHERE);
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    // Whatever is no file is about one request, also where it never came to a session.
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// The policy of a page: its own style sheet, images and requests, and scripts with the nonce of this answer only.
///
/// `strict-dynamic` lets the script with the nonce load the rest of the program, and no other; `wasm-unsafe-eval` lets it
/// compile WebAssembly and nothing else (CSP Level 3).
///
/// With `reload_port`, which only development has, the page may also listen there for a new build.
pub fn page_policy(nonce: &str, reload_port: Option<u16>) -> String {
    let reload = reload_port
        .map(|port| format!(" ws://127.0.0.1:{port}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
         frame-ancestors 'none'"
    )
}
