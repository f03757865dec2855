//! The guards. [`#[function]`](crate::function) sees all of them without an import.

use std::marker::PhantomData;

pub use super::{
    AuthenticatedGuard,
    permissions::{Admin, ManageRoles, ManageUsers, Named, ReadAudit, SeeUsers},
};
use super::{Guard, Rule};
use crate::{
    contract::{Refusal, user::UserView},
    server::{auth::caller::Caller, model::clock::Timestamp, state::AppState},
};

/// Everybody may call, logged in or not.
#[derive(Debug)]
pub struct Anyone {
    caller: Caller,
}

impl Anyone {
    /// The caller, whoever it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the server works with.
    pub fn state(&self) -> &AppState {
        self.caller.state()
    }
}

impl Guard for Anyone {
    fn rule() -> Rule {
        Rule::new("Anyone", "Open to anyone", [])
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        Ok(Self { caller: caller.clone() })
    }
}

/// Whoever is logged in may call.
#[derive(Debug)]
pub struct LoggedIn {
    caller: Caller,
    user: UserView,
}

impl Guard for LoggedIn {
    fn rule() -> Rule {
        Rule::new("LoggedIn", "For logged-in users", [Refusal::NotLoggedIn])
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
        Ok(Self {
            caller: caller.clone(),
            user: UserView {
                user_id: login.user_id.clone(),
            },
        })
    }
}

impl AuthenticatedGuard for LoggedIn {
    fn user(&self) -> &UserView {
        &self.user
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Whoever gave the password a short while ago may call: for what must not happen at a screen that was left open. The
/// while is a setting, 10 minutes by default. A remembered browser is not fresh (OWASP ASVS 7.5.1).
#[derive(Debug)]
pub struct FreshLogin {
    login: LoggedIn,
}

impl Guard for FreshLogin {
    fn rule() -> Rule {
        let refusals = [Refusal::NotLoggedIn, Refusal::FreshLoginRequired];
        Rule::new("FreshLogin", "For recently logged-in users", refusals)
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = LoggedIn::check(caller).await?;
        let window = caller.state().settings().sessions.fresh();
        let is_fresh = caller
            .login()
            .await?
            .is_some_and(|login| login.is_fresh(window, Timestamp::now()));
        if is_fresh {
            Ok(Self { login })
        } else {
            Err(Refusal::FreshLoginRequired)
        }
    }
}

impl AuthenticatedGuard for FreshLogin {
    fn user(&self) -> &UserView {
        self.login.user()
    }

    fn caller(&self) -> &Caller {
        self.login.caller()
    }
}

/// Whoever has a permission, by any role, may call: `Permission<SeeUsers>`. It is looked up at every call, so a role that was
/// taken away opens nothing from the very next one on (OWASP ASVS 8.3.2).
#[derive(Debug)]
pub struct Permission<P> {
    login: LoggedIn,
    _proves: PhantomData<P>,
}

impl<P: Named> Permission<P> {
    /// What somebody is told who does not have it.
    pub fn refusal() -> Refusal {
        Refusal::PermissionRequired(P::NAME.into())
    }
}

impl<P: Named> Guard for Permission<P> {
    fn rule() -> Rule {
        Rule::new(
            &format!("Permission<{}>", P::NAME),
            &format!("For users with the permission {}", P::NAME),
            [Refusal::NotLoggedIn, Self::refusal()],
        )
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = LoggedIn::check(caller).await?;
        let storage = caller.state().storage();
        if storage.has_permission(login.user_id(), P::NAME).await? {
            Ok(Self {
                login,
                _proves: PhantomData,
            })
        } else {
            Err(Self::refusal())
        }
    }
}

impl<P: Send> AuthenticatedGuard for Permission<P> {
    fn user(&self) -> &UserView {
        self.login.user()
    }

    fn caller(&self) -> &Caller {
        self.login.caller()
    }
}

/// Whoever has a role may call: `Role<Admin>`. Prefer [`Permission`]: which roles hold it can be changed without changing
/// the program.
#[derive(Debug)]
pub struct Role<R> {
    login: LoggedIn,
    _proves: PhantomData<R>,
}

impl<R: Named> Role<R> {
    fn refusal() -> Refusal {
        Refusal::PermissionRequired(format!("role:{}", R::NAME).into())
    }
}

impl<R: Named> Guard for Role<R> {
    fn rule() -> Rule {
        Rule::new(
            &format!("Role<{}>", R::NAME),
            &format!("For users with the role {}", R::NAME),
            [Refusal::NotLoggedIn, Self::refusal()],
        )
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = LoggedIn::check(caller).await?;
        let roles = caller.state().storage().roles_of(login.user_id()).await?;
        if roles.iter().any(|role| role == R::NAME) {
            Ok(Self {
                login,
                _proves: PhantomData,
            })
        } else {
            Err(Self::refusal())
        }
    }
}

impl<R: Send> AuthenticatedGuard for Role<R> {
    fn user(&self) -> &UserView {
        self.login.user()
    }

    fn caller(&self) -> &Caller {
        self.login.caller()
    }
}

/// Whoever passes one of two guards may call: `AnyOf<Weekday, FreshLogin>`. The first is asked first, and where both
/// refuse, it is its refusal that the caller sees; where both ask for a permission, the caller is told of either.
#[derive(Debug)]
pub enum AnyOf<A, B> {
    /// Passed the first guard.
    First(A),
    /// Passed the second guard, not the first.
    Second(B),
}

impl<A: Guard, B: Guard> Guard for AnyOf<A, B> {
    fn rule() -> Rule {
        A::rule().or(B::rule())
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let refusal = match A::check(caller).await {
            Ok(first) => return Ok(Self::First(first)),
            // What could not be checked is not refused: another guard must not decide in its place.
            Err(failure) if failure.is_failure() => return Err(failure),
            Err(refusal) => refusal,
        };
        match B::check(caller).await {
            Ok(second) => Ok(Self::Second(second)),
            Err(failure) if failure.is_failure() => Err(failure),
            Err(other) if A::rule().permission().is_some() && B::rule().permission().is_some() => {
                Err(refusal.or(other))
            }
            Err(_) => Err(refusal),
        }
    }
}

impl<A: AuthenticatedGuard, B: AuthenticatedGuard> AuthenticatedGuard for AnyOf<A, B> {
    fn user(&self) -> &UserView {
        match self {
            Self::First(first) => first.user(),
            Self::Second(second) => second.user(),
        }
    }

    fn caller(&self) -> &Caller {
        match self {
            Self::First(first) => first.caller(),
            Self::Second(second) => second.caller(),
        }
    }
}

/// Whoever passes both guards may call: `AllOf<FreshLogin, Weekday>`.
#[derive(Debug)]
pub struct AllOf<A, B> {
    /// The proof of the first guard.
    pub first: A,
    /// The proof of the second guard.
    pub second: B,
}

impl<A: Guard, B: Guard> Guard for AllOf<A, B> {
    fn rule() -> Rule {
        A::rule().and(B::rule())
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        Ok(Self {
            first: A::check(caller).await?,
            second: B::check(caller).await?,
        })
    }
}

impl<A: AuthenticatedGuard, B: Send> AuthenticatedGuard for AllOf<A, B> {
    fn user(&self) -> &UserView {
        self.first.user()
    }

    fn caller(&self) -> &Caller {
        self.first.caller()
    }
}

#[cfg(test)]
mod tests;
