//! Which addresses the client of a provider may contact.
//!
//! A provider's metadata names further addresses. A hostile provider must not use them to make this server contact
//! services that only this server can reach (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use url::{Host, Url};

/// The rules for one provider. They are applied to URLs, which may contain an address, and to resolved names.
///
/// Private networks are allowed, because providers on an intranet are common.
#[derive(Debug, Clone, Copy)]
pub struct Targets {
    /// Whether the issuer is on a loopback address, so that other loopback addresses are allowed, too.
    loopback: bool,
    /// Whether the issuer uses plain HTTP, which the settings allow on loopback addresses only.
    plain_http: bool,
}

impl Targets {
    pub fn of_issuer(issuer: &Url) -> Self {
        Self {
            loopback: is_loopback(issuer),
            plain_http: issuer.scheme() == "http",
        }
    }

    pub fn allows_plain_http(self) -> bool {
        self.plain_http
    }

    /// Checks a URL from the settings or from a provider's metadata.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self, url: &Url) -> Result<(), &'static str> {
        match url.scheme() {
            "https" => {}
            "http" if self.plain_http && is_loopback(url) => {}
            _ => return Err("does not begin with https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("contains a user name or a password");
        }
        if url.fragment().is_some() {
            return Err("contains a fragment");
        }
        // The connector does not ask the resolver about addresses.
        let is_allowed = match url.host() {
            Some(Host::Ipv4(address)) => self.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allows(address.into()),
            Some(Host::Domain(_)) => self.loopback || !is_loopback(url),
            None => false,
        };
        if is_allowed {
            Ok(())
        } else {
            Err("is on an address that is not allowed")
        }
    }

    fn allows(self, address: IpAddr) -> bool {
        match unmapped(address) {
            address if address.is_loopback() => self.loopback,
            IpAddr::V4(address) => {
                let is_this_network = address.octets()[0] == 0;
                let is_reserved = address.octets()[0] >= 240;
                !(is_this_network || is_reserved || address.is_link_local() || address.is_multicast())
            }
            IpAddr::V6(address) => {
                !(address.is_unspecified() || address.is_unicast_link_local() || address.is_multicast())
            }
        }
    }
}

/// The IPv4 address in an IPv4-mapped address, and in one for a NAT64 gateway (RFC 6052, section 2.1).
fn unmapped(address: IpAddr) -> IpAddr {
    const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    match address.to_canonical() {
        IpAddr::V6(address) if address.to_bits() >> 32 == NAT64.to_bits() >> 32 => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        address => address,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => unmapped(address.into()).is_loopback(),
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        None => false,
    }
}

/// Resolves names and drops the addresses that are not allowed. The connector uses exactly the addresses that are left,
/// so a name that resolves differently the next time does not help.
impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = found.iter().copied().filter(|address| targets.allows(address.ip()));
            let allowed: Vec<SocketAddr> = allowed.collect();
            if let Some(address) = found.first()
                && allowed.is_empty()
            {
                let (name, address) = (name.as_str(), address.ip());
                return Err(format!("{name} has the address {address}, which is not allowed").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(issuer: &str, url: &str) -> bool {
        let targets = Targets::of_issuer(&issuer.parse().unwrap());
        targets.check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn public_and_private_addresses_are_allowed_and_special_ones_are_not() {
        for url in [
            "https://login.example.net/token",
            "https://192.0.2.1/",
            "https://10.0.0.1:8443/",
            "https://[fd00::1]/",
            "https://[2001:db8::1]/?tenant=a",
        ] {
            assert!(check("https://id.example.org", url), "{url}");
        }
        for url in [
            "http://id.example.org/",
            "file:///etc/passwd",
            "https://user@id.example.org/",
            "https://:password@id.example.org/",
            "https://id.example.org/#fragment",
            "https://169.254.169.254/",
            "https://2852039166/",
            "https://0xa9.0xfe.0xa9.0xfe/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::169.254.169.254]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
            "https://[::]/",
            "https://0.0.0.0/",
            "https://0.1.2.3/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost/",
            "https://localhost./",
        ] {
            assert!(!check("https://id.example.org", url), "{url}");
        }
    }

    #[test]
    fn loopback_and_plain_http_need_an_issuer_like_that() {
        assert!(check("http://127.0.0.1:4000", "http://127.0.0.1:4001/token"));
        assert!(check("http://localhost:4000", "http://[::1]:4001/token"));
        assert!(check("https://localhost:4000", "https://127.0.0.1:4001/token"));
        assert!(!check("https://localhost:4000", "http://127.0.0.1:4001/token"));
        assert!(!check("http://127.0.0.1:4000", "http://192.0.2.1/token"));
        assert!(!check("http://127.0.0.1:4000", "https://169.254.169.254/token"));
    }

    #[tokio::test]
    async fn names_that_resolve_to_loopback_are_refused() {
        let resolve = |issuer: &str| {
            let targets = Targets::of_issuer(&issuer.parse().unwrap());
            targets.resolve("localhost".parse().unwrap())
        };
        let error = resolve("https://id.example.org").await.err().unwrap();
        assert!(error.to_string().contains("not allowed"), "{error}");
        assert_ne!(resolve("https://localhost").await.unwrap().count(), 0);
    }
}
