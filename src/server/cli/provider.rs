//! `callgate provider …`: tests the configured providers.

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::{
    output::{Refused, align_columns},
    print,
};
use crate::{
    contract::Refusal,
    server::{
        config::{Overrides, ProviderKind, Settings},
        oidc::{CheckResult, Provider, Providers},
        telemetry::log,
    },
};

/// Test the providers of accounts that people log in with
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Contact the providers, and show what works and the addresses to register there
    Check {
        /// Key of a provider in the settings; without it, all providers are tested
        key: Option<String>,
    },
}

impl ProviderCommand {
    pub async fn run(self, overrides: &Overrides) -> anyhow::Result<()> {
        let Self::Check { key } = self;
        let settings = Settings::load(overrides)?;
        log::start(&settings.log)?;
        let providers = Providers::new(&settings).context("cannot use the settings of the providers")?;
        let chosen: Vec<&Provider> = match &key {
            None => providers.iter().map(AsRef::as_ref).collect(),
            Some(key) => match providers.by_key(key) {
                Some(provider) => vec![provider.as_ref()],
                None => return Err(Refused(Refusal::NotFound(format!("provider: {key}").into())).into()),
            },
        };
        if chosen.is_empty() {
            return print("No providers are configured. Add a [[providers]] section to the settings.");
        }
        let mut failures = 0;
        for (index, provider) in chosen.into_iter().enumerate() {
            if index > 0 {
                print("")?;
            }
            let results = provider.check().await;
            failures += results.iter().filter(|check| check.result.is_err()).count();
            print(report(provider, &settings.origin(), &results))?;
        }
        match failures {
            0 => Ok(()),
            1 => bail!("1 test failed"),
            count => bail!("{count} tests failed"),
        }
    }
}

fn report(provider: &Provider, origin: &str, results: &[CheckResult]) -> String {
    let settings = provider.settings();
    let key = settings.key.as_str();
    let mut addresses = vec![("redirect URI", provider.redirect_uri().to_owned())];
    if settings.kind == ProviderKind::Oidc {
        addresses.push(("post-logout redirect URI", format!("{origin}/logged-out")));
        if settings.backchannel_logout {
            let address = format!("{origin}/login/with/{key}/backchannel-logout");
            addresses.push(("back-channel logout URI", address));
        }
    }
    let addresses = addresses
        .into_iter()
        .map(|(name, address)| vec!["register".to_owned(), name.to_owned(), address]);
    let tests = results.iter().map(|check| {
        let (outcome, text) = match &check.result {
            Ok(text) => ("ok", text),
            Err(text) => ("FAILED", text),
        };
        vec![outcome.to_owned(), check.name.to_owned(), one_line(text)]
    });
    let rows: Vec<Vec<String>> = addresses.chain(tests).collect();
    format!(
        "{key} ({}), {}\n{}",
        settings.name,
        settings.issuer(),
        align_columns(&rows)
    )
}

/// The texts can contain what a provider sent.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}
