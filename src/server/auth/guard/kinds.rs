//! The guards. A [`#[function]`](crate::function) can name all of them without an import.

use std::marker::PhantomData;

pub use super::{
    AuthenticatedGuard,
    permissions::{Admin, ManageRoles, ManageUsers, Named, ReadAudit, SeeUsers},
};
use super::{Guard, Rule};
use crate::{
    contract::{Refusal, user::UserView},
    message,
    server::{auth::caller::Caller, model::clock::Timestamp, state::AppState},
};

/// Allows anyone, logged in or not.
#[derive(Debug)]
pub struct Anyone {
    caller: Caller,
}

impl Anyone {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The application state.
    pub fn state(&self) -> &AppState {
        self.caller.state()
    }
}

impl Guard for Anyone {
    fn rule() -> Rule {
        Rule::new("Anyone", message!("Open to anyone"), [])
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        Ok(Self { caller: caller.clone() })
    }
}

/// Allows logged-in users.
#[derive(Debug)]
pub struct LoggedIn {
    caller: Caller,
    user: UserView,
}

impl Guard for LoggedIn {
    fn rule() -> Rule {
        Rule::new("LoggedIn", message!("For logged-in users"), [Refusal::NotLoggedIn])
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
        Ok(Self {
            caller: caller.clone(),
            user: UserView {
                user_id: login.user_id.clone(),
                display_name: login.profile.display_name.clone(),
            },
        })
    }
}

impl AuthenticatedGuard for LoggedIn {
    fn logged_in(&self) -> &LoggedIn {
        self
    }

    fn user(&self) -> &UserView {
        &self.user
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Allows users who recently entered the password, or logged in at a provider that says when, within a time that is a
/// setting (10 minutes by default). For sensitive operations, so that an unlocked screen is not enough. A remembered browser is not fresh (OWASP ASVS
/// 7.5.1).
#[derive(Debug)]
pub struct FreshLogin(LoggedIn);

impl Guard for FreshLogin {
    fn rule() -> Rule {
        let refusals = [Refusal::NotLoggedIn, Refusal::FreshLoginRequired];
        Rule::new("FreshLogin", message!("For recently logged-in users"), refusals)
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let logged_in = LoggedIn::check(caller).await?;
        let window = caller.state().settings().sessions.fresh_seconds.duration();
        match caller.login().await? {
            Some(login) if login.is_fresh(window, Timestamp::now()) => Ok(Self(logged_in)),
            _ => Err(Refusal::FreshLoginRequired),
        }
    }
}

impl AuthenticatedGuard for FreshLogin {
    fn logged_in(&self) -> &LoggedIn {
        &self.0
    }
}

/// Allows users who have a permission by any role: `Permission<SeeUsers>`. The permission is looked up at every call,
/// so removing a role takes effect at the very next call (OWASP ASVS 8.3.2).
#[derive(Debug)]
pub struct Permission<P>(LoggedIn, PhantomData<P>);

impl<P: Named> Permission<P> {
    /// The refusal for users without the permission.
    pub fn refusal() -> Refusal {
        Refusal::PermissionRequired(P::NAME.into())
    }
}

impl<P: Named> Guard for Permission<P> {
    fn rule() -> Rule {
        Rule::new(
            &format!("Permission<{}>", P::NAME),
            message!("For users with the permission {permission}", permission = P::NAME),
            [Refusal::NotLoggedIn, Self::refusal()],
        )
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let logged_in = LoggedIn::check(caller).await?;
        let storage = caller.state().storage();
        if !storage.has_permission(logged_in.user_id(), P::NAME).await? {
            return Err(Self::refusal());
        }
        Ok(Self(logged_in, PhantomData))
    }
}

impl<P: Send> AuthenticatedGuard for Permission<P> {
    fn logged_in(&self) -> &LoggedIn {
        &self.0
    }
}

/// Allows users who have a role: `Role<Admin>`. Prefer [`Permission`], which can be granted to other roles without
/// changing code.
#[derive(Debug)]
pub struct Role<R>(LoggedIn, PhantomData<R>);

impl<R: Named> Role<R> {
    fn refusal() -> Refusal {
        Refusal::PermissionRequired(format!("role:{}", R::NAME).into())
    }
}

impl<R: Named> Guard for Role<R> {
    fn rule() -> Rule {
        Rule::new(
            &format!("Role<{}>", R::NAME),
            message!("For users with the role {role}", role = R::NAME),
            [Refusal::NotLoggedIn, Self::refusal()],
        )
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let logged_in = LoggedIn::check(caller).await?;
        let roles = caller.state().storage().roles_of(logged_in.user_id()).await?;
        if !roles.iter().any(|role| role == R::NAME) {
            return Err(Self::refusal());
        }
        Ok(Self(logged_in, PhantomData))
    }
}

impl<R: Send> AuthenticatedGuard for Role<R> {
    fn logged_in(&self) -> &LoggedIn {
        &self.0
    }
}

/// Allows callers who pass at least one of two guards: `AnyOf<Weekday, FreshLogin>`. If both refuse, the caller sees
/// the refusal of the first, or a refusal that names both permissions if each guard requires one.
#[derive(Debug)]
pub enum AnyOf<A, B> {
    /// The proof of the first guard.
    First(A),
    /// The proof of the second guard; the first one refused.
    Second(B),
}

impl<A: Guard, B: Guard> Guard for AnyOf<A, B> {
    fn rule() -> Rule {
        A::rule().or(B::rule())
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let refusal = match A::check(caller).await {
            Ok(first) => return Ok(Self::First(first)),
            // An internal error is not a refusal: the second guard must not decide instead.
            Err(failure) if failure.is_failure() => return Err(failure),
            Err(refusal) => refusal,
        };
        match B::check(caller).await {
            Ok(second) => Ok(Self::Second(second)),
            Err(failure) if failure.is_failure() => Err(failure),
            Err(other) if A::rule().single_permission().is_some() && B::rule().single_permission().is_some() => {
                Err(refusal.or(other))
            }
            Err(_) => Err(refusal),
        }
    }
}

impl<A: AuthenticatedGuard, B: AuthenticatedGuard> AuthenticatedGuard for AnyOf<A, B> {
    fn logged_in(&self) -> &LoggedIn {
        match self {
            Self::First(first) => first.logged_in(),
            Self::Second(second) => second.logged_in(),
        }
    }
}

/// Allows callers who pass both guards: `AllOf<FreshLogin, Weekday>`.
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
    fn logged_in(&self) -> &LoggedIn {
        self.first.logged_in()
    }
}

#[cfg(test)]
mod tests;
