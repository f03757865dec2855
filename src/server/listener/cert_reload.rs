//! Takes a renewed certificate into use while serving: at SIGHUP, and by looking at the files now and then.
//!
//! New connections get the new certificate; open ones go on with theirs. A pair that cannot be used changes nothing: the
//! old certificate stays, and what is wrong is logged once, not at every look. A certificate in use that clients refuse, or
//! will refuse soon, is warned of at every look.

use std::{io, path::Path, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::{
    fs,
    signal::unix::Signal,
    time::{self, Instant, MissedTickBehavior},
};

use super::{certificate::InUse, dev_certificates::Certificates};
use crate::server::model::clock::Timestamp;

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
    in_use: InUse,
    hangup: Signal,
    seen: Seen,
}

impl Reloader {
    /// Watches the files of a certificate that were `seen` before it was read. At each `hangup` they are looked at, too.
    pub fn new(in_use: InUse, seen: Seen, hangup: Signal) -> Self {
        Self { in_use, hangup, seen }
    }

    /// Takes what was renewed, for as long as the server runs, looking every `period`.
    pub async fn run(&mut self, period: Duration) {
        let mut looks = time::interval_at(Instant::now() + period, period);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                _ = self.hangup.recv() => true,
                _ = looks.tick() => false,
            };
            let seen = Seen::now(self.in_use.files()).await;
            if is_asked || seen != self.seen {
                self.reload().await;
                self.seen = seen;
            }
            self.in_use.warn(Timestamp::now());
        }
    }

    async fn reload(&mut self) {
        let reloaded = self.in_use.reload().await;
        let Certificates { certificate, key, .. } = self.in_use.files();
        let (certificate, key) = (certificate.display(), key.display());
        match reloaded {
            Ok(()) => tracing::info!(%certificate, "new connections get the certificate as it is now"),
            Err(error) => tracing::error!(
                %certificate, %key, cause = format!("{error:#}"),
                "the certificate and its key cannot be used; the earlier ones stay in use"
            ),
        }
    }
}
