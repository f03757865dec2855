//! Determines the client IP of a request that came through proxies.
//!
//! Each proxy appends the address of its peer to `X-Forwarded-For`. The entries are read from the end, for as long as
//! the entry was written by a proxy that the settings trust. The first address that is not a trusted proxy is the
//! client. Entries that the client sends itself stand further to the front and are never reached (OWASP ASVS 4.1.3).

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};

use crate::server::config::Proxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client IP of a request with these headers that was received from `peer`.
///
/// An entry that is not an IP address, such as `unknown`, ends the search. The client is then the proxy that wrote it.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> IpAddr {
    let mut client = peer.to_canonical();
    let mut entries = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .rev()
        .flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty());
    while proxies.trusts(client)
        && let Some(hop) = entries.next().and_then(parse_address)
    {
        client = hop;
    }
    client
}

/// Parses an address with or without a port, IPv6 with or without brackets.
fn parse_address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?;
    let bare = |text: &str| text.parse::<IpAddr>().ok();
    let bracketed = || bare(text.strip_prefix('[')?.strip_suffix(']')?).filter(IpAddr::is_ipv6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare(text)
        .or_else(bracketed)
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::server::config::ForwardedHeader;

    fn client(values: &[&[u8]], peer: &str) -> String {
        let proxies = Proxies {
            trusted: ["10.0.0.0/8", "127.0.0.1", "fd00::/8"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            header: ForwardedHeader::XForwardedFor,
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(value).unwrap());
        }
        client_address(&headers, peer.parse().unwrap(), &proxies).to_string()
    }

    fn plain(values: &[&str], peer: &str) -> String {
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        client(&values, peer)
    }

    #[test]
    fn an_untrusted_peer_is_the_client() {
        assert_eq!(plain(&["1.2.3.4"], "192.0.2.1"), "192.0.2.1");
        assert_eq!(plain(&["10.0.0.1"], "192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn the_last_hop_that_is_not_a_trusted_proxy_is_the_client() {
        assert_eq!(plain(&["192.0.2.7"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["6.6.6.6, 192.0.2.7, 10.1.1.1"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["6.6.6.6", "192.0.2.7", "10.1.1.1"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["10.2.2.2, 10.1.1.1"], "127.0.0.1"), "10.2.2.2");
        assert_eq!(plain(&["192.0.2.7,, "], "::ffff:127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&[], "127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn an_entry_that_is_not_an_address_ends_the_search() {
        for entry in [
            "unknown",
            "1.2.3",
            "1.2.3.4.5",
            "_hidden",
            "fe80::1%eth0",
            "\"1.2.3.4\"",
            "-",
        ] {
            assert_eq!(plain(&["192.0.2.7", entry], "127.0.0.1"), "127.0.0.1", "{entry}");
            let between = format!("192.0.2.7, {entry}, 10.1.1.1");
            assert_eq!(plain(&[&between], "127.0.0.1"), "10.1.1.1", "{entry}");
        }
        let bytes: &[&[u8]] = &[b"192.0.2.7", b"\xff\xfe"];
        assert_eq!(client(bytes, "127.0.0.1"), "127.0.0.1");
    }

    /// The client controls the start of the header.
    #[test]
    fn the_entry_of_a_proxy_is_read_whatever_stands_before_it() {
        for front in [&b"\""[..], b"\\", b"\"\\", b"\xff", b"a\\\"", b"for=\""] {
            let value = [front, b", 192.0.2.7"].concat();
            assert_eq!(client(&[&value], "127.0.0.1"), "192.0.2.7", "{}", front.escape_ascii());
        }
    }

    #[test]
    fn addresses_are_read_in_every_notation() {
        for (entry, address) in [
            ("192.0.2.7:443", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:DB8:0::7]:443", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(plain(&[entry], "fd00::1"), address);
        }
    }
}
