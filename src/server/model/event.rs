//! What the audit trail holds of something that happened.

use super::clock::Timestamp;
use crate::{
    contract::audit::{Action, Outcome},
    server::telemetry::request::RequestContext,
};

/// Who acts on the command line. No user can have that name.
pub const OPERATOR: &str = "(operator)";

/// Something that happened. It has no field for a secret.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub action: Action,
    /// How it came out.
    pub outcome: Outcome,
    /// Who did it. Empty where that is not known.
    pub actor: String,
    /// Whom it was done to. Empty where there is none.
    pub user: String,
    /// What else there is to say: a role, a reason, a guard.
    pub about: String,
    /// The network address that it came from.
    pub address: String,
    /// The reference of the request.
    pub request_id: String,
}

impl Event {
    fn new(action: Action, actor: &str, address: String) -> Self {
        Self {
            at: Timestamp::now(),
            action,
            outcome: Outcome::Ok,
            actor: actor.to_owned(),
            user: String::new(),
            about: String::new(),
            address,
            request_id: reference(),
        }
    }

    /// Something that `actor` does with the current request. Empty for somebody who is not known.
    pub fn by(actor: &str, action: Action) -> Self {
        let address = RequestContext::current().and_then(|request| request.address);
        Self::new(
            action,
            actor,
            address.map(|address| address.to_string()).unwrap_or_default(),
        )
    }

    /// Sessions or remembered browsers of a user made room for a login from that address. How many, is still to be said.
    pub fn of_surplus(user: &str, address: &str) -> Self {
        Self::new(Action::SurplusEnded, user, address.to_owned()).to(user)
    }

    /// Something that the operator does on the command line.
    pub fn by_operator(action: Action) -> Self {
        Self::new(action, OPERATOR, String::new())
    }

    /// The same, done to that user.
    #[must_use]
    pub fn to(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    /// The same, with something else to say.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// The same, refused.
    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }
}

/// The reference of the present request, as it is stored.
fn reference() -> String {
    let reference = RequestContext::request_id();
    reference.map(|reference| reference.to_string()).unwrap_or_default()
}
