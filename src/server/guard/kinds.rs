//! The guards. [`function!`](crate::function) sees all of them without an import.

use super::Guard;
use crate::{
    contract::{Refusal, function::Rule, user::UserView},
    server::caller::Caller,
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
}

impl Guard for Anyone {
    const RULE: Rule = Rule::Anyone;

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

impl LoggedIn {
    /// The user who calls.
    pub fn user(&self) -> &UserView {
        &self.user
    }

    /// The name of the user who calls.
    pub fn user_id(&self) -> &str {
        &self.user.user_id
    }

    /// The request that the call came with.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Guard for LoggedIn {
    const RULE: Rule = Rule::LoggedIn;

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        let login = caller.login().await?.ok_or(Refusal::NotLoggedIn)?;
        Ok(Self {
            caller: caller.clone(),
            user: UserView { user_id: login.user_id },
        })
    }
}
