//! Tests a provider for `callgate provider check`.

use super::{
    error::ProviderError,
    github,
    metadata::{self, Metadata},
    provider::Provider,
    token_request,
};
use crate::server::config::{ClientAuth, Fresh, ProviderKind, ProviderLogout};

/// The result of one test: what was found, or what is wrong.
#[derive(Debug)]
pub struct CheckResult {
    pub name: &'static str,
    pub result: Result<String, String>,
}

fn passed(name: &'static str, text: impl Into<String>) -> CheckResult {
    CheckResult {
        name,
        result: Ok(text.into()),
    }
}

fn failed(name: &'static str, problem: impl Into<String>) -> CheckResult {
    CheckResult {
        name,
        result: Err(problem.into()),
    }
}

impl Provider {
    /// Contacts the provider and compares what it offers with the settings. Tests the client's secret with a code that
    /// the provider cannot know.
    pub async fn check(&self) -> Vec<CheckResult> {
        match self.settings().kind {
            ProviderKind::Github => match github::token_endpoint(self.settings()) {
                Ok(endpoint) => vec![self.check_client(&endpoint, github::client_auth(self.settings())).await],
                Err(error) => vec![failed("client", error.chain())],
            },
            ProviderKind::Oidc => self.check_oidc().await,
        }
    }

    async fn check_oidc(&self) -> Vec<CheckResult> {
        let metadata = match self.metadata().await {
            Ok(metadata) => metadata,
            Err(error) => return vec![failed("metadata", error.chain())],
        };
        let address = metadata::address(self.settings().issuer())
            .map(String::from)
            .unwrap_or_default();
        let keys = match self.keys(&metadata).await {
            Ok(keys) if keys.len() == 0 => failed("keys", format!("{} has no usable key", metadata.jwks_uri)),
            Ok(keys) => passed("keys", format!("{} usable at {}", keys.len(), metadata.jwks_uri)),
            Err(error) => failed("keys", error.chain()),
        };
        let mut results = vec![passed("metadata", address), keys, check_algorithms(&metadata)];
        let auth = self.client_auth(&metadata);
        results.push(check_client_auth(auth, &metadata));
        results.push(self.check_client(&metadata.token_endpoint, auth).await);
        results.extend(self.check_features(&metadata));
        results
    }

    /// Sends a code that is wrong. A provider that accepts the client refuses the code.
    async fn check_client(&self, endpoint: &url::Url, auth: ClientAuth) -> CheckResult {
        // 43 characters are the minimum of a verifier (RFC 7636, section 4.1).
        let (code, code_verifier) = ("callgate-provider-check", "callgate-provider-check-0123456789-abcdefgh");
        match self.tokens(endpoint, auth, code, code_verifier).await {
            Err(ProviderError::Refused { check }) if check == token_request::WRONG_CODE => {
                passed("client", "the provider accepts the client id and its authentication")
            }
            Err(ProviderError::Refused { check }) if token_request::INCONCLUSIVE.contains(&check) => passed(
                "client",
                "reached, but its response does not show whether it accepts the client",
            ),
            Err(ProviderError::Refused { check }) => {
                failed("client", format!("the provider refuses the client: {check}"))
            }
            Err(error) => failed("client", error.chain()),
            Ok(_) => failed("client", "the provider accepts any code"),
        }
    }

    fn check_features(&self, metadata: &Metadata) -> Vec<CheckResult> {
        let settings = self.settings();
        let yes_or_no = |found: bool| if found { "yes" } else { "no" };
        let logout = match (&metadata.end_session_endpoint, settings.logout) {
            (None, ProviderLogout::Always) => failed("logout", "not offered, but the setting logout is \"always\""),
            (None, _) => passed("logout", "not offered"),
            (Some(endpoint), _) => passed("logout", endpoint.as_str()),
        };
        let userinfo = metadata.userinfo_endpoint.as_ref();
        vec![
            passed(
                "PKCE",
                if metadata.announces_pkce {
                    "S256"
                } else {
                    "not announced; sent nevertheless"
                },
            ),
            passed("iss in responses", yes_or_no(metadata.sends_iss)),
            passed("UserInfo", userinfo.map_or("not offered", |endpoint| endpoint.as_str())),
            logout,
            passed("back-channel logout", yes_or_no(metadata.has_backchannel_logout)),
            passed(
                "fresh logins",
                match settings.fresh() {
                    Fresh::AuthTime => "if ID tokens contain auth_time",
                    Fresh::Never => "no",
                },
            ),
        ]
    }
}

/// Compares how the client authenticates with what the provider announces.
fn check_client_auth(auth: ClientAuth, metadata: &Metadata) -> CheckResult {
    let method = match auth {
        ClientAuth::Auto | ClientAuth::Basic => "client_secret_basic",
        ClientAuth::Post => "client_secret_post",
        ClientAuth::None => "none",
    };
    match &metadata.client_auth_methods {
        Some(methods) if !methods.is_empty() && !methods.iter().any(|listed| listed == method) => failed(
            "client authentication",
            format!("{method} is not one of {}", methods.join(", ")),
        ),
        _ => passed("client authentication", method),
    }
}

fn check_algorithms(metadata: &Metadata) -> CheckResult {
    let names: Vec<&str> = metadata.algorithms.iter().map(Into::into).collect();
    if names.is_empty() {
        return failed(
            "algorithms",
            "the provider announces none of those in the setting algorithms",
        );
    }
    passed("algorithms", names.join(", "))
}
