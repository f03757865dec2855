//! The served certificate: loaded from its files and checked the way clients check it.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use axum_server::tls_rustls::RustlsConfig;
use rustls::{crypto::aws_lc_rs, pki_types::CertificateDer};
use tokio::fs;
use url::Url;

use super::{
    dev_certificates::CertificateFiles,
    pem::{self, Validity},
};
use crate::server::{config::Settings, model::clock::Timestamp};

/// How long before its expiry a certificate is warned about.
const WARN_BEFORE: Duration = Duration::from_hours(14 * 24);

/// The certificate and key that the server uses.
#[derive(Debug)]
pub struct ServedCertificate {
    pub files: CertificateFiles,
    /// Clones share its state, so they follow [`Self::reload`].
    pub tls: RustlsConfig,
    /// The server's own certificate, without the chain.
    leaf: CertificateDer<'static>,
    /// The origin that the certificate must be valid for. `None` behind proxies: visitors see the proxy's certificate.
    origin: Option<String>,
    /// How the operator gets a new certificate, for warnings.
    renewal: String,
}

impl ServedCertificate {
    pub async fn load(files: CertificateFiles, settings: &Settings) -> anyhow::Result<Self> {
        // One provider per process. A second start in the same process, as in tests, finds it installed.
        let _ = aws_lc_rs::default_provider().install_default();
        let load = async {
            let Content { leaf, certificate, key } = Content::read(&files).await?;
            anyhow::Ok((leaf, RustlsConfig::from_pem(certificate, key).await?))
        };
        let (leaf, tls) = load.await.with_context(|| {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            format!("cannot use the certificate {certificate} and the key {key}")
        })?;
        let renewal = match settings.https.certificate {
            Some(_) => "renew it".to_owned(),
            None => format!(
                "create a new one with `callgate cert --certs {}`",
                settings.certs().display()
            ),
        };
        Ok(Self {
            files,
            tls,
            leaf,
            origin: settings.proxies.trusted.is_empty().then(|| settings.origin()),
            renewal,
        })
    }

    /// Reads the files again. On an error, the certificate in use does not change.
    pub async fn reload(&mut self) -> anyhow::Result<()> {
        let Content { leaf, certificate, key } = Content::read(&self.files).await?;
        self.tls.reload_from_pem(certificate, key).await?;
        self.leaf = leaf;
        Ok(())
    }

    /// Logs a warning if clients refuse the certificate, or soon will.
    pub fn warn(&self, now: Timestamp) {
        let (certificate, renewal) = (self.files.certificate.display(), &self.renewal);
        match Validity::of(&self.leaf) {
            Ok(Validity { ends, .. }) if ends <= now => tracing::warn!(
                %certificate, ended = ends.to_rfc3339(), "the certificate has expired, and clients refuse it: {renewal}"
            ),
            Ok(Validity { begins, .. }) if begins > now => tracing::warn!(
                %certificate, begins = begins.to_rfc3339(),
                "the certificate is not valid yet, and clients refuse it: {renewal}, or correct the clock"
            ),
            Ok(Validity { ends, .. }) if ends <= now.plus(WARN_BEFORE) => tracing::warn!(
                %certificate, ends = ends.to_rfc3339(), "the certificate expires soon: {renewal}"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(
                %certificate, cause = format!("{error:#}"), "cannot read the expiry date of the certificate"
            ),
        }
        if let Some(origin) = &self.origin
            && let Err(error) = check_origin(&self.leaf, origin)
        {
            tracing::warn!(
                %certificate, site.origin = origin, cause = format!("{error:#}"),
                "the certificate is not valid for the host in site.origin, and browsers refuse it: \
                 set https.certificate and https.key to a certificate for that host"
            );
        }
    }
}

fn check_origin(certificate: &CertificateDer<'_>, origin: &str) -> anyhow::Result<()> {
    let url = Url::parse(origin)?;
    pem::check_host(certificate, url.host_str().unwrap_or_default())
}

/// The content of the files, with the byte order marks removed.
struct Content {
    leaf: CertificateDer<'static>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Content {
    async fn read(files: &CertificateFiles) -> anyhow::Result<Self> {
        let read = async |file: &Path| {
            let content = fs::read(file).await;
            let content = content.with_context(|| format!("cannot read {}", file.display()))?;
            anyhow::Ok(pem::strip_byte_order_mark(content))
        };
        let (certificate, key) = (read(&files.certificate).await?, read(&files.key).await?);
        pem::check_private_key(&files.key, &key)?;
        Ok(Self {
            leaf: pem::first_certificate(&files.certificate, &certificate)?,
            certificate,
            key,
        })
    }
}
