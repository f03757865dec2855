//! A flow: what is stored of it, and the secrets that are derived for it.

use std::sync::Arc;

use super::{failed::Failed, kind::Kind};
use crate::{
    contract::{provider::Failure, redirect_target::OwnPage},
    server::{
        accounts::active_sessions::CurrentSession,
        auth::caller::Caller,
        model::{
            clock::Timestamp,
            login::{Login, SessionKey},
            token::{Token, TokenHash},
        },
        storage::login_flows::StoredFlow,
        telemetry::error::InternalError,
    },
};

/// The secrets of a flow. They are derived from the state and from the cookie of the browser, of both of which only hashes
/// are stored. So a copy of the database finishes no flow (OpenID Connect Core 1.0, section 15.5.2).
pub(super) struct Secrets {
    pub code_verifier: String,
    pub nonce: String,
}

impl Secrets {
    pub(super) fn derive(browser: &Token, state: &Token) -> Self {
        let state = state.reveal();
        Self {
            code_verifier: browser.derive("pkce", &state),
            nonce: browser.derive("nonce", &state),
        }
    }
}

/// A flow that its callback has used up.
pub(super) struct Flow {
    pub kind: Kind,
    pub user_id: Option<String>,
    login_id: Option<String>,
    pub link: Option<TokenHash>,
    pub next: OwnPage,
    pub remember: bool,
    pub began_at: Timestamp,
    pub is_valid: bool,
    pub secrets: Secrets,
}

impl Flow {
    pub(super) fn new(stored: StoredFlow, secrets: Secrets, now: Timestamp) -> Result<Self, InternalError> {
        let kind = stored.purpose.parse();
        Ok(Self {
            is_valid: stored.is_valid(now),
            kind: kind.map_err(|error| InternalError::new("reading a login flow", error))?,
            user_id: stored.user_id,
            login_id: stored.login_id,
            link: stored.link_hash.as_deref().map(TokenHash::stored),
            next: OwnPage::or_home(Some(&stored.next)),
            remember: stored.remember,
            began_at: Timestamp(stored.began_at),
            secrets,
        })
    }

    /// The session that began the flow, if this request came with it. It is looked up again, because waiting for the
    /// provider took time.
    pub(super) async fn own_session(&self, caller: &Caller) -> Result<(Arc<Login>, SessionKey), Failed> {
        caller.refresh().await?;
        let login = caller.login().await?;
        let session = CurrentSession::of(caller).await?.session;
        match (login, session) {
            (Some(login), Some(session))
                if self.user_id.as_ref() == Some(&login.user_id) && self.login_id.as_ref() == Some(&session.id) =>
            {
                Ok((login, session))
            }
            _ => Err(Failed::new(Failure::WrongAccount, "not the session that began it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_and_each_browser_has_its_own_secrets() {
        let [browser, other, state] = [(); 3].map(|()| Token::random().unwrap());
        let secrets = Secrets::derive(&browser, &state);
        let again = Secrets::derive(&browser, &state);
        assert_eq!(
            (&secrets.code_verifier, &secrets.nonce),
            (&again.code_verifier, &again.nonce)
        );
        assert_ne!(secrets.code_verifier, secrets.nonce);
        // RFC 7636, section 4.1: 43 to 128 unreserved characters.
        assert_eq!(secrets.code_verifier.len(), 43);
        for different in [Secrets::derive(&other, &state), Secrets::derive(&browser, &other)] {
            assert_ne!(different.code_verifier, secrets.code_verifier);
            assert_ne!(different.nonce, secrets.nonce);
        }
    }
}
