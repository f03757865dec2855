//! Development certificates: a local certificate authority, and a certificate of it for this machine's own names.
//!
//! They let browsers and programs verify HTTPS to `localhost` once they trust `ca.pem`. The private key
//! of the server is readable by its owner only and never leaves the folder; that of the authority is not stored at all.

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
/// Browsers take no server certificate that is good for longer (CA/Browser Forum, apple.com support 103214).
const CERTIFICATE_DAYS: u32 = 397;
const AUTHORITY_DAYS: u32 = 3650;
/// So long before its end a certificate is made anew: before the server warns of it.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);

/// The files of a development certificate.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The certificate of the authority: what clients trust.
    pub ca: PathBuf,
    /// The certificate of the server.
    pub certificate: PathBuf,
    /// The private key of the server.
    pub key: PathBuf,
}

impl Certificates {
    /// The files in `folder`, whether they are there or not.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            certificate: folder.join("localhost.pem"),
            key: folder.join("localhost.key"),
        }
    }

    /// Whether all files are there.
    pub fn are_there(&self) -> bool {
        self.ca.is_file() && self.certificate.is_file() && self.key.is_file()
    }

    /// Whether all files are there, and the certificate is valid for long enough.
    pub fn are_good(&self) -> bool {
        let now = Timestamp::now();
        let is_good = |Validity { begins, ends }| begins <= now && now.plus(RENEW_BEFORE) < ends;
        self.are_there() && self.validity().is_ok_and(is_good)
    }

    fn validity(&self) -> anyhow::Result<Validity> {
        let pem = pem::without_byte_order_mark(fs::read(&self.certificate)?);
        Validity::of(&pem::first_certificate(&self.certificate, &pem)?)
    }

    /// Those in `folder` where they are good, or else new ones: of several processes at once, one makes them for all.
    ///
    /// # Errors
    /// Says which file could not be written.
    pub fn good_or_made(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        let file = folder.join("making.lock");
        // Let go of when it is dropped.
        let _alone = fs::File::create(&file)
            .and_then(|lock| lock.lock().map(|()| lock))
            .with_context(|| format!("{} cannot be locked", file.display()))?;
        let there = Self::in_folder(folder);
        if there.are_good() {
            Ok(there)
        } else {
            Self::make(folder)
        }
    }

    /// Makes an authority and a certificate of it, in place of earlier ones.
    ///
    /// # Errors
    /// Says which file could not be written.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let files = Self::in_folder(folder);
        fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;

        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        valid_for(&mut params, AUTHORITY_DAYS);
        params
            .distinguished_name
            .push(DnType::CommonName, "Callgate development CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
        valid_for(&mut params, CERTIFICATE_DAYS);
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer)?;

        // The authority's own key is dropped here: nothing else can ever be signed with it.
        write(&files.key, &key.serialize_pem(), 0o600)?;
        write(&files.certificate, &certificate.pem(), 0o644)?;
        write(&files.ca, &authority.pem(), 0o644)?;
        Ok(files)
    }
}

fn valid_for(params: &mut CertificateParams, days: u32) {
    // An hour of tolerance for clients whose clock is behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::from_hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::from_hours(24) * days;
}

/// Writes a file that never has more permissions than `mode`, and never stands half written.
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
    write().with_context(|| format!("{} cannot be written", file.display()))
}
