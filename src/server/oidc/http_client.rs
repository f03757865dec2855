//! HTTP requests to a provider, bounded in time, size, number and targets.

use std::{fs, sync::Arc, time::Duration};

use anyhow::Context as _;
use reqwest::{
    Certificate, Client, RequestBuilder, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName},
    redirect, retry,
};
use tokio::{
    sync::Semaphore,
    time::{self, error::Elapsed},
};
use url::Url;

use super::{error::ProviderError, targets::Targets};
use crate::server::config;

/// Bounds of the requests to providers.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For name resolution and the TCP and TLS handshakes.
    pub connect_timeout: Duration,
    /// For a request, including the body of the response.
    pub request_timeout: Duration,
    /// For all requests of one login. Below `limits.call_seconds`.
    pub login_timeout: Duration,
    /// How long a request waits for others to end.
    pub queue_timeout: Duration,
    /// Requests to one provider at a time, so that one that hangs does not block the others.
    pub requests: usize,
    /// Bytes of a response.
    pub body: usize,
    /// Bytes of a key set.
    pub key_set: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(4),
            request_timeout: Duration::from_secs(8),
            login_timeout: Duration::from_secs(12),
            queue_timeout: Duration::from_secs(2),
            requests: 4,
            body: 64 * 1024,
            key_set: 256 * 1024,
        }
    }
}

/// Requests to all providers at a time.
pub const REQUESTS_IN_ALL: usize = 16;

/// Response headers. Together with the size limit of hyper for all headers, about 400 KiB, this bounds the memory.
const MAX_HEADERS: usize = 64;

/// The HTTP client of one provider.
#[derive(Debug)]
pub struct HttpClient {
    client: Client,
    targets: Targets,
    limits: Limits,
    own_permits: Semaphore,
    shared_permits: Arc<Semaphore>,
}

impl HttpClient {
    /// `shared_permits` bounds the requests to all providers.
    pub fn new(settings: &config::Provider, limits: Limits, shared_permits: Arc<Semaphore>) -> anyhow::Result<Self> {
        let issuer = Url::parse(settings.issuer()).context("the issuer is not a URL")?;
        let targets = Targets::of_issuer(&issuer);
        let mut builder = Client::builder()
            // GitHub refuses requests without one.
            .user_agent("Callgate")
            .https_only(!targets.allows_plain_http())
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .redirect(redirect::Policy::none())
            // A code must not be sent twice.
            .retry(retry::never())
            // Environment variables such as HTTPS_PROXY are ignored.
            .no_proxy()
            .dns_resolver(Arc::new(targets))
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.request_timeout)
            .pool_max_idle_per_host(0);
        if let Some(file) = &settings.ca_file {
            let ca = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let ca = Certificate::from_pem_bundle(&ca)
                .ok()
                .filter(|certificates| !certificates.is_empty())
                .with_context(|| format!("{} contains no certificate in PEM format", file.display()))?;
            builder = builder.tls_certs_only(ca);
        } else if targets.allows_plain_http() {
            // A test provider works without the CA certificates of the system.
            builder = builder.tls_certs_only([]);
        }
        Ok(Self {
            client: builder.build().context("cannot set up TLS")?,
            targets,
            limits,
            own_permits: Semaphore::new(limits.requests),
            shared_permits,
        })
    }

    pub fn targets(&self) -> Targets {
        self.targets
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone()).header(ACCEPT, "application/json")
    }

    pub fn post(&self, url: &Url) -> RequestBuilder {
        self.client.post(url.clone()).header(ACCEPT, "application/json")
    }

    /// Sends a request and reads the response, whatever its status is. `context` is the operation, for the log.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] if the target is not allowed, or the response does not arrive in time, is too large
    /// or compressed. [`ProviderError::Busy`] if too many requests are running.
    pub async fn send(
        &self,
        context: &'static str,
        request: RequestBuilder,
        max_body: usize,
    ) -> Result<Response, ProviderError> {
        let unreachable = |error: reqwest::Error| ProviderError::unreachable(context, error.without_url());
        let request = request.build().map_err(unreachable)?;
        if let Err(problem) = self.targets.check(request.url()) {
            return Err(ProviderError::unreachable(context, format!("the address {problem}")));
        }
        let permits = async {
            let own = self.own_permits.acquire().await;
            (own, self.shared_permits.acquire().await)
        };
        let permits = time::timeout(self.limits.queue_timeout, permits).await;
        let _permits = permits.map_err(|_: Elapsed| ProviderError::Busy)?;

        let mut response = self.client.execute(request).await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        // Without a request for it, compression is either a mistake or an attack on memory.
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding != "identity")
        {
            return Err(ProviderError::unreachable(context, "the response is compressed"));
        }
        let too_large = || ProviderError::unreachable(context, format!("the response is larger than {max_body} bytes"));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            context,
            status,
            headers,
            body,
        })
    }
}

/// A response whose status and content are not checked yet.
#[derive(Debug)]
pub struct Response {
    context: &'static str,
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    /// # Errors
    /// [`ProviderError::Unreachable`] unless the status is 200 and the media type one of these.
    pub fn require_ok(&self, media_types: &[&str]) -> Result<(), ProviderError> {
        if self.status != StatusCode::OK {
            return Err(self.unusable(format!("the status is {}", self.status.as_u16())));
        }
        if !self.has_type(media_types) {
            return Err(self.unusable("the content type is wrong"));
        }
        Ok(())
    }

    pub fn has_type(&self, media_types: &[&str]) -> bool {
        let value = self.header(&CONTENT_TYPE).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default().trim();
        media_types
            .iter()
            .any(|media_type| essence.eq_ignore_ascii_case(media_type))
    }

    /// The `max-age` of the `Cache-Control` header.
    pub fn max_age(&self) -> Option<Duration> {
        let directives = self.header(&CACHE_CONTROL)?.split(',');
        let seconds = directives
            .filter_map(|directive| directive.trim().split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
            .and_then(|(_, seconds)| seconds.trim_matches('"').parse().ok());
        seconds.map(Duration::from_secs)
    }

    /// An error about this response.
    pub fn unusable(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
        ProviderError::unreachable(self.context, cause)
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
