//! An event of the audit log.

use super::clock::Timestamp;
use crate::{
    contract::audit::{Action, Outcome},
    server::telemetry::request::RequestContext,
};

/// The actor of events from the command line. It is not a valid user name.
pub const OPERATOR: &str = "(operator)";

/// Deliberately has no field for secrets.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: Timestamp,
    pub action: Action,
    pub outcome: Outcome,
    /// The user who acted, or [`OPERATOR`]. Empty if unknown.
    pub actor: String,
    /// The affected user. Empty if there is none.
    pub user: String,
    /// Details, such as a role, a reason or a guard.
    pub about: String,
    /// The client IP. Empty if there is none.
    pub address: String,
    /// The id of the request. Empty outside of a request.
    pub request_id: String,
}

impl Event {
    fn new(action: Action, actor: &str, address: String) -> Self {
        let request_id = RequestContext::request_id();
        Self {
            at: Timestamp::now(),
            action,
            outcome: Outcome::Ok,
            actor: actor.to_owned(),
            user: String::new(),
            about: String::new(),
            address,
            request_id: request_id.map(|request_id| request_id.to_string()).unwrap_or_default(),
        }
    }

    /// Creates an event for an action of `actor` in the current request. `actor` is empty if unknown.
    pub fn by(actor: &str, action: Action) -> Self {
        let address = RequestContext::current().and_then(|request| request.address);
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        Self::new(action, actor, address)
    }

    /// Creates an event for sessions or remembered browsers that a login from `address` replaced, because the user had
    /// too many. The caller adds their number with [`Self::about`].
    pub fn of_surplus(user: &str, address: &str) -> Self {
        Self::new(Action::SurplusEnded, user, address.to_owned()).to(user)
    }

    pub fn by_operator(action: Action) -> Self {
        Self::new(action, OPERATOR, String::new())
    }

    #[must_use]
    pub fn to(mut self, user: &str) -> Self {
        user.clone_into(&mut self.user);
        self
    }

    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    #[must_use]
    pub fn refused(mut self) -> Self {
        self.outcome = Outcome::Refused;
        self
    }
}
