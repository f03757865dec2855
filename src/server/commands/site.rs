//! A running server as a command reaches it: where it is, whose word is taken for its certificate, and what is said
//! when a call does not get through.
//!
//! HTTPS only, without redirects and without proxies: a call carries a login, so it goes where the command line or the
//! settings say and nowhere else. `HTTPS_PROXY` and its kin are not looked at, for loopback or otherwise.

use std::{fs, io, net::IpAddr, path::Path, str::FromStr, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, ensure};
use rustls::crypto::aws_lc_rs;
use ureq::{
    Agent, Body, Error,
    http::{
        Response, Uri,
        header::{CONTENT_TYPE, COOKIE},
        uri::Scheme,
    },
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::server::pem::without_byte_order_mark;

/// How long a call may take as a whole.
const TIME: Duration = Duration::from_mins(1);
/// The largest reply that is taken, in bytes.
const MAX_REPLY: u64 = 16 * 1024 * 1024;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: String,
    host: String,
}

impl FromStr for Site {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "calls go over HTTPS only; write it as https://name or https://name:port, without a path";
        let uri: Uri = text.parse().map_err(|_| WRONG)?;
        let authority = uri.authority().ok_or(WRONG)?;
        let host = authority.host();
        // What is neither host nor port is a password that nobody asked for, or a port that is none.
        let is_plain = match authority.port() {
            Some(port) => authority.as_str() == format!("{host}:{}", port.as_str()),
            None => authority.as_str() == host,
        };
        let is_origin = uri.scheme() == Some(&Scheme::HTTPS) && uri.path() == "/" && uri.query().is_none();
        if !is_plain || !is_origin || host.is_empty() {
            return Err(WRONG);
        }
        Ok(Self {
            origin: format!("https://{authority}"),
            host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
        })
    }
}

impl Site {
    /// Its host as cookies name it: without the port, and without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Posts JSON. Waits for the head of the reply, whatever its status is; [`Self::read`] gets the rest.
    ///
    /// # Errors
    /// Says why there is no reply, and what to do.
    pub fn post(
        &self,
        trusted: RootCerts,
        path: &str,
        cookies: Option<&str>,
        json: &[u8],
    ) -> anyhow::Result<Response<Body>> {
        let mut request = agent(trusted)
            .post(format!("{}{path}", self.origin))
            .header(CONTENT_TYPE, "application/json");
        if let Some(cookies) = cookies {
            request = request.header(COOKIE, cookies);
        }
        request.send(json).map_err(|error| self.explain(error))
    }

    /// Reads the body of a reply.
    ///
    /// # Errors
    /// One that is too large, too slow, or breaks off.
    pub fn read(&self, reply: &mut Response<Body>) -> anyhow::Result<Vec<u8>> {
        let body = reply.body_mut().with_config().limit(MAX_REPLY);
        body.read_to_vec().map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> anyhow::Error {
        let origin = &self.origin;
        let hint = "--ca FILE names the authority to trust";
        match error {
            Error::Io(error) => match untrusted(&error) {
                Some(why) => anyhow!("the certificate of {origin} is not trusted ({why}); {hint}"),
                None => anyhow!("no reply from {origin} ({error}); does a server run there? --url names another one"),
            },
            Error::Rustls(error) => anyhow!("no certificate of {origin} can be trusted ({error}); {hint}"),
            Error::Timeout(_) => anyhow!("no reply from {origin} within {} s", TIME.as_secs()),
            Error::BodyExceedsLimit(limit) => anyhow!("the reply of {origin} is larger than {limit} bytes"),
            error => anyhow!("no reply from {origin} ({error}); --url names another server"),
        }
    }
}

/// The authorities in a PEM file, and no others.
///
/// # Errors
/// Says what is wrong with the file.
pub fn authorities_in(file: &Path) -> anyhow::Result<RootCerts> {
    let name = file.display();
    let pem = fs::read(file).with_context(|| format!("the CA certificate {name} cannot be read"))?;
    let pem = without_byte_order_mark(pem);
    let items: Result<Vec<PemItem<'_>>, Error> = parse_pem(&pem).collect();
    let items = items.with_context(|| format!("the CA certificate {name} is not in PEM format"))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    ensure!(!certificates.is_empty(), "there is no CA certificate in {name}");
    Ok(RootCerts::from(certificates))
}

fn agent(trusted: RootCerts) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(trusted)
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(TIME))
        .user_agent(concat!("callgate/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Why a certificate was refused, if that is what broke the connection.
fn untrusted(error: &io::Error) -> Option<&rustls::Error> {
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(cause, rustls::Error::InvalidCertificate(_)).then_some(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str) -> Option<(String, String)> {
        let site: Site = text.parse().ok()?;
        Some((site.origin, site.host))
    }

    #[test]
    fn an_origin_has_a_host_and_perhaps_a_port() {
        for (text, origin, host) in [
            ("https://localhost:8443", "https://localhost:8443", "localhost"),
            ("https://Calls.example/", "https://Calls.example", "calls.example"),
            ("HTTPS://127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1"),
            ("https://[::1]:8443", "https://[::1]:8443", "::1"),
        ] {
            assert_eq!(site(text), Some((origin.to_owned(), host.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_https_origin_is_refused() {
        for text in [
            "",
            "localhost",
            "localhost:8443",
            "http://localhost:8443",
            "ftp://localhost",
            "https://",
            "https://:8443",
            "https://localhost:x",
            "https://localhost:99999",
            "https://user:password@localhost",
            "https://localhost/api",
            "https://localhost/?a=b",
            "/api",
        ] {
            assert_eq!(site(text), None, "{text}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let is_here = |text: &str| text.parse::<Site>().unwrap().is_here();
        assert!(is_here("https://localhost:1") && is_here("https://127.0.0.2") && is_here("https://[::1]"));
        assert!(!is_here("https://localhost.example") && !is_here("https://192.0.2.1"));
    }

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\n"] {
            fs::write(&file, text).unwrap();
            let error = format!("{:#}", authorities_in(&file).unwrap_err());
            assert!(error.contains("ca.pem"), "{error}");
        }
    }
}
