//! What the parts of one page share: who is logged in, the functions, and facts of the request.

use leptos::prelude::*;

use crate::{
    contract::{
        Refusal,
        function::FunctionView,
        page::{PageFacts, PageStatus, RefusedLogin, SiteFacts},
        pending_call::PendingCall,
        user::{UserView, WhoAmI},
    },
    functions::{list::list_functions, login::current_user},
};

/// The visit that a page is rendered for. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Visit {
    who: Resource<Result<Option<WhoAmI>, Refusal>>,
    facts: StoredValue<PageFacts>,
}

/// The functions that there are. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Functions(Resource<Result<Vec<FunctionView>, Refusal>>);

impl Visit {
    /// Starts to find out who visits, while the page is rendered.
    pub fn new(facts: PageFacts) -> Self {
        Self {
            who: Resource::new_blocking(|| (), |()| who()),
            facts: StoredValue::new(facts),
        }
    }

    /// The visit that this view belongs to.
    pub fn current() -> Self {
        expect_context()
    }

    /// Who is logged in, and what this user may do.
    ///
    /// # Errors
    /// What kept it from being found out.
    pub async fn who(self) -> Result<Option<WhoAmI>, Refusal> {
        noting_status(self.who.await)
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// What kept it from being found out.
    pub async fn user(self) -> Result<Option<UserView>, Refusal> {
        self.who().await.map(|who| who.map(|who| who.user))
    }

    /// Whether the visitor has a permission. It decides what is offered; what is done, the guards decide.
    pub async fn may(self, permission: &str) -> bool {
        let who = self.who.await.ok().flatten();
        who.is_some_and(|who| who.permissions.iter().any(|held| held == permission))
    }

    /// The functions, for a page that shows one of them or all.
    pub fn functions(self) -> Functions {
        Functions(Resource::new_blocking(
            || (),
            |()| async { list_functions().await.map(|list| list.functions) },
        ))
    }

    /// What holds for every page.
    pub fn site(self) -> SiteFacts {
        self.facts.with_value(|facts| facts.site.clone())
    }

    /// The call of `function` that this page was loaded to show.
    pub fn kept_call(self, function: &str) -> Option<PendingCall> {
        let kept = self.facts.with_value(|facts| facts.kept_call.clone());
        kept.filter(|call| call.function == function)
    }

    /// The refused login that this page was loaded to show.
    pub fn refused_login(self) -> Option<RefusedLogin> {
        self.facts.with_value(|facts| facts.refused_login.clone())
    }
}

impl Functions {
    /// All of them.
    ///
    /// # Errors
    /// What kept them from being found out.
    pub async fn all(self) -> Result<Vec<FunctionView>, Refusal> {
        noting_status(self.0.await)
    }

    /// The one with that name, if there is one.
    ///
    /// # Errors
    /// What kept it from being found out.
    pub async fn named(self, name: &str) -> Result<Option<FunctionView>, Refusal> {
        let all = self.all().await?;
        Ok(all.into_iter().find(|function| function.name == name))
    }
}

/// Asks who is logged in. That nobody is, is no failure here.
///
/// # Errors
/// What kept it from being found out.
pub async fn who() -> Result<Option<WhoAmI>, Refusal> {
    match current_user().await {
        Ok(reply) => Ok(Some(reply)),
        Err(Refusal::NotLoggedIn) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// A page that could not find out what it shows is no 200.
fn noting_status<T>(found: Result<T, Refusal>) -> Result<T, Refusal> {
    found.inspect_err(|refusal| set_status(refusal.status()))
}

/// Sets the HTTP status of the page, where it is being rendered by the server.
pub fn set_status(status: u16) {
    if let Some(page) = use_context::<PageStatus>() {
        page.set(status);
    }
}
