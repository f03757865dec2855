//! Refuses requests with too many headers, and those whose host or length could be read in two ways (RFC 9112, sections 3.2 and 6; RFC 9113, section
//! 8.3.1; OWASP ASVS 4.2.1 to 4.2.4).
//!
//! Something in front of the server may have read such a request in the other way, and then the two no longer agree where
//! the next one begins. hyper refuses most of them before they get here; these are the ones that it lets pass.

use std::str::FromStr as _;

use axum::{
    extract::Request,
    http::{
        HeaderMap, HeaderValue, Uri, Version,
        header::{CONNECTION, COOKIE, HOST, TRANSFER_ENCODING},
        uri::Authority,
    },
    middleware::Next,
    response::Response,
};

use crate::{
    contract::Refusal,
    server::http::response::{ResponseFormat, error_response},
};

/// The most header fields of a request. All cookies count as one: browsers send each as a field of its own over HTTP/2 (RFC 9113,
/// section 8.2.3).
const MAX_FIELDS: usize = 100;

/// The most bytes of names and values of header fields: 32 KiB of cookies, and as much for the rest.
const MAX_BYTES: usize = 64 * 1024;

/// The middleware.
pub async fn check(request: Request, next: Next) -> Response {
    let format = ResponseFormat::of(request.uri().path());
    if has_too_many_headers(request.headers()) {
        return error_response(format, &Refusal::HeadersTooLarge);
    }
    let fault = fault_of_length(request.headers())
        .or_else(|| fault_of_host(request.version(), request.uri(), request.headers()));
    let Some(fault) = fault else {
        return next.run(request).await;
    };
    let mut response = error_response(format, &Refusal::MalformedRequest(fault.to_owned()));
    if request.version() <= Version::HTTP_11 {
        // Nobody knows where the next request begins.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn has_too_many_headers(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(COOKIE).iter().count();
    let fields = headers.len() - cookies.saturating_sub(1);
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    fields > MAX_FIELDS || bytes > MAX_BYTES
}

fn fault_of_length(headers: &HeaderMap) -> Option<&'static str> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => None,
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("Transfer-Encoding is something else than chunked"),
    }
}

fn fault_of_host(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Some("Host comes more than once");
    }
    let named = uri.authority();
    // As nearly every one is.
    if version <= Version::HTTP_11 && named.is_none() && host.is_some_and(|host| is_name_and_port(host.as_bytes())) {
        return None;
    }
    let host = match host.map(|host| host.to_str().map(Authority::from_str)) {
        None => None,
        Some(Ok(Ok(host))) => Some(host),
        Some(_) => return Some("Host is no address"),
    };
    if [named, host.as_ref()]
        .into_iter()
        .flatten()
        .any(|host| host.as_str().contains('@'))
    {
        return Some("the host has a user in it");
    }
    match (version, named, host) {
        (Version::HTTP_11, _, None) => Some("Host is missing"),
        (Version::HTTP_2, None, None) => Some("the host is missing"),
        (Version::HTTP_2, Some(named), Some(host)) if *named != host => Some("Host and :authority are not the same"),
        _ => None,
    }
}

/// Whether it is a plain name or number, with a port or without.
fn is_name_and_port(host: &[u8]) -> bool {
    let mut parts = host.splitn(2, |byte| *byte == b':');
    let (name, port) = (parts.next().unwrap_or_default(), parts.next());
    let is_in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    !name.is_empty()
        && name.iter().all(is_in_name)
        && port.is_none_or(|port| matches!(port.len(), 1..=5) && port.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn length(lines: &[(HeaderName, &str)]) -> bool {
        fault_of_length(&headers(lines)).is_none()
    }

    fn host(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let lines: Vec<_> = hosts.iter().map(|host| (HOST, *host)).collect();
        fault_of_host(version, &uri.parse().unwrap(), &headers(&lines)).is_none()
    }

    #[test]
    fn a_length_is_told_once_and_in_one_way() {
        let te = TRANSFER_ENCODING;
        assert!(length(&[]));
        assert!(length(&[(te.clone(), "chunked")]));
        assert!(length(&[(te.clone(), "Chunked")]));
        assert!(!length(&[(te.clone(), "chunked"), (te.clone(), "chunked")]));
        for encoding in [
            "",
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "xchunked",
            "chunked;x",
        ] {
            assert!(!length(&[(te.clone(), encoding)]), "{encoding}");
        }
    }

    #[test]
    fn a_host_is_named_once_and_is_an_address() {
        let http1 = Version::HTTP_11;
        for name in [
            "localhost",
            "localhost:8443",
            "127.0.0.1",
            "[::1]:8443",
            "Calls.example",
        ] {
            assert!(host(http1, "/", &[name]), "{name}");
        }
        // The address of the request goes before Host (RFC 9112, section 3.2.2).
        assert!(host(http1, "https://calls.example/", &["localhost"]));
        for hosts in [&["a", "a"][..], &["a", "b"], &[], &[""], &["a b"], &["a/b"], &["a@b"]] {
            assert!(!host(http1, "/", hosts), "{hosts:?}");
        }
        assert!(host(Version::HTTP_10, "/", &[]));
        assert!(!host(Version::HTTP_10, "/", &["a", "b"]));
    }

    #[test]
    fn over_http_2_both_names_of_the_host_are_the_same() {
        let http2 = Version::HTTP_2;
        assert!(host(http2, "https://a:1/", &[]));
        assert!(host(http2, "https://a:1/", &["A:1"]));
        assert!(host(http2, "/", &["a"]));
        assert!(!host(http2, "/", &[]));
        assert!(!host(http2, "https://a:1/", &["b"]));
        assert!(!host(http2, "https://a:1/", &["a:2"]));
        assert!(!host(http2, "https://x@a:1/", &[]));
    }
}
