//! Checks of logout tokens (OpenID Connect Back-Channel Logout 1.0, section 2.6).

use std::time::Duration;

use super::{
    account::LogoutToken,
    claims::{self, Claims},
    error::{ProviderError, refused, require},
    provider::Provider,
};
use crate::server::{config::ProviderKind, model::clock::Timestamp};

/// Accepted values of the header `typ`. Keycloak has sent `JWT`. The claims distinguish an ID token.
pub const TYPES: [&str; 2] = ["logout+jwt", "JWT"];

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// From `iat` to `exp`. Used tokens are stored for as long.
const MAX_LIFETIME: Duration = Duration::from_mins(10);

impl Provider {
    /// Verifies a logout token. Callers accept each `jti` once.
    pub async fn logout_token(&self, token: &str, now: Timestamp) -> Result<LogoutToken, ProviderError> {
        if self.settings().kind == ProviderKind::Github {
            return refused("logout_token");
        }
        let (claims, _) = self
            .within_limit(async {
                let metadata = self.metadata().await?;
                self.verify(token, &TYPES, &metadata).await
            })
            .await?;
        check(&claims, self.settings().issuer(), &self.settings().client_id, now)
    }
}

/// Checks the claims of a logout token with a valid signature. The caller accepts each `jti` once.
pub fn check(claims: &Claims, issuer: &str, client_id: &str, now: Timestamp) -> Result<LogoutToken, ProviderError> {
    claims.check_parties(issuer, client_id)?;
    let (issued_at, expires_at) = claims.check_times(now)?;
    require(expires_at.since(issued_at) <= MAX_LIFETIME, "lifetime")?;
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    require(event.is_some_and(serde_json::Value::is_object), "events")?;
    // An ID token has one.
    require(claims.get("nonce").is_none(), "nonce")?;
    let subject = identifier(claims, "sub")?;
    let sid = identifier(claims, "sid")?;
    require(subject.is_some() || sid.is_some(), "sub")?;
    let Some(jti) = identifier(claims, "jti")? else {
        return refused("jti");
    };
    Ok(LogoutToken {
        subject,
        sid,
        jti,
        issued_at,
        expires_at,
    })
}

fn identifier(claims: &Claims, name: &'static str) -> Result<Option<String>, ProviderError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_str().filter(|text| claims::is_identifier(text)) {
            Some(text) => Ok(Some(text.to_owned())),
            None => refused(name),
        },
    }
}
