//! Where a request came from, when there are proxies in between.
//!
//! Proxies add the address that they were asked from at the end of a header. Read from there, each entry is believed as
//! long as the one who wrote it is a proxy that the settings trust; the first who is not is the client. What a client
//! writes into such a header itself stands further to the front and is never reached (OWASP ASVS 4.1.3).

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use axum::http::{HeaderMap, HeaderName, header::FORWARDED};

use crate::server::settings::{ForwardedHeader, Proxies};

/// The address of the client of a request that came from `peer` with these headers.
///
/// An entry that names no address, such as `unknown` (RFC 7239, 6.2), ends the search: the proxy that wrote it counts as
/// the client.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> IpAddr {
    let mut client = peer.to_canonical();
    if !proxies.trusts(client) {
        return client;
    }
    let (name, read): (_, fn(&str) -> Option<IpAddr>) = match proxies.header {
        ForwardedHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), address),
        ForwardedHeader::Forwarded => (FORWARDED, forwarded_for),
    };
    let has_quotes = proxies.header == ForwardedHeader::Forwarded;
    let values = headers.get_all(name).iter().rev();
    for entry in values.flat_map(|value| from_the_right(value.as_bytes(), has_quotes)) {
        // One that is not text cannot be read.
        let Some(hop) = str::from_utf8(entry).ok().and_then(read) else {
            break;
        };
        client = hop;
        if !proxies.trusts(client) {
            break;
        }
    }
    client
}

/// The entries of a list, the last one first, without empty ones. Quotes count from the right as well: nothing that a client
/// writes in front changes how that is read which proxies have added behind it.
fn from_the_right(value: &[u8], has_quotes: bool) -> Vec<&[u8]> {
    let (mut is_quoted, mut before) = (false, value.len());
    let entries = value.rsplit(|letter| {
        before -= 1;
        match letter {
            b'"' if has_quotes && !(is_quoted && is_escaped(value, before)) => is_quoted = !is_quoted,
            _ => {}
        }
        *letter == b',' && !is_quoted
    });
    let entries = entries.map(<[u8]>::trim_ascii);
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// Whether the byte at that place comes after a backslash that is not escaped itself (RFC 9110, 5.6.4).
fn is_escaped(value: &[u8], at: usize) -> bool {
    let before = value.iter().take(at).rev();
    before.take_while(|letter| **letter == b'\\').count() % 2 == 1
}

/// The node that one element of `Forwarded` was made for (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut nodes = split(element, ';')
        .into_iter()
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .map(|(_, node)| node.trim());
    let node = nodes.next()?;
    // With two it cannot be told which one the proxy wrote.
    if nodes.next().is_some() {
        return None;
    }
    address(&unquoted(node)?)
}

/// An address with or without a port, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.parse::<IpAddr>().ok();
    let bracketed = || bare(text.strip_prefix('[')?.strip_suffix(']')?).filter(IpAddr::is_ipv6);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare(text)
        .or_else(bracketed)
        .or_else(with_port)
        .map(|address| address.to_canonical())
}

/// A token as it stands, or the text of a quoted string (RFC 9110, 5.6.4).
fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Some(Cow::Borrowed(text));
    };
    let quoted = quoted.strip_suffix('"')?;
    let mut plain = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => letters.next()?,
            letter => letter,
        });
    }
    Some(Cow::Owned(plain))
}

/// The parts between separators that are not within quotes, trimmed.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|letter| {
        let is_escaped = std::mem::take(&mut escaped);
        match letter {
            '\\' if quoted => escaped = !is_escaped,
            '"' if !is_escaped => quoted = !quoted,
            _ => {}
        }
        letter == separator && !quoted
    })
    .map(str::trim)
    .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(header: ForwardedHeader, values: &[&[u8]], peer: &str) -> String {
        let proxies = Proxies {
            trusted: ["10.0.0.0/8", "127.0.0.1", "fd00::/8"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            header,
        };
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        client_address(&headers, peer.parse().unwrap(), &proxies).to_string()
    }

    fn plain(values: &[&str], peer: &str) -> String {
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        client(ForwardedHeader::XForwardedFor, &values, peer)
    }

    fn standard(value: &str) -> String {
        client(ForwardedHeader::Forwarded, &[value.as_bytes()], "127.0.0.1")
    }

    #[test]
    fn who_is_no_trusted_proxy_is_not_believed() {
        assert_eq!(plain(&["1.2.3.4"], "192.0.2.1"), "192.0.2.1");
        assert_eq!(plain(&["10.0.0.1"], "192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn the_last_hop_that_is_no_trusted_proxy_is_the_client() {
        assert_eq!(plain(&["192.0.2.7"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["6.6.6.6, 192.0.2.7, 10.1.1.1"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["6.6.6.6", "192.0.2.7", "10.1.1.1"], "127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&["10.2.2.2, 10.1.1.1"], "127.0.0.1"), "10.2.2.2");
        assert_eq!(plain(&["192.0.2.7,, "], "::ffff:127.0.0.1"), "192.0.2.7");
        assert_eq!(plain(&[], "127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn an_entry_that_names_no_address_ends_the_search() {
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
        assert_eq!(client(ForwardedHeader::XForwardedFor, bytes, "127.0.0.1"), "127.0.0.1");
    }

    /// Proxies add to what the client has sent.
    #[test]
    fn nothing_in_front_changes_how_what_a_proxy_added_is_read() {
        let fronts: &[&[u8]] = &[
            b"\"",
            b"\\",
            b"\"\\",
            b"\xff",
            b"a\\\"",
            b"for=\"",
            b"for=\"\\",
            b"for=\"a\", for=\"",
        ];
        for front in fronts {
            let added = |added: &[u8]| [front, added].concat();
            let plain = added(b", 192.0.2.7");
            let read = client(ForwardedHeader::XForwardedFor, &[&plain], "127.0.0.1");
            assert_eq!(read, "192.0.2.7", "{front:?}");
            for standard in [
                &b", for=192.0.2.7"[..],
                b", for=\"192.0.2.7:1\"",
                b",for=192.0.2.7;by=\"a,\\\"b\"",
            ] {
                let standard = added(standard);
                let read = client(ForwardedHeader::Forwarded, &[&standard], "127.0.0.1");
                assert_eq!(read, "192.0.2.7", "{}", standard.escape_ascii());
            }
        }
    }

    #[test]
    fn addresses_are_read_in_every_spelling() {
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

    #[test]
    fn the_standard_header_is_read_with_its_quotes() {
        assert_eq!(standard("for=192.0.2.7"), "192.0.2.7");
        assert_eq!(standard("proto=https; For=192.0.2.7;by=10.0.0.1"), "192.0.2.7");
        assert_eq!(standard("for=\"[2001:db8::7]:4711\""), "2001:db8::7");
        assert_eq!(standard("for=6.6.6.6, for=192.0.2.7, for=10.1.1.1"), "192.0.2.7");
        assert_eq!(standard("for=\"192.0\\.2.7\""), "192.0.2.7");
        assert_eq!(standard("host=\"a,for=6.6.6.6;b\";for=192.0.2.7"), "192.0.2.7");
        for unreadable in [
            "for=unknown",
            "for=_secret",
            "by=1.2.3.4",
            "for=",
            "for=\"1.2.3.4",
            "for=1.2.3.4;for=5.6.7.8",
            "192.0.2.7",
        ] {
            assert_eq!(standard(unreadable), "127.0.0.1", "{unreadable}");
        }
    }
}
