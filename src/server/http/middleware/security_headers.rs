//! Security headers for every HTTPS response, including refusals, redirects and files.

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY},
    },
    response::Response,
};

/// Policy for responses that are not pages: they may load and run nothing.
const DEFAULT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const VARY_ON_CALLER: HeaderValue = HeaderValue::from_static("Cookie, Accept-Language");

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub const SCRIPTLESS_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Added to every response. No handler sets one of these itself.
const COMMON_HEADERS: [(HeaderName, HeaderValue); 7] = [
    // Two years (OWASP HTTP Headers Cheat Sheet).
    header("strict-transport-security", "max-age=63072000; includeSubDomains"),
    header("x-content-type-options", "nosniff"),
    // For browsers that do not know frame-ancestors.
    header("x-frame-options", "DENY"),
    // Not `no-referrer`: browsers would send `Origin: null` with our own forms.
    header("referrer-policy", "same-origin"),
    header("cross-origin-opener-policy", "same-origin"),
    header("cross-origin-resource-policy", "same-origin"),
    header(
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

const fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// Forbids caching of a response that depends on the session (OWASP ASVS 14.3.2).
pub fn depend_on_session(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, NO_STORE);
    if headers.get_all(VARY).iter().all(|value| value != VARY_ON_CALLER) {
        headers.append(VARY, VARY_ON_CALLER);
    }
}

/// Adds the security headers. A handler may set its own `Content-Security-Policy` and `Cache-Control`.
pub async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.extend(COMMON_HEADERS);
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(DEFAULT_POLICY);
    // Only files may be cached. Everything else is about one request, even without a session.
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    response
}

/// The content security policy of a page: styles, images and requests of this site only, and scripts only with the
/// nonce of this response.
///
/// `strict-dynamic` allows the script with the nonce to load further scripts. `wasm-unsafe-eval` allows it to compile
/// WebAssembly and nothing else (CSP Level 3). `reload_port`, set in development only, allows the live-reload WebSocket
/// on that port.
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
