//! A provider's metadata (OpenID Connect Discovery 1.0; RFC 8414; RFC 9207).

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::{
    cache::Fetched,
    error::ProviderError,
    http_client::HttpClient,
    json,
    signatures::{self, Algorithm},
    targets::Targets,
};
use crate::server::config;

const FRESH_FOR: Duration = Duration::from_hours(1);

const CONTEXT: &str = "fetching the provider's metadata";

/// The parts of the metadata that Callgate uses, checked.
#[derive(Debug)]
pub struct Metadata {
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub userinfo_endpoint: Option<Url>,
    pub end_session_endpoint: Option<Url>,
    /// Whether authorization responses contain `iss`.
    pub sends_iss: bool,
    /// How clients may authenticate at the token endpoint. `None` means "basic".
    pub client_auth_methods: Option<Vec<String>>,
    /// How ID tokens are signed, as far as this server accepts it.
    pub algorithms: Vec<Algorithm>,
    pub announces_pkce: bool,
    pub has_backchannel_logout: bool,
}

#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    response_types_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
    backchannel_logout_supported: Option<bool>,
}

/// The address of the metadata (OpenID Connect Discovery 1.0, section 4.1).
pub fn address(issuer: &str) -> Result<Url, ProviderError> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|error| ProviderError::unreachable(CONTEXT, error))
}

pub async fn fetch(http: &HttpClient, settings: &config::Provider) -> Result<Fetched<Metadata>, ProviderError> {
    let request = http.get(&address(settings.issuer())?);
    let response = http.send(CONTEXT, request, http.limits().body).await?;
    response.require_ok(&["application/json"])?;
    let object = json::object(&response.body).map_err(|problem| response.unusable(problem))?;
    let document = Metadata::parse(object, settings, http.targets()).map_err(|problem| response.unusable(problem))?;
    Ok(Fetched {
        document,
        fresh_for: FRESH_FOR,
    })
}

impl Metadata {
    fn parse(object: Map<String, Value>, settings: &config::Provider, targets: Targets) -> Result<Self, String> {
        // The error may quote the content.
        let shorten = |text: String| text.chars().take(200).collect::<String>();
        let document: Document = serde_json::from_value(object.into()).map_err(|error| shorten(error.to_string()))?;
        if document.issuer != settings.issuer() {
            return Err(format!(
                "the provider's issuer is \"{}\", but the setting providers.{}.issuer is \"{}\"; copy it exactly, a slash \
                 at the end counts",
                shorten(document.issuer),
                settings.key,
                settings.issuer()
            ));
        }
        let lacks = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref().is_some_and(|list| !list.iter().any(|item| item == value))
        };
        if lacks(&document.response_types_supported, "code") {
            return Err("the provider does not support response_type=code".to_owned());
        }
        if lacks(&document.code_challenge_methods_supported, "S256") {
            return Err("the provider does not support PKCE with S256".to_owned());
        }
        let endpoint = |name: &str, url: &str| {
            let url = Url::parse(url).map_err(|_| format!("{name} is not a URL"))?;
            targets.check(&url).map_err(|problem| format!("{name} {problem}"))?;
            Ok::<_, String>(url)
        };
        let optional = |name: &str, url: &Option<String>| url.as_deref().map(|url| endpoint(name, url)).transpose();
        // RS256 is the default of OpenID Connect Core 1.0, section 2. Nothing is accepted only because it is listed.
        let announced = document.id_token_signing_alg_values_supported;
        let announced = announced.unwrap_or_else(|| vec!["RS256".to_owned()]);
        let announced: Vec<Algorithm> = announced
            .iter()
            .filter_map(|name| signatures::algorithm(name))
            .collect();
        let accepted = settings.algorithms.iter().copied();
        Ok(Self {
            authorization_endpoint: endpoint("authorization_endpoint", &document.authorization_endpoint)?,
            token_endpoint: endpoint("token_endpoint", &document.token_endpoint)?,
            jwks_uri: endpoint("jwks_uri", &document.jwks_uri)?,
            userinfo_endpoint: optional("userinfo_endpoint", &document.userinfo_endpoint)?,
            end_session_endpoint: optional("end_session_endpoint", &document.end_session_endpoint)?,
            sends_iss: document.authorization_response_iss_parameter_supported == Some(true),
            client_auth_methods: document.token_endpoint_auth_methods_supported,
            algorithms: accepted.filter(|algorithm| announced.contains(algorithm)).collect(),
            announces_pkce: document.code_challenge_methods_supported.is_some(),
            has_backchannel_logout: document.backchannel_logout_supported == Some(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::provider::settings, *};

    fn parse(changes: &Value) -> Result<Metadata, String> {
        let mut document = json!({
            "issuer": "https://id.example.org",
            "authorization_endpoint": "https://id.example.org/authorize?tenant=a",
            "token_endpoint": "https://login.example.net/token",
            "jwks_uri": "https://keys.example.net/",
            "response_types_supported": ["code", "id_token"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS512", "RS256"],
        });
        let object = document.as_object_mut().unwrap();
        object.extend(changes.as_object().unwrap().clone());
        let settings = settings("https://id.example.org", "");
        let targets = Targets::of_issuer(&"https://id.example.org".parse().unwrap());
        Metadata::parse(object.clone(), &settings, targets)
    }

    #[test]
    fn other_hosts_are_normal_and_none_and_hmac_are_no_algorithms() {
        let metadata = parse(&json!({})).unwrap();
        assert_eq!(metadata.algorithms, [Algorithm::RS256, Algorithm::RS512]);
        assert!(!metadata.sends_iss && metadata.userinfo_endpoint.is_none());
        let metadata = parse(&json!({"id_token_signing_alg_values_supported": null})).unwrap();
        assert_eq!(metadata.algorithms, [Algorithm::RS256]);
        let metadata = parse(&json!({"id_token_signing_alg_values_supported": ["none"]})).unwrap();
        assert_eq!(metadata.algorithms, []);
    }

    #[test]
    fn unusable_metadata_is_refused_with_a_reason() {
        for (changes, reason) in [
            (
                json!({"issuer": "https://id.example.org/"}),
                "a slash at the end counts",
            ),
            (json!({"issuer": "https://ID.example.org"}), "copy it exactly"),
            (json!({"issuer": ["https://id.example.org"]}), "expected a string"),
            (json!({"token_endpoint": null}), "expected a string"),
            (
                json!({"token_endpoint": "http://id.example.org/"}),
                "token_endpoint does not begin with https",
            ),
            (
                json!({"token_endpoint": "https://a@id.example.org/"}),
                "token_endpoint contains a user name",
            ),
            (
                json!({"jwks_uri": "https://169.254.169.254/keys"}),
                "jwks_uri is on an address",
            ),
            (
                json!({"jwks_uri": "https://[fe80::1]/keys"}),
                "jwks_uri is on an address",
            ),
            (
                json!({"userinfo_endpoint": "https://127.0.0.1/"}),
                "userinfo_endpoint is on an address",
            ),
            (
                json!({"end_session_endpoint": "javascript:alert(1)"}),
                "end_session_endpoint does not begin",
            ),
            (
                json!({"authorization_endpoint": "/authorize"}),
                "authorization_endpoint is not a URL",
            ),
            (
                json!({"authorization_endpoint": "https://id.example.org/#a"}),
                "contains a fragment",
            ),
            (json!({"response_types_supported": ["id_token"]}), "response_type=code"),
            (json!({"code_challenge_methods_supported": ["plain"]}), "S256"),
        ] {
            let problem = parse(&changes).unwrap_err();
            assert!(problem.contains(reason), "{changes}: {problem}");
        }
    }

    #[test]
    fn one_slash_at_the_end_of_the_issuer_is_dropped_to_build_the_address() {
        for (issuer, url) in [
            ("https://a.org", "https://a.org/.well-known/openid-configuration"),
            ("https://a.org/", "https://a.org/.well-known/openid-configuration"),
            (
                "https://a.org/realms/b",
                "https://a.org/realms/b/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(address(issuer).unwrap().as_str(), url);
        }
    }
}
