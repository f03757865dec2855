//! Refuses requests with too many headers and requests whose host or length is ambiguous (RFC 9112, sections 3.2 and 6;
//! RFC 9113, section 8.3.1; OWASP ASVS 4.2.1 to 4.2.4).
//!
//! A proxy in front of the server may interpret an ambiguous request differently. The two then disagree where the next
//! request begins (request smuggling). hyper refuses most such requests, and this middleware the rest.

use std::str::FromStr as _;

use axum::{
    extract::Request,
    http::{
        HeaderMap, Uri, Version,
        header::{CONNECTION, COOKIE, HOST, TRANSFER_ENCODING},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{
    contract::{Message, Refusal},
    message,
    server::http::response::{ResponseFormat, error_response},
};

/// Maximum number of header fields. All cookies count as one, because HTTP/2 clients may send each in its own field
/// (RFC 9113, section 8.2.3).
const MAX_FIELDS: usize = 100;

/// Maximum total size of header names and values, in bytes: 32 KiB for cookies and as much for the rest.
const MAX_BYTES: usize = 64 * 1024;

pub async fn check(request: Request, next: Next) -> Response {
    let format = ResponseFormat::of(request.uri().path());
    if has_too_many_headers(request.headers()) {
        return error_response(format, &Refusal::HeadersTooLarge);
    }
    let problem =
        length_problem(request.headers()).or_else(|| host_problem(request.version(), request.uri(), request.headers()));
    let Some(problem) = problem else {
        return next.run(request).await;
    };
    let response = error_response(format, &Refusal::MalformedRequest(problem));
    if request.version() <= Version::HTTP_11 {
        // It is unclear where the next request on this connection begins.
        return ([(CONNECTION, "close")], response).into_response();
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

fn length_problem(headers: &HeaderMap) -> Option<Message> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => None,
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some(message!("Transfer-Encoding is not chunked")),
    }
}

fn host_problem(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<Message> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Some(message!("there is more than one Host header"));
    }
    let authority = uri.authority();
    // Fast path: nearly all requests.
    if version <= Version::HTTP_11 && authority.is_none() && host.is_some_and(|host| is_name_and_port(host.as_bytes()))
    {
        return None;
    }
    let host = match host.map(|host| host.to_str().map(Authority::from_str)) {
        None => None,
        Some(Ok(Ok(host))) => Some(host),
        Some(_) => return Some(message!("Host is not a valid address")),
    };
    if [authority, host.as_ref()]
        .into_iter()
        .flatten()
        .any(|host| host.as_str().contains('@'))
    {
        return Some(message!("the host contains user information"));
    }
    match (version, authority, host) {
        (Version::HTTP_11, _, None) => Some(message!("Host is missing")),
        (Version::HTTP_2, None, None) => Some(message!("the host is missing")),
        (Version::HTTP_2, Some(authority), Some(host)) if *authority != host => {
            Some(message!("Host and :authority differ"))
        }
        _ => None,
    }
}

/// Whether `host` is a plain host name or IPv4 address, with or without a port.
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

    fn has_valid_length(lines: &[(HeaderName, &str)]) -> bool {
        length_problem(&headers(lines)).is_none()
    }

    fn has_valid_host(version: Version, uri: &str, hosts: &[&str]) -> bool {
        let lines: Vec<_> = hosts.iter().map(|host| (HOST, *host)).collect();
        host_problem(version, &uri.parse().unwrap(), &headers(&lines)).is_none()
    }

    #[test]
    fn a_length_is_declared_once_and_in_one_way() {
        let te = TRANSFER_ENCODING;
        assert!(has_valid_length(&[]));
        assert!(has_valid_length(&[(te.clone(), "chunked")]));
        assert!(has_valid_length(&[(te.clone(), "Chunked")]));
        assert!(!has_valid_length(&[(te.clone(), "chunked"), (te.clone(), "chunked")]));
        for encoding in [
            "",
            "identity",
            "gzip, chunked",
            "chunked, chunked",
            "xchunked",
            "chunked;x",
        ] {
            assert!(!has_valid_length(&[(te.clone(), encoding)]), "{encoding}");
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
            assert!(has_valid_host(http1, "/", &[name]), "{name}");
        }
        // An absolute-form target takes precedence over Host (RFC 9112, section 3.2.2).
        assert!(has_valid_host(http1, "https://calls.example/", &["localhost"]));
        for hosts in [&["a", "a"][..], &["a", "b"], &[], &[""], &["a b"], &["a/b"], &["a@b"]] {
            assert!(!has_valid_host(http1, "/", hosts), "{hosts:?}");
        }
        assert!(has_valid_host(Version::HTTP_10, "/", &[]));
        assert!(!has_valid_host(Version::HTTP_10, "/", &["a", "b"]));
    }

    #[test]
    fn over_http_2_host_and_authority_must_not_differ() {
        let http2 = Version::HTTP_2;
        assert!(has_valid_host(http2, "https://a:1/", &[]));
        assert!(has_valid_host(http2, "https://a:1/", &["A:1"]));
        assert!(has_valid_host(http2, "/", &["a"]));
        assert!(!has_valid_host(http2, "/", &[]));
        assert!(!has_valid_host(http2, "https://a:1/", &["b"]));
        assert!(!has_valid_host(http2, "https://a:1/", &["a:2"]));
        assert!(!has_valid_host(http2, "https://x@a:1/", &[]));
    }
}
