//! The headers of proxies: whatever stands in them, a peer that is no trusted proxy is never believed, and what the last
//! trusted proxy wrote decides.
//!
//! The first byte chooses the header and the peer; each line after it is one header.

#![no_main]

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use callgate::server::{
    https::forwarded::client_address,
    settings::{ForwardedHeader, Proxies},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [choice, lines @ ..] = data else {
        return;
    };
    let (header, name) = match choice % 2 {
        0 => (ForwardedHeader::XForwardedFor, "x-forwarded-for"),
        _ => (ForwardedHeader::Forwarded, "forwarded"),
    };
    let network = |text: &str| text.parse().expect("a network");
    let proxies = Proxies {
        trusted: vec![network("10.0.0.0/8"), network("fd00::/8")],
        header,
    };
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let stranger: IpAddr = "192.0.2.1".parse().expect("an address");
    assert_eq!(client_address(&headers, stranger, &proxies), stranger);

    let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
    let client = client_address(&headers, proxy, &proxies);
    assert_eq!(client, client.to_canonical());
    // One more proxy behind the client changes nothing.
    let last = match header {
        ForwardedHeader::XForwardedFor => "203.0.113.9, 10.9.9.9",
        ForwardedHeader::Forwarded => "for=203.0.113.9, for=10.9.9.9",
    };
    headers.append(HeaderName::from_static(name), HeaderValue::from_static(last));
    assert_eq!(client_address(&headers, proxy, &proxies).to_string(), "203.0.113.9");
});
