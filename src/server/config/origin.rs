//! The origin of the site, normalized to the form that browsers send.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::uri::Authority;
use url::Url;

/// Normalizes an origin as browsers do: lower case, no default port
/// (<https://url.spec.whatwg.org/#concept-url-origin>). `None` unless the text is `https://`, a host and optionally a
/// port.
pub(super) fn normalize(text: &str) -> Option<String> {
    let url = is_origin(text).then(|| Url::parse(text).ok())??;
    Some(url.origin().ascii_serialization())
}

/// The origin of a listening address. 127.0.0.1 becomes `localhost`, the name in development certificates.
pub(super) fn of_address(address: SocketAddr) -> String {
    let origin = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => format!("https://localhost:{}", address.port()),
        _ => format!("https://{address}"),
    };
    origin.strip_suffix(":443").unwrap_or(&origin).to_owned()
}

/// The suffix of the cookie names of a site, such as `-8443`. Empty for port 443.
pub fn cookie_suffix(origin: &str) -> String {
    let port = origin.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port && port != "443" {
        format!("-{port}")
    } else {
        String::new()
    }
}

/// Whether a text is `https://`, a host and optionally a port, and nothing else.
fn is_origin(text: &str) -> bool {
    let Some(authority) = text
        .strip_prefix("https://")
        .and_then(|text| text.parse::<Authority>().ok())
    else {
        return false;
    };
    let host = authority.host();
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let port = authority.as_str().strip_prefix(host);
    let is_number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(is_number);
    host.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && host.bytes().all(is_host_byte)
        && port.is_some_and(|port| port.is_empty() || is_port(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_normalized() {
        for (text, normalized) in [
            ("https://calls.example", "https://calls.example"),
            ("https://calls.example:443", "https://calls.example"),
            ("https://calls.example:0443", "https://calls.example"),
            ("https://Calls.Example:08443", "https://calls.example:8443"),
            ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
            ("https://192.0.2.1:4433", "https://192.0.2.1:4433"),
        ] {
            assert_eq!(normalize(text).as_deref(), Some(normalized), "{text}");
        }
        for text in [
            "https://",
            "https://.:443/",
            "https://a.example/",
            "https://a@b",
            "https://1.2.3.999",
        ] {
            assert_eq!(normalize(text), None, "{text}");
        }
    }

    #[test]
    fn a_listening_address_has_an_origin() {
        for (address, origin) in [
            ("127.0.0.1:8443", "https://localhost:8443"),
            ("127.0.0.1:443", "https://localhost"),
            ("192.0.2.1:443", "https://192.0.2.1"),
            ("[2001:db8::443]:8443", "https://[2001:db8::443]:8443"),
            ("[2001:db8::443]:443", "https://[2001:db8::443]"),
        ] {
            assert_eq!(of_address(address.parse().unwrap()), origin);
        }
    }

    #[test]
    fn cookie_names_end_with_the_port() {
        for (origin, suffix) in [
            ("https://calls.example", ""),
            ("https://calls.example:443", ""),
            ("https://calls.example:8443", "-8443"),
            ("https://[::1]", ""),
            ("https://[::1]:8443", "-8443"),
        ] {
            assert_eq!(cookie_suffix(origin), suffix, "{origin}");
        }
    }
}
