//! Takes a renewed certificate into use while serving: at SIGHUP, and by looking at the files now and then.
//!
//! New connections get the new certificate; open ones go on with theirs. A pair that cannot be used changes nothing: the
//! old certificate stays, and what is wrong is logged once, not at every look.

use std::{io, path::Path, time::Duration};

use axum_server::tls_rustls::RustlsConfig;
use sha2::{Digest as _, Sha256};
use tokio::{
    fs,
    signal::unix::Signal,
    time::{self, MissedTickBehavior},
};

use crate::server::certificates::Certificates;

/// The files as they were when they were last taken, or refused: their hashes, because one is a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen(Result<[[u8; 32]; 2], io::ErrorKind>);

impl Seen {
    /// As they are now.
    pub async fn now(certificates: &Certificates) -> Self {
        let read = async |file: &Path| match fs::read(file).await {
            Ok(bytes) => Ok(Sha256::digest(bytes).into()),
            Err(error) => Err(error.kind()),
        };
        let both = async { Ok([read(&certificates.certificate).await?, read(&certificates.key).await?]) };
        Self(both.await)
    }
}

/// Watches the files of a certificate in use.
#[derive(Debug)]
pub struct Reloader {
    tls: RustlsConfig,
    certificates: Certificates,
    hangup: Signal,
    seen: Seen,
}

impl Reloader {
    /// Watches the files that `tls` was read from, and that were `seen` before. At each `hangup` they are looked at, too.
    pub fn new(tls: RustlsConfig, certificates: Certificates, seen: Seen, hangup: Signal) -> Self {
        Self {
            tls,
            certificates,
            hangup,
            seen,
        }
    }

    /// Takes what was renewed, for as long as the server runs, looking every `period`.
    pub async fn run(&mut self, period: Duration) {
        let mut looks = time::interval(period);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                _ = self.hangup.recv() => true,
                _ = looks.tick() => false,
            };
            let seen = Seen::now(&self.certificates).await;
            if is_asked || seen != self.seen {
                self.reload().await;
                self.seen = seen;
            }
        }
    }

    async fn reload(&self) {
        let Certificates { certificate, key, .. } = &self.certificates;
        let (certificate, key) = (certificate.display(), key.display());
        match self
            .tls
            .reload_from_pem_file(&self.certificates.certificate, &self.certificates.key)
            .await
        {
            Ok(()) => tracing::info!(%certificate, "new connections get the certificate as it is now"),
            Err(error) => tracing::error!(
                %certificate, %key, cause = %error,
                "the certificate and its key cannot be used; the earlier ones stay in use"
            ),
        }
    }
}
