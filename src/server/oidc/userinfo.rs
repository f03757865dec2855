//! The UserInfo endpoint (OpenID Connect Core 1.0, section 5.3), and how its claims are combined with the ID token's.

use reqwest::StatusCode;
use serde_json::{Map, Value};
use url::Url;

use super::{
    error::{ProviderError, refused, require},
    http_client::HttpClient,
    json,
};

const CONTEXT: &str = "asking the UserInfo endpoint";

/// Claims of the token itself and not of the person. UserInfo cannot add them.
const TOKEN_CLAIMS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "at_hash",
    "c_hash",
    "auth_time",
    "acr",
    "amr",
    "sid",
];

/// Asks for the claims of the person whom the access token belongs to.
pub async fn fetch(
    http: &HttpClient,
    endpoint: &Url,
    access_token: &str,
    subject: &str,
) -> Result<Map<String, Value>, ProviderError> {
    let request = http.get(endpoint).bearer_auth(access_token);
    let response = http.send(CONTEXT, request, http.limits().body).await?;
    if matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return refused("userinfo_status");
    }
    response.require_ok(&["application/json"])?;
    let claims = json::object(&response.body).map_err(|problem| problem.into_error(CONTEXT, "userinfo_response"))?;
    // The access token could belong to somebody else.
    require(claims.get("sub").is_some_and(|value| value == subject), "userinfo_sub")?;
    Ok(claims)
}

/// Adds the claims that the ID token lacks.
pub fn merge(claims: &mut Map<String, Value>, userinfo: Map<String, Value>) {
    // Whether an address is verified says nothing about another address.
    let is_same_address = match (claims.get("email"), userinfo.get("email")) {
        (None, _) => !claims.contains_key("email_verified"),
        (address, other) => address == other,
    };
    for (name, value) in userinfo {
        let is_about_address = matches!(name.as_str(), "email" | "email_verified");
        if !TOKEN_CLAIMS.contains(&name.as_str()) && (is_same_address || !is_about_address) {
            claims.entry(name).or_insert(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(id_token: Value, userinfo: Value) -> Value {
        let (Value::Object(mut claims), Value::Object(userinfo)) = (id_token, userinfo) else {
            panic!("objects");
        };
        merge(&mut claims, userinfo);
        claims.into()
    }

    #[test]
    fn the_id_token_wins_and_claims_of_the_token_cannot_be_added() {
        assert_eq!(
            merged(
                json!({"iss": "a", "sub": "1", "name": "Ann"}),
                json!({"iss": "b", "sub": "1", "name": "Bob", "groups": ["x"], "auth_time": 1, "sid": "s"})
            ),
            json!({"iss": "a", "sub": "1", "name": "Ann", "groups": ["x"]})
        );
    }

    #[test]
    fn a_verified_address_does_not_verify_another_one() {
        let verified = |email: &str| json!({"email": email, "email_verified": true});
        assert_eq!(merged(json!({}), verified("a@a.org")), verified("a@a.org"));
        assert_eq!(
            merged(json!({"email": "a@a.org"}), verified("a@a.org")),
            verified("a@a.org")
        );
        assert_eq!(
            merged(json!({"email": "b@b.org"}), verified("a@a.org")),
            json!({"email": "b@b.org"})
        );
        assert_eq!(
            merged(json!({"email_verified": true}), json!({"email": "b@b.org"})),
            json!({"email_verified": true})
        );
    }
}
