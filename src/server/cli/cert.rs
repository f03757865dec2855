//! `callgate cert`: creates a development certificate.

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::server::{
    config::{Overrides, Settings},
    listener::dev_certificates::CertificateFiles,
};

/// Create a development certificate
#[derive(Debug, Args)]
pub struct Cert {
    /// Replace certificates that are still valid; clients must then trust the new CA certificate
    #[arg(long)]
    force: bool,
}

impl Cert {
    /// Creates the certificate in `https.certs`, or in `certs/`.
    pub fn run(&self, overrides: &Overrides) -> anyhow::Result<()> {
        let configured = Settings::load(overrides)?.https.certs;
        let folder = configured.unwrap_or_else(|| PathBuf::from("certs"));
        let files = CertificateFiles::in_folder(&folder);
        if files.are_valid() && !self.force {
            return print(format_args!(
                "The certificates in {} are still valid. Use --force to replace them.",
                folder.display()
            ));
        }
        let files = CertificateFiles::create(&folder)?;
        print(format_args!(
            "Created {} and its key.\nTrust this CA certificate: {}",
            files.certificate.display(),
            files.ca.display()
        ))
    }
}
