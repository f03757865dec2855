//! PEM files (RFC 7468) of certificates and keys, and what a certificate says about itself.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
};
use x509_parser::parse_x509_certificate;

use crate::server::model::clock::Timestamp;

/// The content of a file without the byte order mark that some editors put at its start: a line with it begins nothing.
pub fn without_byte_order_mark(content: Vec<u8>) -> Vec<u8> {
    match content.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => rest.to_vec(),
        None => content,
    }
}

/// The first certificate of a chain: that of the server. `content` is that of `file`.
///
/// # Errors
/// Where there is none that can be read; says what to do.
pub fn first_certificate(file: &Path, content: &[u8]) -> anyhow::Result<CertificateDer<'static>> {
    let name = file.display();
    ensure!(
        !is_der(content),
        "{name} is in DER format. Convert it to PEM: openssl x509 -inform DER -in {name} -out {}",
        converted(file)
    );
    CertificateDer::from_pem_slice(content).with_context(|| format!("there is no certificate in PEM format in {name}"))
}

/// Refuses a file without a private key. `content` is that of `file`.
///
/// # Errors
/// Where there is none that can be read; says what to do.
pub fn must_hold_key(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let name = file.display();
    let Err(error) = PrivateKeyDer::from_pem_slice(content) else {
        return Ok(());
    };
    ensure!(
        !is_der(content),
        "{name} is in DER format. Convert it to PEM: openssl pkey -inform DER -in {name} -out {}",
        converted(file)
    );
    // In the label of a section (RFC 7468, section 11), or in its headers (RFC 1421, section 4.6.1.1).
    ensure!(
        !String::from_utf8_lossy(content).contains("ENCRYPTED"),
        "{name} is encrypted, and a server cannot be asked for the passphrase. Decrypt it: openssl pkey -in {name} -out {}",
        converted(file)
    );
    Err(error).with_context(|| format!("there is no private key in PEM format in {name}"))
}

/// Whether a file holds what PEM is the text of. All of it is a sequence (X.690, section 8.9), and no text.
fn is_der(content: &[u8]) -> bool {
    content.first() == Some(&0x30) && str::from_utf8(content).is_err()
}

/// Where a converted file may lie.
fn converted(file: &Path) -> String {
    file.with_extension("converted.pem").display().to_string()
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
