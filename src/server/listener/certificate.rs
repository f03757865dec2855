//! The certificate that is served with: read from its files, and looked at as clients will look at it.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use axum_server::tls_rustls::RustlsConfig;
use rustls::{crypto::aws_lc_rs, pki_types::CertificateDer};
use tokio::fs;
use url::Url;

use super::{
    dev_certificates::Certificates,
    pem::{self, Validity},
};
use crate::server::{config::Settings, model::clock::Timestamp};

/// How long before its end a certificate is warned of.
const WARN_BEFORE: Duration = Duration::from_hours(14 * 24);

/// A certificate and its key, in use.
#[derive(Debug)]
pub struct InUse {
    files: Certificates,
    tls: RustlsConfig,
    /// The certificate without its chain.
    first: CertificateDer<'static>,
    /// The origin that it has to be valid for. None where proxies stand in front: visitors see the certificates of those.
    origin: Option<String>,
    /// What to do about one that expires.
    renewal: String,
}

impl InUse {
    /// Reads the files.
    ///
    /// # Errors
    /// Says which file is not right.
    pub async fn load(files: Certificates, settings: &Settings) -> anyhow::Result<Self> {
        // The process has one provider of cryptography; a second start in it, as in tests, finds it installed.
        let _ = aws_lc_rs::default_provider().install_default();
        let load = async {
            let Content {
                first,
                certificate,
                key,
            } = Content::read(&files).await?;
            anyhow::Ok((first, RustlsConfig::from_pem(certificate, key).await?))
        };
        let (first, tls) = load.await.with_context(|| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            format!("the certificate {certificate} and the key {key} cannot be used")
        })?;
        let renewal = match settings.https.certificate {
            Some(_) => "renew it".to_owned(),
            None => format!(
                "make another one with `callgate cert --certs {}`",
                settings.certs().display()
            ),
        };
        Ok(Self {
            files,
            tls,
            first,
            origin: settings.proxies.trusted.is_empty().then(|| settings.origin()),
            renewal,
        })
    }

    /// Its files.
    pub fn files(&self) -> &Certificates {
        &self.files
    }

    /// What TLS is configured by. It goes along with [`Self::reload`].
    pub fn tls(&self) -> RustlsConfig {
        self.tls.clone()
    }

    /// Reads the files again. Where they cannot be used, everything stays as it is.
    ///
    /// # Errors
    /// Says what is not right.
    pub async fn reload(&mut self) -> anyhow::Result<()> {
        let Content {
            first,
            certificate,
            key,
        } = Content::read(&self.files).await?;
        self.tls.reload_from_pem(certificate, key).await?;
        self.first = first;
        Ok(())
    }

    /// Logs why clients refuse it, or will do so soon.
    pub fn warn(&self, now: Timestamp) {
        let (certificate, renewal) = (self.files.certificate.display(), &self.renewal);
        match Validity::of(&self.first) {
            Ok(Validity { ends, .. }) if ends <= now => tracing::warn!(
                %certificate, ended = ends.to_rfc3339(), "the certificate has expired, and clients refuse it: {renewal}"
            ),
            Ok(Validity { begins, .. }) if begins > now => tracing::warn!(
                %certificate, begins = begins.to_rfc3339(),
                "the certificate is not valid yet, and clients refuse it: {renewal}, or set the clock right"
            ),
            Ok(Validity { ends, .. }) if ends <= now.plus(WARN_BEFORE) => tracing::warn!(
                %certificate, ends = ends.to_rfc3339(), "the certificate expires soon: {renewal}"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(
                %certificate, cause = format!("{error:#}"), "when the certificate expires cannot be told"
            ),
        }
        if let Some(origin) = &self.origin
            && let Err(error) = is_for(&self.first, origin)
        {
            tracing::warn!(
                %certificate, site.origin = origin, cause = format!("{error:#}"),
                "the certificate is for another name than site.origin, and browsers refuse it: \
                 set https.certificate and https.key to those of that name"
            );
        }
    }
}

fn is_for(certificate: &CertificateDer<'_>, origin: &str) -> anyhow::Result<()> {
    let url = Url::parse(origin)?;
    pem::must_name(certificate, url.host_str().unwrap_or_default())
}

/// What is in the files of a certificate and its key.
struct Content {
    first: CertificateDer<'static>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Content {
    async fn read(files: &Certificates) -> anyhow::Result<Self> {
        let read = async |file: &Path| {
            let content = fs::read(file).await;
            let content = content.with_context(|| format!("{} cannot be read", file.display()))?;
            anyhow::Ok(pem::without_byte_order_mark(content))
        };
        let (certificate, key) = (read(&files.certificate).await?, read(&files.key).await?);
        pem::must_hold_key(&files.key, &key)?;
        Ok(Self {
            first: pem::first_certificate(&files.certificate, &certificate)?,
            certificate,
            key,
        })
    }
}
