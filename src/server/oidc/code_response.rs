//! From the code of a callback to a verified account.

use serde_json::{Map, Value};

use super::{
    account::Account,
    claims::{self, Claims},
    error::{ProviderError, refused},
    github,
    id_token::{self, Expected},
    metadata::Metadata,
    provider::Provider,
    userinfo,
};
use crate::server::{
    config::{AllowRule, ProviderKind, Provision, UserInfo},
    model::clock::Timestamp,
};

/// What the callback brought, with what belongs to its flow.
#[derive(Debug, Clone, Copy)]
pub struct CodeResponse<'a> {
    pub code: &'a str,
    pub nonce: &'a str,
    pub code_verifier: &'a str,
    pub now: Timestamp,
}

impl Provider {
    /// Exchanges a code for tokens and returns the account that they verifiably belong to.
    ///
    /// `auth_time` of the account is absent if the provider's value is unusable. Callers that asked for it check it.
    pub async fn account(&self, response: &CodeResponse<'_>) -> Result<Account, ProviderError> {
        let settings = self.settings();
        self.within_limit(async {
            match settings.kind {
                ProviderKind::Github => {
                    let endpoint = github::token_endpoint(settings)?;
                    let auth = github::client_auth(settings);
                    let tokens = self
                        .tokens(&endpoint, auth, response.code, response.code_verifier)
                        .await?;
                    github::account(self.http(), settings, &tokens.access_token).await
                }
                ProviderKind::Oidc => self.account_by_id_token(response).await,
            }
        })
        .await
    }

    async fn account_by_id_token(&self, response: &CodeResponse<'_>) -> Result<Account, ProviderError> {
        let metadata = self.metadata().await?;
        let (endpoint, auth) = (&metadata.token_endpoint, self.client_auth(&metadata));
        let tokens = self
            .tokens(endpoint, auth, response.code, response.code_verifier)
            .await?;
        let Some(id_token) = &tokens.id_token else {
            return refused("id_token");
        };
        let (claims, algorithm) = self.verify(id_token, &id_token::TYPES, &metadata).await?;
        let expected = Expected {
            issuer: self.settings().issuer(),
            client_id: &self.settings().client_id,
            nonce: response.nonce,
            access_token: &tokens.access_token,
            now: response.now,
        };
        id_token::check(&claims, algorithm, &expected)?;
        let mut account = self.account_of(claims, response.now)?;
        if self.needs_userinfo(&account, &metadata) {
            let Some(endpoint) = &metadata.userinfo_endpoint else {
                let cause = "the provider's metadata has no userinfo_endpoint, but userinfo is \"always\"";
                return Err(ProviderError::unreachable("asking the UserInfo endpoint", cause));
            };
            let more = userinfo::fetch(self.http(), endpoint, &tokens.access_token, &account.subject).await?;
            userinfo::merge(&mut account.claims, more);
        }
        Ok(account)
    }

    /// The account of an ID token that passed all checks.
    fn account_of(&self, claims: Claims, now: Timestamp) -> Result<Account, ProviderError> {
        let subject = claims.subject()?.to_owned();
        let latest = now.latest_plausible();
        let auth_time = claims.time("auth_time").filter(|time| *time <= latest);
        if auth_time.is_none() && claims.get("auth_time").is_some() {
            let provider = self.settings().key.as_str();
            tracing::warn!(
                provider,
                "ignored the auth_time of an ID token, because it is not a time in the past"
            );
        }
        let sid = claims
            .text("sid")
            .filter(|sid| claims::is_identifier(sid))
            .map(str::to_owned);
        let mut claims: Map<String, Value> = claims.into_map();
        claims.retain(|name, _| name != "nonce");
        Ok(Account {
            subject,
            claims,
            auth_time,
            sid,
        })
    }

    fn needs_userinfo(&self, account: &Account, metadata: &Metadata) -> bool {
        match self.settings().userinfo {
            UserInfo::Always => true,
            UserInfo::Never => false,
            UserInfo::IfMissing => {
                metadata.userinfo_endpoint.is_some()
                    && self.needed_claims().any(|pointer| account.claim(pointer).is_none())
            }
        }
    }

    /// The claims that settings name, as JSON pointers.
    fn needed_claims(&self) -> impl Iterator<Item = &str> {
        let settings = self.settings();
        let name = (settings.provision == Provision::Open).then(|| settings.name_claim());
        let allow = settings.allow.iter().flat_map(|rule| match rule {
            AllowRule::Claim { claim, .. } => vec![claim.as_str()],
            AllowRule::EmailDomains { .. } => vec!["/email", "/email_verified"],
        });
        let roles = settings.roles.iter().map(|rule| rule.claim.as_str());
        name.into_iter()
            .chain([settings.label_claim()])
            .chain(allow)
            .chain(roles)
    }
}
