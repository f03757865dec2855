//! `callgate cert`

use std::path::PathBuf;

use clap::Args;

use super::print;
use crate::server::{
    config::{Overrides, Settings},
    listener::dev_certificates::Certificates,
};

/// Make a development certificate
#[derive(Debug, Args)]
pub struct Cert {
    /// Make new ones even if the present ones are good; clients must then trust the new authority
    #[arg(long)]
    force: bool,
}

impl Cert {
    /// Makes the certificate in `certs/`, or where the settings say.
    ///
    /// # Errors
    /// Says which file could not be written.
    pub fn run(&self, overrides: &Overrides) -> anyhow::Result<()> {
        let chosen = Settings::load(overrides)?.https.certs;
        let folder = chosen.unwrap_or_else(|| PathBuf::from("certs"));
        let there = Certificates::in_folder(&folder);
        if there.are_good() && !self.force {
            return print(format_args!(
                "The certificates in {} are good. --force makes new ones.",
                folder.display()
            ));
        }
        let made = Certificates::make(&folder)?;
        print(format_args!(
            "Made {} and its key.\nTrust this CA certificate: {}",
            made.certificate.display(),
            made.ca.display()
        ))
    }
}
