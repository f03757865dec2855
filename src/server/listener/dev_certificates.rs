//! Development certificates: a local certificate authority (CA), and a certificate from it for `localhost`.
//!
//! Clients that trust `ca.pem` can verify HTTPS to `localhost`. The server's private key is readable by its owner only.
//! The CA's private key is never stored.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::OffsetDateTime;

use super::pem::{self, Validity};
use crate::server::model::clock::Timestamp;

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Browsers reject longer validity periods (CA/Browser Forum, apple.com support 103214).
const CERTIFICATE_DAYS: u32 = 397;
const CA_DAYS: u32 = 3650;
/// How long before its expiry a certificate is replaced: earlier than the server warns about it.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);

/// The files of a certificate, its key and its CA.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The CA certificate, which clients trust. Empty for the operator's own certificate.
    pub ca: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl CertificateFiles {
    /// The paths of the development certificate in `folder`. The files may not exist.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            certificate: folder.join("localhost.pem"),
            key: folder.join("localhost.key"),
        }
    }

    pub fn exist(&self) -> bool {
        self.ca.is_file() && self.certificate.is_file() && self.key.is_file()
    }

    /// Whether all files exist and the certificate need not be replaced yet.
    pub fn are_valid(&self) -> bool {
        let now = Timestamp::now();
        let is_valid = |Validity { begins, ends }| begins <= now && now.plus(RENEW_BEFORE) < ends;
        self.exist() && self.validity().is_ok_and(is_valid)
    }

    fn validity(&self) -> anyhow::Result<Validity> {
        let pem = pem::strip_byte_order_mark(fs::read(&self.certificate)?);
        Validity::of(&pem::first_certificate(&self.certificate, &pem)?)
    }

    /// The files in `folder`, replaced if they are not valid. A lock ensures that only one of several processes creates
    /// them.
    pub fn valid_or_created(folder: &Path) -> anyhow::Result<Self> {
        create_folder(folder)?;
        let file = folder.join("making.lock");
        // Released on drop.
        let _lock = fs::File::create(&file)
            .and_then(|lock| lock.lock().map(|()| lock))
            .with_context(|| format!("cannot lock {}", file.display()))?;
        let files = Self::in_folder(folder);
        if files.are_valid() {
            Ok(files)
        } else {
            Self::create(folder)
        }
    }

    /// Creates a CA and a certificate from it. Replaces existing files.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        let files = Self::in_folder(folder);
        create_folder(folder)?;

        let ca_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        set_validity(&mut params, CA_DAYS);
        params
            .distinguished_name
            .push(DnType::CommonName, "Callgate development CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = params.self_signed(&ca_key)?;
        let issuer = Issuer::new(params, ca_key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        set_validity(&mut params, CERTIFICATE_DAYS);
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer)?;

        // The CA's key is dropped here, so nothing else can ever be signed with it.
        write(&files.key, &key.serialize_pem(), 0o600)?;
        write(&files.certificate, &certificate.pem(), 0o644)?;
        write(&files.ca, &ca.pem(), 0o644)?;
        Ok(files)
    }
}

fn create_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))
}

fn set_validity(params: &mut CertificateParams, days: u32) {
    // An hour of tolerance for clients whose clock is behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::from_hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::from_hours(24) * days;
}

/// Writes a file atomically, with `mode` from the start.
fn write(file: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let new = file.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&new)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}
