//! What all pages of one visit share: who is logged in, the functions, and facts of the request.

use leptos::{prelude::*, reactive::owner::WeakOwner};
use leptos_router::hooks::use_location;

use crate::{
    contract::{
        Refusal,
        function::FunctionView,
        kept_call::KeptCall,
        page::{Packed, PageFacts, PageStatus, RefusedLogin, SiteFacts},
        user::{UserView, WhoAmI},
    },
    functions::{list::list_functions, login::current_user},
};

/// The shared state of a visit. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Visit {
    user: Resource<Result<Option<WhoAmI>, Refusal>>,
    functions: StoredValue<Option<Functions>>,
    /// What lives as long as the visit. Held weakly, since it holds this.
    owner: StoredValue<Option<WeakOwner>>,
    facts: StoredValue<PageFacts>,
}

/// The functions that there are. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Functions(Resource<Result<Vec<FunctionView>, Refusal>>);

impl Visit {
    /// Starts to find out who visits, while the page is rendered.
    pub fn new(facts: PageFacts) -> Self {
        Self {
            user: Resource::new_blocking(|| (), |()| who()),
            functions: StoredValue::new(None),
            owner: StoredValue::new(Owner::current().map(|owner| owner.downgrade())),
            facts: StoredValue::new(facts),
        }
    }

    /// The visit that this view belongs to.
    pub fn current() -> Self {
        expect_context()
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// What kept it from being found out.
    pub async fn user(self) -> Result<Option<UserView>, Refusal> {
        noting_status(self.user.await).map(|who| who.map(|who| who.user))
    }

    /// Whether the visitor has a permission. It decides what is offered; what is done, the guards decide.
    pub async fn may(self, permission: &str) -> bool {
        self.permissions().await.iter().any(|held| held == permission)
    }

    /// The permissions of the visitor, none where that is not known.
    pub async fn permissions(self) -> Vec<String> {
        self.user
            .await
            .ok()
            .flatten()
            .map(|who| who.permissions)
            .unwrap_or_default()
    }

    /// The functions, for a page that shows one of them or all: they travel with that page only, and a visit asks for
    /// them once. To be called while the page is set up, so that server and browser number it alike.
    pub fn functions(self) -> Functions {
        if let Some(functions) = self.functions.get_value() {
            return functions;
        }
        let find = || Resource::new_blocking(|| (), |()| async { list_functions().await.map(|list| list.functions) });
        let owner = self.owner.get_value().and_then(|owner| owner.upgrade());
        let functions = Functions(owner.map_or_else(find, |owner| owner.with(find)));
        self.functions.set_value(Some(functions));
        functions
    }

    /// Looks again who is logged in, after a call that may have changed it.
    pub fn look_again(self) {
        self.user.refetch();
    }

    /// Takes note that nobody is logged in any more.
    pub fn note_logout(self) {
        self.user.set(Some(Ok(None)));
    }

    /// What holds for every page.
    pub fn site(self) -> SiteFacts {
        self.facts.with_value(|facts| facts.site.clone())
    }

    /// Whether it is known that nobody is logged in. What it decides may be wrong for a moment; the guard never is.
    pub fn is_logged_out(self) -> bool {
        matches!(self.user.get_untracked(), Some(Ok(None)))
    }

    /// The call of `function` that this page was loaded to show.
    pub fn kept_call(self, function: &str) -> Option<KeptCall> {
        self.facts
            .with_value(|facts| facts.kept_call.as_ref().and_then(Packed::open))
            .filter(|call| call.function == function)
    }

    /// The refused login that this page was loaded to show.
    pub fn refused_login(self) -> Option<RefusedLogin> {
        self.facts.with_value(|facts| facts.refused_login.clone())
    }

    /// Lets go of what belongs to the page that was loaded, once its visitor has gone on to another. Stands in a router.
    pub fn forget_when_leaving(self) {
        let path = use_location().pathname;
        Effect::new(move |before: Option<String>| {
            let path = path.get();
            if before.is_some_and(|before| before != path) {
                self.facts.update_value(|facts| {
                    facts.kept_call = None;
                    facts.refused_login = None;
                });
            }
            path
        });
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

/// Who is logged in. That nobody is, is no failure here.
async fn who() -> Result<Option<WhoAmI>, Refusal> {
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
