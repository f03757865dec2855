//! Guards: who may call a function.
//!
//! A guard is a type. Only [`Guard::check`] creates its value, so a function that has one as a parameter has proof that
//! the caller is allowed. A failure while checking is an internal error: never "allowed", never "refused".

#![warn(missing_docs)]

pub mod granted;
pub mod kinds;
pub mod permissions;

use std::future::Future;

use self::kinds::LoggedIn;
use super::{caller::Caller, security_log};
use crate::{
    contract::{
        Language, Message, Refusal,
        function::{FRESH_LOGIN, LOGIN, RuleView},
        letter_case::uncapitalized,
        user::UserView,
    },
    message,
    server::state::AppState,
};

/// A rule about who may call a function, and the proof that a caller may.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "the first parameter of a function is its guard, for example `caller: LoggedIn`"
)]
pub trait Guard: Sized + Send {
    /// The rule, for pages, the permission matrix and OpenAPI.
    fn rule() -> Rule;

    /// Checks a caller.
    ///
    /// # Errors
    /// A refusal of [`Rule::refusals`], or an internal error.
    fn check(caller: &Caller) -> impl Future<Output = Result<Self, Refusal>> + Send;
}

/// A guard that allows only logged-in users, so its proof names the user.
pub trait AuthenticatedGuard: Send {
    /// The proof that the user is logged in, on which this guard builds.
    fn logged_in(&self) -> &LoggedIn;

    /// The user.
    fn user(&self) -> &UserView {
        self.logged_in().user()
    }

    /// The caller.
    fn caller(&self) -> &Caller {
        self.logged_in().caller()
    }

    /// The name of the user.
    fn user_id(&self) -> &str {
        &self.user().user_id
    }

    /// The application state.
    fn state(&self) -> &AppState {
        self.caller().state()
    }
}

/// The description of a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The name of the guard, as in a declaration.
    pub name: String,
    /// Who may call, as a phrase for people: "For logged-in users".
    pub words: Message,
    /// The refusals that the guard can return, one of each kind. Empty if anyone may call.
    pub refusals: Vec<Refusal>,
}

impl Rule {
    /// Creates the description of a guard.
    pub fn new(name: &str, words: impl Into<Message>, refusals: impl IntoIterator<Item = Refusal>) -> Self {
        Self {
            name: name.to_owned(),
            words: words.into(),
            refusals: refusals.into_iter().collect(),
        }
    }

    /// The rule of a new guard that checks this one first and may then also refuse with `refusal`.
    #[must_use]
    pub fn but(self, name: &str, words: impl Into<Message>, refusal: Refusal) -> Self {
        Self::new(name, words, self.refusals.into_iter().chain([refusal]))
    }

    /// The refusal that names the one permission that the rule requires. `None` if it requires several, because none of
    /// them is enough by itself.
    fn single_permission(&self) -> Option<&Refusal> {
        let is_permission = |refusal: &&Refusal| matches!(refusal, Refusal::PermissionRequired(_));
        let mut permissions = self.refusals.iter().filter(is_permission);
        match (permissions.next(), permissions.next()) {
            (only, None) => only,
            _ => None,
        }
    }

    fn or(self, other: Self) -> Self {
        let is_open = self.refusals.is_empty() || other.refusals.is_empty();
        let refusals = match (is_open, self.single_permission().is_some(), other.single_permission()) {
            (true, ..) => Vec::new(),
            (false, true, Some(permission)) => {
                let either = |refusal: Refusal| refusal.or(permission.clone());
                self.refusals.into_iter().map(either).collect()
            }
            _ => self.refusals,
        };
        Self {
            name: format!("AnyOf<{}, {}>", self.name, other.name),
            words: combined(&self.words, &other.words, |first, second| {
                message!("{first}, or {second}", first, second)
            }),
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
            words: combined(&self.words, &other.words, |first, second| {
                message!("{first}, and only {second}", first, second)
            }),
            refusals,
        }
    }

    /// The rule as pages and `list_functions` show it.
    pub fn view(self) -> RuleView {
        RuleView {
            requires: self.requires(),
            guard: self.name,
            words: self.words,
            open: self.refusals.is_empty(),
        }
    }

    /// See [`RuleView::requires`].
    fn requires(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        let mut alternatives = 0;
        for refusal in &self.refusals {
            all.push(match refusal {
                Refusal::NotLoggedIn => vec![LOGIN.to_owned()],
                Refusal::FreshLoginRequired => vec![FRESH_LOGIN.to_owned()],
                Refusal::PermissionRequired(required) => {
                    alternatives += required.others.len();
                    required.names().map(str::to_owned).collect()
                }
                _ => return Vec::new(),
            });
        }
        // Of other alternatives, `refusals` has only the first.
        if self.name.matches("AnyOf<").count() == alternatives {
            all
        } else {
            Vec::new()
        }
    }
}

/// The words of two rules together. They are English if those of one rule have no translation.
fn combined(first: &Message, second: &Message, combine: fn(&Message, &Message) -> Message) -> Message {
    // Hangul has no capital letters, but a Korean text may begin with a name.
    let second = Message::made(
        uncapitalized(second.english()),
        second
            .is_translated()
            .then(|| second.in_language(Language::Ko).to_owned()),
    );
    let words = combine(first, &second);
    if first.is_translated() && second.is_translated() {
        words
    } else {
        words.english().to_owned().into()
    }
}

/// Checks a guard and records a refusal of the operation.
///
/// # Errors
/// As [`Guard::check`].
pub async fn check<G: Guard>(caller: &Caller, operation: &str) -> Result<G, Refusal> {
    let result = G::check(caller).await;
    if let Err(refusal) = &result {
        Box::pin(record_refusal(caller, operation, &G::rule(), refusal)).await;
    }
    result
}

/// Records that a guard refused a user access to an operation, in the log and the audit log. Internal errors and
/// callers who are not logged in are not recorded.
pub async fn record_refusal(caller: &Caller, operation: &str, rule: &Rule, refusal: &Refusal) {
    if *refusal != Refusal::NotLoggedIn
        && !refusal.is_failure()
        && let Ok(Some(login)) = caller.login().await
    {
        security_log::access_denied(caller, &login.user_id, operation, &rule.name, refusal.code());
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

    /// Calls as a page does while the server renders it: without an HTTP handler.
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
        let reply = while_rendering(Some(caller), auth_func(object())).await.unwrap();
        assert_eq!(reply.msg, "auth_func({}),user_id=user01");
    }

    #[tokio::test]
    async fn a_function_called_outside_a_request_fails_closed() {
        let outcome = while_rendering(None, auth_func(object())).await;
        assert!(matches!(outcome, Err(Refusal::Internal { .. })), "{outcome:?}");
    }
}
