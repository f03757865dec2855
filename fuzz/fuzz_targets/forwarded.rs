//! `X-Forwarded-For`: whatever stands in it, a peer that is no trusted proxy is never believed, and what the last trusted
//! proxy wrote decides.
//!
//! Each line is one header.

#![no_main]

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use callgate::server::{http::middleware::client_ip::client_address, config::{ForwardedHeader, Proxies}};
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
    // One more proxy behind the client changes nothing.
    headers.append(X_FORWARDED_FOR, HeaderValue::from_static("203.0.113.9, 10.9.9.9"));
    assert_eq!(client_address(&headers, proxy, &proxies).to_string(), "203.0.113.9");
});
