//! The public address of the site, in the one spelling that browsers send.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::uri::Authority;
use url::Url;

/// An origin as browsers spell it, whatever the spelling that was chosen: in lower case and without the default port
/// (<https://url.spec.whatwg.org/#concept-url-origin>). `None` for what is more or less than `https://`, a host, and perhaps a
/// port.
pub(super) fn spelled(text: &str) -> Option<String> {
    let url = is_origin(text).then(|| Url::parse(text).ok())??;
    Some(url.origin().ascii_serialization())
}

/// The origin of what listens at an address. Certificates for development are for `localhost`, so 127.0.0.1 is called that.
pub(super) fn at(address: SocketAddr) -> String {
    let origin = match address.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => format!("https://localhost:{}", address.port()),
        _ => format!("https://{address}"),
    };
    origin.strip_suffix(":443").map_or(origin.clone(), str::to_owned)
}

/// What the names of the cookies of a site end in whose public address is `origin`: `-8443`, say, and nothing where the port is 443.
pub fn cookie_suffix(origin: &str) -> String {
    let port = origin.rsplit_once(':').map_or("", |(_, port)| port);
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port && port != "443" {
        format!("-{port}")
    } else {
        String::new()
    }
}

/// Whether a text is `https://`, a host, and perhaps a port, with nothing behind.
fn is_origin(text: &str) -> bool {
    let Some(authority) = text
        .strip_prefix("https://")
        .and_then(|text| text.parse::<Authority>().ok())
    else {
        return false;
    };
    let host = authority.host();
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let port = authority.as_str().strip_prefix(host);
    let is_number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(is_number);
    host.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && host.bytes().all(letters)
        && port.is_some_and(|port| port.is_empty() || is_port(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        for (chosen, spelling) in [
            ("https://calls.example", "https://calls.example"),
            ("https://calls.example:443", "https://calls.example"),
            ("https://calls.example:0443", "https://calls.example"),
            ("https://Calls.Example:08443", "https://calls.example:8443"),
            ("https://[2001:DB8:0::1]:443", "https://[2001:db8::1]"),
            ("https://192.0.2.1:4433", "https://192.0.2.1:4433"),
        ] {
            assert_eq!(spelled(chosen).as_deref(), Some(spelling), "{chosen}");
        }
        for no_origin in [
            "https://",
            "https://.:443/",
            "https://a.example/",
            "https://a@b",
            "https://1.2.3.999",
        ] {
            assert_eq!(spelled(no_origin), None, "{no_origin}");
        }
    }

    #[test]
    fn what_listens_at_an_address_is_reached_there() {
        for (address, origin) in [
            ("127.0.0.1:8443", "https://localhost:8443"),
            ("127.0.0.1:443", "https://localhost"),
            ("192.0.2.1:443", "https://192.0.2.1"),
            ("[2001:db8::443]:8443", "https://[2001:db8::443]:8443"),
            ("[2001:db8::443]:443", "https://[2001:db8::443]"),
        ] {
            assert_eq!(at(address.parse().unwrap()), origin);
        }
    }

    #[test]
    fn the_port_of_a_site_ends_the_names_of_its_cookies() {
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
