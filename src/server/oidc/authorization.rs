//! Where to send browsers: authorization requests and logout at the provider.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{error::ProviderError, github, provider::Provider};
use crate::server::config::ProviderKind;

/// Parameters of an authorization request (OpenID Connect Core 1.0, section 3.1.2.1; RFC 7636).
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    pub state: &'a str,
    pub nonce: &'a str,
    pub code_verifier: &'a str,
    /// Asks the provider to authenticate the person again: `prompt=login` with this `max_age`.
    pub reauthenticate: Option<Duration>,
    /// Asks the provider to let the person choose an account.
    pub select_account: bool,
}

impl Provider {
    /// Where to send a browser for a login. Loads the metadata if needed.
    pub async fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> Result<Url, ProviderError> {
        let mut url = match self.settings().kind {
            ProviderKind::Github => github::authorization_endpoint(self.settings())?,
            ProviderKind::Oidc => self.within_limit(self.metadata()).await?.authorization_endpoint.clone(),
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(request.code_verifier));
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("redirect_uri", self.redirect_uri())
            .append_pair("scope", &self.settings().scopes().join(" "))
            .append_pair("state", request.state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if self.settings().kind == ProviderKind::Oidc {
            query.append_pair("nonce", request.nonce);
        }
        if let Some(max_age) = request.reauthenticate {
            query
                .append_pair("prompt", "login")
                .append_pair("max_age", &max_age.as_secs().to_string());
        } else if request.select_account {
            query.append_pair("prompt", "select_account");
        }
        query.extend_pairs(&self.settings().extra);
        drop(query);
        Ok(url)
    }

    /// Whether authorization responses of this provider contain `iss` (RFC 9207).
    pub async fn requires_iss(&self) -> Result<bool, ProviderError> {
        match self.settings().kind {
            ProviderKind::Github => Ok(false),
            ProviderKind::Oidc => Ok(self.within_limit(self.metadata()).await?.sends_iss),
        }
    }

    /// Where to send a browser to log out at the provider (OpenID Connect RP-Initiated Logout 1.0). Returns `None` if the
    /// provider has no such address or cannot be reached.
    pub async fn end_session_url(&self, post_logout_redirect_uri: &str, state: &str) -> Option<Url> {
        if self.settings().kind == ProviderKind::Github {
            return None;
        }
        let metadata = self.within_limit(self.metadata()).await.ok()?;
        let mut url = metadata.end_session_endpoint.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings().client_id)
            .append_pair("post_logout_redirect_uri", post_logout_redirect_uri)
            .append_pair("state", state);
        Some(url)
    }
}
