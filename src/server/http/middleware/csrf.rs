//! Refuses cross-site requests (cross-site request forgery; OWASP ASVS 3.5.1 to 3.5.3).
//!
//! Browsers state the origin of a request in `Sec-Fetch-Site` and `Origin`. Other clients send neither and are allowed.
//! GET, HEAD and OPTIONS are always allowed, because they change nothing. The exception is the callback of a login at a
//! provider, which is a GET from another site by design: its flow is bound to the browser by a cookie.

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, Method,
        header::{HOST, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};

use crate::{
    contract::Refusal,
    server::{
        auth::security_log,
        http::{
            body::drain,
            response::{ResponseFormat, error_response},
        },
        state::AppState,
    },
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Logs and refuses cross-site requests. tower-http's CSRF layer is not used because it does not compare the scheme.
pub async fn check(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let own_origin = state.settings().origin();
    // HTTP/2 has the host in the URI (`:authority`), HTTP/1.1 in a header.
    let authority = request.uri().authority().map(Authority::as_str);
    let host = authority.or_else(|| header_text(request.headers(), HOST));
    if is_safe || is_same_origin(request.headers(), host, &own_origin) {
        return next.run(request).await;
    }
    security_log::other_site(header_text(request.headers(), ORIGIN), &own_origin);
    drain(&mut request).await;
    error_response(ResponseFormat::of(request.uri().path()), &Refusal::CrossOrigin)
}

/// Whether a request comes from a page of this site or from no page at all.
fn is_same_origin(headers: &HeaderMap, host: Option<&str>, own_origin: &str) -> bool {
    let site_is_own = match headers.get(SEC_FETCH_SITE) {
        None => true,
        Some(site) => site == "same-origin" || site == "none",
    };
    let origin_is_own = match headers.get(ORIGIN).map(|origin| origin.to_str()) {
        None => true,
        Some(Err(_)) => false,
        // Browsers send `null` if a proxy has set `Referrer-Policy: no-referrer` (Fetch, "append a request `Origin`
        // header"). `Sec-Fetch-Site` is still reliable, because no page can set it.
        Some(Ok("null")) => headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin"),
        Some(Ok(origin)) => {
            origin.eq_ignore_ascii_case(own_origin)
                || origin.strip_prefix("https://").zip(host).is_some_and(|(origin, host)| {
                    // Browsers omit the default port; proxies may add it to the host.
                    origin.eq_ignore_ascii_case(host.strip_suffix(":443").unwrap_or(host))
                })
        }
    };
    site_is_own && origin_is_own
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn passes(site: Option<&'static str>, origin: Option<&'static str>) -> bool {
        passes_at("localhost:8443", site, origin)
    }

    fn passes_at(host: &str, site: Option<&'static str>, origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        is_same_origin(&headers, Some(host), "https://calls.example")
    }

    #[test]
    fn requests_of_own_pages_and_of_other_clients_pass() {
        assert!(passes(None, None));
        assert!(passes(Some("same-origin"), Some("https://localhost:8443")));
        assert!(passes(Some("same-origin"), Some("https://calls.example")));
        assert!(passes(Some("none"), None));
        assert!(passes(None, Some("https://LOCALHOST:8443")));
        assert!(passes(Some("same-origin"), Some("null")));
        for host in ["name.example", "name.example:443"] {
            assert!(
                passes_at(host, Some("same-origin"), Some("https://name.example")),
                "{host}"
            );
            assert!(!passes_at(host, None, Some("https://name.example:8443")), "{host}");
        }
    }

    #[test]
    fn requests_of_other_sites_do_not_pass() {
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            assert!(!passes(Some(site), None), "{site}");
        }
        for site in [None, Some("none"), Some("same-site"), Some("cross-site"), Some("")] {
            assert!(!passes(site, Some("null")), "{site:?}");
        }
        for origin in [
            "NULL",
            "https://evil.example",
            "http://localhost:8443",
            "https://localhost:8444",
            "https://localhost",
            "https://localhost:8443.evil.example",
            "https://calls.example.evil.example",
            "",
        ] {
            assert!(!passes(None, Some(origin)), "{origin}");
            assert!(!passes(Some("same-origin"), Some(origin)), "{origin}");
        }
    }
}
