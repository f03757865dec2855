//! Exchanges a code for tokens (OpenID Connect Core 1.0, section 3.1.3; RFC 6749, sections 2.3.1, 4.1.3 and 5).

use std::mem;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderValue},
};
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{
    error::{ProviderError, refused},
    http_client::{HttpClient, Response},
    json,
};
use crate::server::config::ClientAuth;

const CONTEXT: &str = "exchanging the code for tokens";

/// Bytes of an access token or ID token.
const MAX_TOKEN: usize = 16 * 1024;

/// Who asks for tokens, and how that is proved.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    pub id: &'a str,
    /// `None` for a public client.
    pub secret: Option<&'a str>,
    /// [`ClientAuth::Post`], or else the secret is sent in the header.
    pub auth: ClientAuth,
    pub redirect_uri: &'a str,
}

/// Tokens from the provider. They are used once and never stored.
pub struct Tokens {
    pub access_token: Zeroizing<String>,
    pub id_token: Option<Zeroizing<String>>,
}

/// Sends the code and returns the tokens, which are not verified.
pub async fn send(
    http: &HttpClient,
    endpoint: &Url,
    client: Client<'_>,
    code: &str,
    code_verifier: &str,
) -> Result<Tokens, ProviderError> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", client.redirect_uri),
        ("code_verifier", code_verifier),
    ];
    let mut request = http.post(endpoint);
    match client.secret {
        Some(secret) if client.auth == ClientAuth::Post => {
            form.extend([("client_id", client.id), ("client_secret", secret)]);
        }
        Some(secret) => {
            let mut header = HeaderValue::try_from(basic(client.id, secret).as_str())
                .map_err(|error| ProviderError::unreachable(CONTEXT, error))?;
            header.set_sensitive(true);
            request = request.header(AUTHORIZATION, header);
        }
        None => form.push(("client_id", client.id)),
    }
    let response = http.send(CONTEXT, request.form(&form), http.limits().body).await?;
    tokens(response)
}

/// The credentials of the client. Both are encoded as in a form before they are joined (RFC 6749, section 2.3.1).
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = Zeroizing::new(format!("{}:{}", encode(id), encode(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(credentials.as_str())))
}

fn tokens(mut response: Response) -> Result<Tokens, ProviderError> {
    let body = Zeroizing::new(mem::take(&mut response.body));
    // Some providers answer with a status of 401 if the client is wrong, and GitHub with 200 and an error.
    let is_error = matches!(response.status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED);
    if !is_error || !response.has_type(&["application/json"]) {
        response.require_ok(&["application/json"])?;
    }
    let mut object = json::object(&body).map_err(|problem| problem.into_error(CONTEXT, "token_response"))?;
    if is_error || object.contains_key("error") {
        return refused(error_name(object.get("error").and_then(Value::as_str)));
    }
    let is_bearer = object
        .get("token_type")
        .and_then(Value::as_str)
        .is_some_and(|name| name.eq_ignore_ascii_case("bearer"));
    if !is_bearer {
        return refused("token_type");
    }
    let Some(access_token) = take(&mut object, "access_token").filter(|token| is_token(token)) else {
        return refused("access_token");
    };
    Ok(Tokens {
        access_token,
        id_token: take(&mut object, "id_token"),
    })
}

fn take(object: &mut Map<String, Value>, name: &str) -> Option<Zeroizing<String>> {
    match object.get_mut(name)?.take() {
        Value::String(text) => Some(Zeroizing::new(text)),
        _ => None,
    }
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The name of a failed check for an error code (RFC 6749, section 5.2; GitHub's documentation). The provider's text is
/// not repeated.
fn error_name(code: Option<&str>) -> &'static str {
    match code {
        Some("invalid_grant" | "bad_verification_code") => WRONG_CODE,
        Some("invalid_client" | "incorrect_client_credentials") => "token_error_invalid_client",
        Some("unauthorized_client") => "token_error_unauthorized_client",
        Some("invalid_request") => INVALID_REQUEST,
        Some("invalid_scope") => "token_error_invalid_scope",
        Some("unsupported_grant_type") => "token_error_unsupported_grant_type",
        Some("redirect_uri_mismatch") => "token_error_redirect_uri_mismatch",
        _ => OTHER_ERROR,
    }
}

/// The name of the failed check if the provider accepts the client but not the code.
pub const WRONG_CODE: &str = "token_error_invalid_grant";

const INVALID_REQUEST: &str = "token_error_invalid_request";
const OTHER_ERROR: &str = "token_error_other";

/// Names of failed checks that do not show whether the provider accepts the client.
pub const INCONCLUSIVE: [&str; 2] = [INVALID_REQUEST, OTHER_ERROR];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let decoded = STANDARD
            .decode(&basic("call gate:ü", "a+b%:/").as_str()["Basic ".len()..])
            .unwrap();
        assert_eq!(decoded, b"call+gate%3A%C3%BC:a%2Bb%25%3A%2F");
    }
}
