//! What the parts of a page share: the logged-in user, the functions, and facts of the request.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::{
    contract::{
        Refusal,
        function::{FunctionView, Responses},
        page::{PageFacts, PageStatus, RefusedLogin, SiteFacts},
        pending_call::{PendingCall, State},
        provider::LogoutLink,
        redirect_target::OwnPage,
        user::{UserView, WhoAmI},
    },
    functions::{list::list_functions, login::current_user},
};

/// The context of the page that is being rendered. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Visit {
    whoami: Resource<Result<Option<WhoAmI>, Refusal>>,
    facts: StoredValue<PageFacts>,
}

/// The declared functions. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Functions(Resource<Result<Vec<FunctionView>, Refusal>>);

impl Visit {
    /// Starts to look up the user while the page is rendered.
    pub fn new(facts: PageFacts) -> Self {
        Self {
            whoami: Resource::new_blocking(|| (), |()| whoami()),
            facts: StoredValue::new(facts),
        }
    }

    pub fn current() -> Self {
        expect_context()
    }

    /// The logged-in user with permissions. A refusal sets the status of the page.
    pub async fn whoami(self) -> Result<Option<WhoAmI>, Refusal> {
        set_status_on_refusal(self.whoami.await)
    }

    /// The logged-in user. A refusal sets the status of the page.
    pub async fn user(self) -> Result<Option<UserView>, Refusal> {
        self.whoami().await.map(|whoami| whoami.map(|whoami| whoami.user))
    }

    /// Whether the user has a permission. This only decides what the page offers; guards decide what is allowed.
    pub async fn may(self, permission: &str) -> bool {
        let whoami = self.whoami.await.ok().flatten();
        whoami.is_some_and(|whoami| whoami.permissions.iter().any(|held| held == permission))
    }

    /// Starts to look up the declared functions.
    pub fn functions(self) -> Functions {
        Functions(Resource::new_blocking(
            || (),
            |()| async { list_functions().await.map(|list| list.functions) },
        ))
    }

    /// The time of the request.
    pub fn now(self) -> Timestamp {
        self.facts.with_value(|facts| facts.now)
    }

    pub fn site(self) -> SiteFacts {
        self.facts.with_value(|facts| facts.site.clone())
    }

    /// The id of the request, for the operator.
    pub fn reference(self) -> Option<String> {
        self.facts.with_value(|facts| facts.reference.clone())
    }

    /// The stored call of `function` that this page shows, if any.
    pub fn pending_call(self, function: &str) -> Option<PendingCall> {
        let pending_call = self.facts.with_value(|facts| facts.pending_call.clone());
        pending_call.filter(|call| call.function == function)
    }

    /// The function whose call waits on the page `next` until the user has logged in, if there is one.
    pub fn waiting_function(self, next: &OwnPage) -> Option<String> {
        let is_waiting = |call: &PendingCall| matches!(call.state, State::Waiting { .. }) && call.page() == *next;
        self.facts.with_value(|facts| {
            let call = facts.pending_call.as_ref().filter(|call| is_waiting(call));
            call.map(|call| call.function.clone())
        })
    }

    /// The refused login that this page shows, if any.
    pub fn refused_login(self) -> Option<RefusedLogin> {
        self.facts.with_value(|facts| facts.refused_login.clone())
    }

    /// What a call of the function of this page can return.
    pub fn responses(self) -> Option<Responses> {
        self.facts.with_value(|facts| facts.responses.clone())
    }

    /// The functions whose guards refuse the logged-in user, on the home page. `None` if nobody is logged in.
    pub fn refused_functions(self) -> Option<Vec<String>> {
        self.facts.with_value(|facts| facts.refused.clone())
    }

    /// The logout at a provider that this page offers, if any.
    pub fn logout_link(self) -> Option<LogoutLink> {
        self.facts.with_value(|facts| facts.logout_link.clone())
    }
}

impl Functions {
    /// All functions. A refusal sets the status of the page.
    pub async fn all(self) -> Result<Vec<FunctionView>, Refusal> {
        set_status_on_refusal(self.0.await)
    }

    /// The function with that name. A refusal sets the status of the page.
    pub async fn named(self, name: &str) -> Result<Option<FunctionView>, Refusal> {
        let all = self.all().await?;
        Ok(all.into_iter().find(|function| function.name == name))
    }
}

/// Looks up the logged-in user. `None` if nobody is logged in.
pub async fn whoami() -> Result<Option<WhoAmI>, Refusal> {
    match current_user().await {
        Ok(reply) => Ok(Some(reply)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

fn set_status_on_refusal<T>(found: Result<T, Refusal>) -> Result<T, Refusal> {
    found.inspect_err(|refusal| set_status(refusal.status()))
}

/// Sets the HTTP status of the page. Does nothing in the browser.
pub fn set_status(status: u16) {
    if let Some(page) = use_context::<PageStatus>() {
        page.set(status);
    }
}
