//! GitHub: OAuth 2 without ID tokens. The account comes from GitHub's API.

use serde_json::{Map, Value};
use url::Url;

use super::{
    account::Account,
    error::{ProviderError, refused},
    http_client::{HttpClient, Response},
    json,
};
use crate::server::config::{self, ClientAuth};

const CONTEXT: &str = "asking GitHub's API";

const BASE: &str = "https://github.com";

pub fn authorization_endpoint(settings: &config::Provider) -> Result<Url, ProviderError> {
    url(settings.base(), "/login/oauth/authorize")
}

pub fn token_endpoint(settings: &config::Provider) -> Result<Url, ProviderError> {
    url(settings.base(), "/login/oauth/access_token")
}

/// GitHub documents the secret as a parameter.
pub fn client_auth(settings: &config::Provider) -> ClientAuth {
    match settings.client_auth {
        ClientAuth::Auto => ClientAuth::Post,
        chosen => chosen,
    }
}

/// An address of the API, which GitHub has on its own host and GitHub Enterprise Server in a folder.
fn api(settings: &config::Provider, path: &str) -> Result<Url, ProviderError> {
    match settings.base() {
        BASE => url("https://api.github.com", path),
        base => url(base, &format!("/api/v3{path}")),
    }
}

fn url(base: &str, path: &str) -> Result<Url, ProviderError> {
    Url::parse(&format!("{}{path}", base.trim_end_matches('/')))
        .map_err(|error| ProviderError::unreachable("building an address of GitHub", error))
}

/// The account that the access token belongs to.
pub async fn account(
    http: &HttpClient,
    settings: &config::Provider,
    access_token: &str,
) -> Result<Account, ProviderError> {
    let response = get(http, &api(settings, "/user")?, access_token).await?;
    let mut claims = json::object(&response.body).map_err(|problem| response.unusable(problem))?;
    // The login name can change hands. The number cannot.
    let Some(subject) = claims.get("id").and_then(Value::as_u64) else {
        return refused("github_id");
    };
    // The address of the public profile. GitHub does not say whether it is verified.
    claims.retain(|name, _| name != "email_verified");
    if settings.needs_email() {
        claims.retain(|name, _| name != "email");
        claims.extend(verified_address(http, settings, access_token).await?);
    }
    Ok(Account {
        subject: subject.to_string(),
        claims,
        auth_time: None,
        sid: None,
    })
}

/// The claims about the primary address, if it is verified.
async fn verified_address(
    http: &HttpClient,
    settings: &config::Provider,
    access_token: &str,
) -> Result<Map<String, Value>, ProviderError> {
    let response = get(http, &api(settings, "/user/emails")?, access_token).await?;
    let addresses: Vec<Value> = serde_json::from_slice(&response.body).map_err(|error| response.unusable(error))?;
    let is_true = |address: &Value, name: &str| address.get(name) == Some(&Value::Bool(true));
    let address = addresses
        .iter()
        .find(|address| is_true(address, "primary") && is_true(address, "verified"))
        .and_then(|address| address.get("email"));
    let claims = address.map(|email| {
        [
            ("email".to_owned(), email.clone()),
            ("email_verified".to_owned(), true.into()),
        ]
    });
    Ok(claims.into_iter().flatten().collect())
}

async fn get(http: &HttpClient, url: &Url, access_token: &str) -> Result<Response, ProviderError> {
    let request = http.get(url).bearer_auth(access_token);
    let response = http.send(CONTEXT, request, http.limits().body).await?;
    response.require_ok(&["application/json"])?;
    Ok(response)
}
