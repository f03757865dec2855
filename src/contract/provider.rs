//! Providers of accounts that people log in with, and why such a login failed.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::language::Message;
use crate::message;

/// A configured provider, as pages offer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderView {
    /// The key in the settings, which is part of addresses.
    pub key: String,
    /// The name on buttons.
    pub name: String,
    /// Whether a login there can make a login here fresh.
    pub can_confirm: bool,
    /// Whether a browser can stay remembered after a login with this provider.
    pub can_remember: bool,
}

/// A link to the logout at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutLink {
    /// The name of the provider.
    pub provider: String,
    /// The address at the provider.
    pub url: String,
}

/// Why a login at a provider failed, or the linking of an account there. The codes are stable: they stand in the query
/// of the page that shows the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Failure {
    /// The person did not log in at the provider.
    Cancelled,
    /// The flow is unknown: it was used, has expired, or belongs to another browser.
    Expired,
    /// The provider did not answer, or answered with an error of its own.
    Unreachable,
    /// The provider's response did not pass a check.
    Refused,
    /// No user here belongs to the account, the user is disabled, or the rules of the provider do not allow the account.
    /// The message does not reveal which.
    NoAccount,
    /// The name that the new user would get belongs to another user.
    NameTaken,
    /// The account is linked to another user.
    LinkedElsewhere,
    /// The account or the session is not the one that the flow was started for.
    WrongAccount,
    /// The provider did not say that the person just authenticated there.
    NotFresh,
    /// Too many logins are running.
    Busy,
}

impl Failure {
    /// The code in the query of a page.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The message for people. It contains nothing that the provider sent; `provider` is the name in the settings.
    pub fn message(self, provider: &str) -> Message {
        match self {
            Self::Cancelled => message!("You did not log in at {provider}.", provider),
            Self::Expired => message!("This login took too long, or it was started in another browser. Try again."),
            Self::Unreachable => message!("{provider} cannot be reached at the moment. Try again later.", provider),
            Self::Refused => message!(
                "The response of {provider} could not be verified. Report this to the operator of this site.",
                provider
            ),
            Self::NoAccount => message!(
                "There is no user here for this account at {provider}. An administrator can invite you.",
                provider
            ),
            Self::NameTaken => message!(
                "Your name at {provider} is already taken here. Ask an administrator to link your account.",
                provider
            ),
            Self::LinkedElsewhere => message!("This account at {provider} is linked to another user here.", provider),
            Self::WrongAccount => message!(
                "This account at {provider} does not belong to the user who started here. Try again with the right account.",
                provider
            ),
            Self::NotFresh => message!(
                "{provider} did not confirm that you just logged in there. Use your password instead.",
                provider
            ),
            Self::Busy => message!("Too many logins are running. Try again in a moment."),
        }
    }

    /// The query parameters of the page that shows the failure, without a leading `?` or `&`. Pages read them with
    /// [`FailedLogin::find`]. `reference` is the request id, which helps the operator to find the cause in the log.
    pub fn query(self, provider: &str, reference: Option<&str>) -> String {
        let reference = reference.filter(|_| self == Self::Refused);
        let reference = reference.map(|id| format!("&{REFERENCE}={id}")).unwrap_or_default();
        format!("{FAILED}={}&{WITH}={provider}{reference}", self.code())
    }
}

const FAILED: &str = "failed";
const WITH: &str = "with";
const REFERENCE: &str = "reference";

/// A failure in the query of a page. Anybody can write such an address, so only known values are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLogin {
    /// The cause.
    pub failure: Failure,
    /// The key of the provider, if it is well-formed.
    pub provider: Option<String>,
    /// The request id, if it is well-formed.
    pub reference: Option<String>,
}

impl FailedLogin {
    /// Finds the failure in a query; `get` returns the value of a parameter.
    pub fn find(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let is_token = |text: &String| {
            (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        Some(Self {
            failure: get(FAILED)?.parse().ok()?,
            provider: get(WITH).filter(is_token),
            reference: get(REFERENCE).filter(is_token),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(query: &str) -> Option<FailedLogin> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
        FailedLogin::find(|name| {
            let pair = pairs.iter().find(|(key, _)| key == name);
            pair.map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn failures_survive_the_query() {
        for failure in Failure::VARIANTS.iter().copied() {
            let found = find(&failure.query("example", Some("0a-1b"))).unwrap();
            assert_eq!((found.failure, found.provider.as_deref()), (failure, Some("example")));
            assert_eq!(found.reference.is_some(), failure == Failure::Refused);
        }
    }

    #[test]
    fn a_query_cannot_bring_its_own_text() {
        assert_eq!(find("failed=Your+account+is+locked&with=example"), None);
        assert_eq!(find("with=example"), None);
        let found = find("failed=refused&with=call+0900&reference=%3Cb%3E").unwrap();
        assert_eq!((found.provider, found.reference), (None, None));
    }
}
