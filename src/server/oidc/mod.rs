//! Clients of OpenID Connect and OAuth 2 providers: talk to a provider and verify what it sends.
//!
//! Knows nothing of users, sessions and requests.

pub mod account;
mod authorization;
mod cache;
mod check;
mod claims;
mod code_response;
mod error;
mod github;
mod http_client;
mod id_token;
mod json;
mod jwt;
mod keys;
mod logout_token;
mod metadata;
pub mod provider;
mod secret;
mod signatures;
mod targets;
mod token_request;
mod userinfo;

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Semaphore;

pub use self::{
    account::{Account, LogoutToken},
    authorization::AuthorizationRequest,
    check::CheckResult,
    code_response::CodeResponse,
    error::ProviderError,
    http_client::Limits,
    provider::Provider,
};
use crate::server::config::Settings;

/// All configured providers, in the order of the settings. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers(Arc<[Arc<Provider>]>);

impl Providers {
    /// Builds the clients. Contacts no provider.
    ///
    /// # Errors
    /// A secret or a CA file that cannot be read.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        Self::with_limits(settings, Limits::default())
    }

    /// Builds the clients with other bounds for their requests.
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn with_limits(settings: &Settings, limits: Limits) -> anyhow::Result<Self> {
        let permits = Arc::new(Semaphore::new(http_client::REQUESTS_IN_ALL));
        let providers = settings.providers.iter().map(|provider| {
            let redirect_uri = format!("{}/login/with/{}/callback", settings.origin(), provider.key);
            Provider::with_limits(provider.clone(), redirect_uri, limits, permits.clone())
                .map(Arc::new)
                .with_context(|| format!("providers.{}", provider.key))
        });
        Ok(Self(providers.collect::<anyhow::Result<_>>()?))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn by_key(&self, key: &str) -> Option<&Arc<Provider>> {
        self.iter().find(|provider| provider.settings().key == key)
    }

    pub fn by_issuer(&self, issuer: &str) -> Option<&Arc<Provider>> {
        self.iter().find(|provider| provider.settings().issuer() == issuer)
    }

    /// Reads the secrets of all clients again.
    pub fn reload_secrets(&self) {
        self.iter().for_each(|provider| provider.reload_secret());
    }
}

#[cfg(test)]
mod tests;
