//! The `Cookie` header. Whatever it contains, a Callgate cookie is found only if it occurs exactly once and is
//! complete.

#![no_main]

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use callgate::server::auth::cookies::{CookieName, Cookies};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    for (name, text) in [
        (CookieName::Session, "__Host-callgate="),
        (CookieName::Remember, "__Host-callgate-remember="),
        (CookieName::PendingCall, "__Host-callgate-call="),
        (CookieName::Flow, "__Host-callgate-flow="),
    ] {
        let sent = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter(|pair| pair.trim_ascii().starts_with(text.as_bytes()))
            .count();
        match Cookies::read(&headers, "").get(name) {
            Some(value) => {
                assert_eq!(sent, 1);
                assert!(value.is_ascii() && !value.contains(';'));
            }
            None => assert!(sent != 1 || !data.is_ascii()),
        }
    }
});
