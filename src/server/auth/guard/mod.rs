//! Guards: who may call a function.
//!
//! A guard is a type. Its value can only be made by [`Guard::check`], so a function that holds one has proof that its
//! caller may call; the rule stands in the signature. A failure while checking is a fault, never an answer.

#![warn(missing_docs)]

pub mod granted;
pub mod kinds;
pub mod permissions;

use std::future::Future;

use super::{caller::Caller, security_log};
use crate::{
    contract::{Refusal, function::RuleView, letter_case::uncapitalized, user::UserView},
    server::state::AppState,
};

/// A rule about who may call, and the proof that a caller may.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "the first parameter of a function is its guard, for example `caller: LoggedIn`"
)]
pub trait Guard: Sized + Send {
    /// The rule, for people, tables and documents.
    fn rule() -> Rule;

    /// Checks a caller.
    ///
    /// # Errors
    /// What is missing, or a fault where that cannot be told.
    fn check(caller: &Caller) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

/// The proof of a guard that only lets users pass: it knows which user.
pub trait AuthenticatedGuard: Send {
    /// The user who calls.
    fn user(&self) -> &UserView;

    /// The request that the call came with.
    fn caller(&self) -> &Caller;

    /// The name of the user who calls.
    fn user_id(&self) -> &str {
        &self.user().user_id
    }

    /// What the server works with.
    fn state(&self) -> &AppState {
        self.caller().state()
    }
}

/// What a guard says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The name of the guard, as it stands in a declaration.
    pub name: String,
    /// Who may call, in words that stand alone: "For logged-in users".
    pub words: String,
    /// The refusals that it can give, one of each kind. None if everybody may call.
    pub refusals: Vec<Refusal>,
}

impl Rule {
    /// What the guard called `name` says of itself.
    pub fn new(name: &str, words: &str, refusals: impl IntoIterator<Item = Refusal>) -> Self {
        Self {
            name: name.to_owned(),
            words: words.to_owned(),
            refusals: refusals.into_iter().collect(),
        }
    }

    /// What a guard of its own says that asks this one first, and may then refuse with `refusal`.
    #[must_use]
    pub fn but(self, name: &str, words: &str, refusal: Refusal) -> Self {
        Self::new(name, words, self.refusals.into_iter().chain([refusal]))
    }

    /// What is said to who missing_for the one permission that this asks for. Nothing where it asks for several: none of them would
    /// do by itself.
    fn permission(&self) -> Option<&Refusal> {
        let is_permission = |refusal: &&Refusal| matches!(refusal, Refusal::PermissionRequired(_));
        let mut permissions = self.refusals.iter().filter(is_permission);
        match (permissions.next(), permissions.next()) {
            (only, None) => only,
            _ => None,
        }
    }

    fn or(self, other: Self) -> Self {
        let is_open = self.refusals.is_empty() || other.refusals.is_empty();
        let refusals = match (is_open, self.permission().is_some(), other.permission()) {
            (true, ..) => Vec::new(),
            (false, true, Some(wanted)) => {
                let either = |refusal: Refusal| refusal.or(wanted.clone());
                self.refusals.into_iter().map(either).collect()
            }
            _ => self.refusals,
        };
        Self {
            name: format!("AnyOf<{}, {}>", self.name, other.name),
            words: format!("{}, or {}", self.words, uncapitalized(&other.words)),
            refusals,
        }
    }

    fn and(self, other: Self) -> Self {
        let mut refusals = self.refusals;
        for refusal in other.refusals {
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
        Self {
            name: format!("AllOf<{}, {}>", self.name, other.name),
            words: format!("{}, and only {}", self.words, uncapitalized(&other.words)),
            refusals,
        }
    }

    /// As pages and `list_functions` show it.
    pub fn view(self) -> RuleView {
        RuleView {
            guard: self.name,
            words: self.words,
            open: self.refusals.is_empty(),
        }
    }
}

/// Asks a guard about a caller, and tells where it turns a user away, and from what.
///
/// # Errors
/// As [`Guard::check`].
pub async fn ask<G: Guard>(caller: &Caller, what: &str) -> Result<G, Refusal> {
    let asked = G::check(caller).await;
    if let Err(refusal) = &asked {
        Box::pin(tell(caller, what, &G::rule(), refusal)).await;
    }
    asked
}

/// Tells that a guard with this rule turned a user away from something. Somebody who is not logged in is no news.
pub async fn tell(caller: &Caller, what: &str, rule: &Rule, refusal: &Refusal) {
    if *refusal != Refusal::NotLoggedIn
        && !refusal.is_failure()
        && let Ok(Some(login)) = caller.login().await
    {
        security_log::turned_away(caller, &login.user_id, what, &rule.name, refusal.code());
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use axum::http::HeaderMap;
    use leptos::{
        prelude::{Owner, provide_context},
        reactive::computed::ScopedFuture,
    };

    use crate::{
        contract::{
            JsonObject, Refusal,
            login::{LoginArguments, Password},
        },
        functions::{echo::auth_func, login::login},
        server::{
            accounts::demo,
            auth::caller::{Arrival, Caller},
            config::{Overrides, Settings},
            model::clock::Timestamp,
            runtime::in_flight::InFlight,
            state::AppState,
            storage::OpenFor,
        },
    };

    async fn state(data: &tempfile::TempDir) -> AppState {
        let overrides = Overrides {
            data: Some(data.path().to_owned()),
            demo: true,
            ..Overrides::default()
        };
        let state = AppState::open(Settings::load(&overrides).unwrap(), OpenFor::Serve)
            .await
            .unwrap();
        demo::add_users(&state).await.unwrap();
        state
    }

    /// Calls as a page does while the server renders it: no HTTP door in between.
    async fn while_rendering<T>(caller: Option<Caller>, call: impl Future<Output = T>) -> T {
        Owner::new()
            .with(|| {
                ScopedFuture::new(async move {
                    if let Some(caller) = caller {
                        provide_context(caller);
                    }
                    call.await
                })
            })
            .await
    }

    fn object() -> JsonObject {
        JsonObject::parse("{}").unwrap()
    }

    #[tokio::test]
    async fn the_guard_holds_when_a_page_calls_while_it_is_rendered() {
        let data = tempfile::tempdir().unwrap();
        let state = state(&data).await;
        let now = Timestamp::now();
        let arrival = Arrival {
            address: None,
            at: now,
            last_response_at: now,
        };
        let caller = Caller::new(state, &HeaderMap::new(), arrival, InFlight::default());

        let refused = while_rendering(Some(caller.clone()), auth_func(object())).await;
        assert_eq!(refused, Err(Refusal::NotLoggedIn));

        let arguments = LoginArguments {
            user_id: "user01".into(),
            password: Password::new("user_01".into()),
            remember: false,
        };
        Box::pin(while_rendering(Some(caller.clone()), login(arguments)))
            .await
            .unwrap();
        let answer = while_rendering(Some(caller), auth_func(object())).await.unwrap();
        assert_eq!(answer.msg, "auth_func({}),user_id=user01");
    }

    #[tokio::test]
    async fn a_function_called_outside_a_request_fails_closed() {
        let outcome = while_rendering(None, auth_func(object())).await;
        assert!(matches!(outcome, Err(Refusal::Internal { .. })), "{outcome:?}");
    }
}
