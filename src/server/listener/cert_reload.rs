//! Reloads a renewed certificate while the server runs: at SIGHUP, and when a periodic check finds changed files.
//!
//! New connections get the new certificate; open ones keep theirs. If the new files cannot be used, the old certificate
//! stays in use and the error is logged once, not at every check. Every check warns about a certificate that clients
//! refuse or will soon refuse.

use std::{io, path::Path, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::{
    fs,
    signal::unix::Signal,
    time::{self, Instant, MissedTickBehavior},
};

use super::{certificate::ServedCertificate, dev_certificates::CertificateFiles};
use crate::server::model::clock::Timestamp;

/// The state of the files at the last check. Hashes, because one of the files is secret.
#[derive(Debug, PartialEq, Eq)]
pub struct FileHashes(Result<[[u8; 32]; 2], io::ErrorKind>);

impl FileHashes {
    pub async fn read(files: &CertificateFiles) -> Self {
        let hash = async |file: &Path| match fs::read(file).await {
            Ok(bytes) => Ok(Sha256::digest(bytes).into()),
            Err(error) => Err(error.kind()),
        };
        let hashes = async { Ok([hash(&files.certificate).await?, hash(&files.key).await?]) };
        Self(hashes.await)
    }
}

/// Watches the files of the served certificate.
#[derive(Debug)]
pub struct Reloader {
    pub certificate: ServedCertificate,
    /// Must have been read before `certificate` was loaded, so that a renewal in between is noticed.
    pub hashes: FileHashes,
    pub hangup: Signal,
}

impl Reloader {
    /// Checks the files every `period` and at each SIGHUP, forever.
    pub async fn run(&mut self, period: Duration) {
        let mut ticks = time::interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_forced = tokio::select! {
                _ = self.hangup.recv() => true,
                _ = ticks.tick() => false,
            };
            let hashes = FileHashes::read(&self.certificate.files).await;
            if is_forced || hashes != self.hashes {
                self.reload().await;
                self.hashes = hashes;
            }
            self.certificate.warn(Timestamp::now());
        }
    }

    async fn reload(&mut self) {
        let reloaded = self.certificate.reload().await;
        let CertificateFiles { certificate, key, .. } = &self.certificate.files;
        let (certificate, key) = (certificate.display(), key.display());
        match reloaded {
            Ok(()) => tracing::info!(%certificate, "certificate reloaded; new connections use it"),
            Err(error) => tracing::error!(
                %certificate, %key, cause = format!("{error:#}"),
                "cannot use the certificate and its key; the earlier ones stay in use"
            ),
        }
    }
}
