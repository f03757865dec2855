//! PEM files (RFC 7468) of certificates and keys, and what a certificate says about itself.

use anyhow::{Context as _, anyhow};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
};
use x509_parser::parse_x509_certificate;

use super::clock::Timestamp;

/// The content of a file without the byte order mark that some editors put at its start: a line with it begins nothing.
pub fn without_byte_order_mark(content: Vec<u8>) -> Vec<u8> {
    match content.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => rest.to_vec(),
        None => content,
    }
}

/// The first certificate of a chain: that of the server.
///
/// # Errors
/// Where there is none that can be read.
pub fn first_certificate(pem: &[u8]) -> anyhow::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem).context("there is no certificate in PEM format")
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its `notBefore`.
    pub begins: Timestamp,
    /// Its `notAfter`.
    pub ends: Timestamp,
}

impl Validity {
    /// That of a certificate.
    ///
    /// # Errors
    /// Where it is no X.509 certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> anyhow::Result<Self> {
        let (_, certificate) =
            parse_x509_certificate(certificate).map_err(|error| anyhow!("it is no X.509 certificate: {error}"))?;
        let validity = certificate.validity();
        let moment = |seconds: i64| Timestamp(seconds.saturating_mul(1000));
        Ok(Self {
            begins: moment(validity.not_before.timestamp()),
            ends: moment(validity.not_after.timestamp()),
        })
    }
}

/// Refuses a certificate that clients do not take for that host, which is a name or an address.
///
/// # Errors
/// Says for which names the certificate is.
pub fn must_name(certificate: &CertificateDer<'_>, host: &str) -> anyhow::Result<()> {
    let host = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(host).with_context(|| format!("{host} is no name that a certificate can have"))?;
    verify_server_name(&ParsedCertificate::try_from(certificate)?, &name)?;
    Ok(())
}
