//! Logouts that a provider announces to this server (OpenID Connect Back-Channel Logout 1.0).

use std::time::Duration;

use crate::server::{
    auth::security_log,
    model::{clock::Timestamp, token::TokenHash},
    oidc::ProviderError,
    state::AppState,
    storage::logout_tokens::AnnouncedLogout,
    telemetry::error::InternalError,
};

/// How much longer than a token is valid it is remembered as used: tokens are accepted somewhat later if clocks differ.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Why an announced logout was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoutError {
    /// There is no such provider, or the settings do not let it end sessions.
    UnknownProvider,
    /// The token did not pass a check, or was used before.
    Invalid,
    /// The keys of the provider or the database are unavailable. The provider may try again.
    Unavailable,
}

impl From<InternalError> for LogoutError {
    /// Logs the error.
    fn from(error: InternalError) -> Self {
        error.log();
        Self::Unavailable
    }
}

/// Ends the sessions that a logout token names: those of a session at the provider, or all of an account there that began
/// before. Their remembered browsers are forgotten. Succeeds even if there were none.
pub async fn back_channel(state: &AppState, provider: &str, token: &str) -> Result<(), LogoutError> {
    let found = state.providers().by_key(provider);
    let found = found.filter(|provider| provider.settings().backchannel_logout);
    let client = found.ok_or(LogoutError::UnknownProvider)?;
    let now = Timestamp::now();
    let token = client
        .logout_token(token, now)
        .await
        .map_err(|error| refused(provider, &error))?;
    let issuer = client.settings().issuer();
    let sid = token.sid.as_deref().map(|sid| sid_hash(issuer, sid));
    let logout = AnnouncedLogout {
        jti: &hash(issuer, "jti", &token.jti),
        expires_at: token.expires_at.plus(CLOCK_TOLERANCE),
        issuer,
        subject: token.subject.as_deref(),
        sid: sid.as_ref(),
        issued_at: token.issued_at,
    };
    let Some(ended) = state.storage().end_logins_of_provider(&logout).await? else {
        tracing::warn!(
            target: "callgate::security",
            event = "authn_token_reuse",
            provider,
            "a logout token was used twice"
        );
        return Err(LogoutError::Invalid);
    };
    for (user, count) in ended {
        security_log::sessions_ended_by_provider(state, &user, provider, count);
    }
    Ok(())
}

/// The hash of a session at a provider, as it is stored. With the issuer, because providers choose these names themselves.
pub fn sid_hash(issuer: &str, sid: &str) -> TokenHash {
    hash(issuer, "sid", sid)
}

fn hash(issuer: &str, kind: &str, value: &str) -> TokenHash {
    TokenHash::of(format!("{issuer}\0{kind}\0{value}").as_bytes())
}

fn refused(provider: &str, error: &ProviderError) -> LogoutError {
    match error {
        ProviderError::Refused { check } => {
            tracing::warn!(
                target: "callgate::security",
                event = "authn_logout_refused",
                provider,
                reason = check,
                "refused a logout token"
            );
            LogoutError::Invalid
        }
        ProviderError::Unreachable { .. } | ProviderError::Busy => {
            tracing::warn!(provider, cause = error.chain(), "cannot verify a logout token now");
            LogoutError::Unavailable
        }
    }
}
