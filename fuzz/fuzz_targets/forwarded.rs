//! The `X-Forwarded-For` header. Whatever it contains, it is ignored unless the peer is a trusted proxy. The entry
//! added by the outermost trusted proxy is the client IP.
//!
//! Each line of the input is one header.

#![no_main]

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use callgate::server::{
    config::{ForwardedHeader, Proxies},
    http::middleware::client_ip::client_address,
};
use libfuzzer_sys::fuzz_target;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fuzz_target!(|data: &[u8]| {
    let network = |text: &str| text.parse().expect("a network");
    let proxies = Proxies {
        trusted: vec![network("10.0.0.0/8"), network("fd00::/8")],
        header: ForwardedHeader::XForwardedFor,
    };
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(X_FORWARDED_FOR, value);
        }
    }
    let stranger: IpAddr = "192.0.2.1".parse().expect("an address");
    assert_eq!(client_address(&headers, stranger, &proxies), stranger);

    let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
    let client = client_address(&headers, proxy, &proxies);
    assert_eq!(client, client.to_canonical());
    // A further trusted proxy between the client and this one changes nothing.
    headers.append(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9, 10.9.9.9"));
    assert_eq!(client_address(&headers, proxy, &proxies).to_string(), "203.0.113.9");
});
