//! Reads and checks PEM files (RFC 7468) of certificates and keys.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
};
use x509_parser::parse_x509_certificate;

use crate::server::model::clock::Timestamp;

/// Removes the byte order mark that some editors put at the start of a file. It would hide the first `-----BEGIN` line.
pub fn strip_byte_order_mark(content: Vec<u8>) -> Vec<u8> {
    match content.strip_prefix("\u{feff}".as_bytes()) {
        Some(rest) => rest.to_vec(),
        None => content,
    }
}

/// The first certificate of a chain, which is the server's. `content` is the content of `file`.
///
/// # Errors
/// If there is none, or the file is in DER format. The error includes the command that converts it.
pub fn first_certificate(file: &Path, content: &[u8]) -> anyhow::Result<CertificateDer<'static>> {
    let name = file.display();
    ensure!(
        !is_der(content),
        "{name} is in DER format. Convert it to PEM: openssl x509 -inform DER -in {name} -out {}",
        converted_path(file)
    );
    CertificateDer::from_pem_slice(content).with_context(|| format!("{name} contains no certificate in PEM format"))
}

/// Checks that a file contains a private key. `content` is the content of `file`.
///
/// # Errors
/// If there is none, or the file is encrypted or in DER format. The error includes the command that converts it.
pub fn check_private_key(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let name = file.display();
    let Err(error) = PrivateKeyDer::from_pem_slice(content) else {
        return Ok(());
    };
    ensure!(
        !is_der(content),
        "{name} is in DER format. Convert it to PEM: openssl pkey -inform DER -in {name} -out {}",
        converted_path(file)
    );
    // The word is in the label (RFC 7468, section 11) or in the headers (RFC 1421, section 4.6.1.1).
    ensure!(
        !String::from_utf8_lossy(content).contains("ENCRYPTED"),
        "{name} is encrypted, and the server cannot ask for a passphrase. Decrypt it: openssl pkey -in {name} -out {}",
        converted_path(file)
    );
    Err(error).with_context(|| format!("{name} contains no private key in PEM format"))
}

/// Whether a file is in DER format: a sequence (X.690, section 8.9) that is not text.
fn is_der(content: &[u8]) -> bool {
    content.first() == Some(&0x30) && str::from_utf8(content).is_err()
}

/// A name for the converted file.
fn converted_path(file: &Path) -> String {
    file.with_extension("converted.pem").display().to_string()
}

/// The validity period of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`
    pub begins: Timestamp,
    /// `notAfter`
    pub ends: Timestamp,
}

impl Validity {
    pub fn of(certificate: &CertificateDer<'_>) -> anyhow::Result<Self> {
        let (_, certificate) =
            parse_x509_certificate(certificate).map_err(|error| anyhow!("not an X.509 certificate: {error}"))?;
        let validity = certificate.validity();
        let timestamp = |seconds: i64| Timestamp(seconds.saturating_mul(1000));
        Ok(Self {
            begins: timestamp(validity.not_before.timestamp()),
            ends: timestamp(validity.not_after.timestamp()),
        })
    }
}

/// Checks that clients accept a certificate for `host`, a name or an IP address.
///
/// # Errors
/// The error names the hosts that the certificate is valid for.
pub fn check_host(certificate: &CertificateDer<'_>, host: &str) -> anyhow::Result<()> {
    let host = host.trim_matches(['[', ']']);
    let name =
        ServerName::try_from(host).with_context(|| format!("{host} is not a name that a certificate can contain"))?;
    verify_server_name(&ParsedCertificate::try_from(certificate)?, &name)?;
    Ok(())
}
