//! The client of one provider.

use std::{future::Future, sync::Arc};

use arc_swap::ArcSwap;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use url::Url;

use super::{
    cache::Cached,
    claims::Claims,
    error::{ProviderError, refused},
    http_client::{self, HttpClient, Limits},
    jwt::Jwt,
    keys::{self, KeySet},
    metadata::{self, Metadata},
    secret::{self, Secret},
    signatures::Algorithm,
    token_request::{self, Client, Tokens},
};
use crate::server::config::{self, ClientAuth};

/// The client of one provider.
pub struct Provider {
    settings: config::Provider,
    redirect_uri: String,
    http: HttpClient,
    secret: ArcSwap<Option<Secret>>,
    metadata: Cached<Metadata>,
    keys: Cached<KeySet>,
}

impl Provider {
    /// Builds a client with the usual bounds for its requests, which it does not share with other clients.
    ///
    /// # Errors
    /// A secret or a CA file that cannot be read.
    pub fn new(settings: config::Provider, redirect_uri: String) -> anyhow::Result<Self> {
        let permits = Arc::new(Semaphore::new(http_client::REQUESTS_IN_ALL));
        Self::with_limits(settings, redirect_uri, Limits::default(), permits)
    }

    /// Builds a client. `permits` bounds the requests to all providers.
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn with_limits(
        settings: config::Provider,
        redirect_uri: String,
        limits: Limits,
        permits: Arc<Semaphore>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(&settings, limits, permits)?,
            secret: ArcSwap::from_pointee(secret::read(&settings)?),
            metadata: Cached::new(format!("the metadata of the provider {}", settings.key)),
            keys: Cached::new(format!("the keys of the provider {}", settings.key)),
            settings,
            redirect_uri,
        })
    }

    pub fn settings(&self) -> &config::Provider {
        &self.settings
    }

    /// The callback address, to be registered at the provider.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Reads the client's secret again. If that fails, the earlier one stays in use.
    pub fn reload_secret(&self) {
        let provider = self.settings.key.as_str();
        match secret::read(&self.settings) {
            Ok(secret) => self.secret.store(Arc::new(secret)),
            Err(error) => tracing::error!(
                provider,
                cause = format!("{error:#}"),
                "cannot read the client secret of a provider; the earlier one stays in use"
            ),
        }
    }

    pub(super) fn http(&self) -> &HttpClient {
        &self.http
    }

    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        self.metadata.get(metadata::fetch(&self.http, &self.settings)).await
    }

    pub(super) async fn keys(&self, metadata: &Metadata) -> Result<Arc<KeySet>, ProviderError> {
        self.keys.get(keys::fetch(&self.http, &metadata.jwks_uri)).await
    }

    /// How the client authenticates, resolved.
    pub(super) fn client_auth(&self, metadata: &Metadata) -> ClientAuth {
        let lists = |name: &str| {
            let methods = metadata.client_auth_methods.iter().flatten();
            methods.into_iter().any(|method| method == name)
        };
        match self.settings.client_auth {
            ClientAuth::Auto if lists("client_secret_post") && !lists("client_secret_basic") => ClientAuth::Post,
            ClientAuth::Auto => ClientAuth::Basic,
            chosen => chosen,
        }
    }

    /// Exchanges a code for tokens, which are not verified.
    pub(super) async fn tokens(
        &self,
        endpoint: &Url,
        auth: ClientAuth,
        code: &str,
        code_verifier: &str,
    ) -> Result<Tokens, ProviderError> {
        let secret = self.secret.load_full();
        let client = Client {
            id: &self.settings.client_id,
            secret: (*secret).as_ref().map(|secret| secret.as_str()),
            auth,
            redirect_uri: &self.redirect_uri,
        };
        token_request::send(&self.http, endpoint, client, code, code_verifier).await
    }

    /// Verifies the signature of a token. If no key fits, the provider may have changed its keys.
    pub(super) async fn verify(
        &self,
        token: &str,
        types: &[&str],
        metadata: &Metadata,
    ) -> Result<(Claims, Algorithm), ProviderError> {
        let jwt = Jwt::parse(token, types)?;
        let algorithm = jwt.algorithm(&metadata.algorithms)?;
        let start = Instant::now();
        let mut keys = self.keys(metadata).await?;
        if keys.find(algorithm, jwt.key_id()).is_none() {
            let fetch = keys::fetch(&self.http, &metadata.jwks_uri);
            keys = self.keys.newer(&keys, start, fetch).await?.unwrap_or(keys);
        }
        match keys.find(algorithm, jwt.key_id()) {
            Some(key) => Ok((jwt.verify(key, algorithm)?, algorithm)),
            None => refused("key"),
        }
    }

    /// Bounds the time of all requests of one login.
    pub(super) async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        timeout(self.http.limits().login_timeout, work)
            .await
            .unwrap_or_else(|error| Err(ProviderError::unreachable("waiting for the provider", error)))
    }
}
