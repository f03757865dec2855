//! The actor who manages users and roles: a user with the permission to do so, or the operator on the command line.
//!
//! A user can neither grant permissions that they do not hold nor manage users and roles that have such permissions.
//! Otherwise the permission to manage users would imply every other permission. The operator has access to the database
//! and therefore holds every permission.

use crate::{
    contract::{Refusal, audit::Action},
    server::{
        auth::{
            caller::Caller,
            guard::{AuthenticatedGuard, granted::Permissions},
            security_log,
        },
        model::event::Event,
        state::AppState,
        telemetry::error::InternalError,
    },
};

#[derive(Debug)]
pub struct Actor<'a> {
    pub state: &'a AppState,
    identity: Identity<'a>,
}

#[derive(Debug)]
enum Identity<'a> {
    User {
        caller: &'a Caller,
        user_id: &'a str,
        held: Permissions,
    },
    Operator,
}

impl<'a> Actor<'a> {
    /// The user whom a guard has allowed.
    pub async fn user(proof: &'a impl AuthenticatedGuard) -> Result<Self, InternalError> {
        let (caller, user_id) = (proof.caller(), proof.user_id());
        let state = caller.state();
        let held = Permissions::by_user(state.storage(), user_id).await?;
        Ok(Self {
            state,
            identity: Identity::User { caller, user_id, held },
        })
    }

    pub fn operator(state: &'a AppState) -> Self {
        Self {
            state,
            identity: Identity::Operator,
        }
    }

    /// The name of the user, or `None` for the operator.
    pub fn user_id(&self) -> Option<&'a str> {
        match &self.identity {
            Identity::User { user_id, .. } => Some(user_id),
            Identity::Operator => None,
        }
    }

    /// Creates an audit event for an action of this actor.
    pub fn event(&self, action: Action) -> Event {
        match self.user_id() {
            Some(user_id) => Event::by(user_id, action),
            None => Event::by_operator(action),
        }
    }

    /// Fails with [`Refusal::PermissionRequired`] if the actor lacks one of the `required` permissions, such as those
    /// of a role.
    pub fn require_all(&self, required: &Permissions) -> Result<(), Refusal> {
        if let Identity::User { caller, user_id, held } = &self.identity
            && let Some(missing) = held.missing_for(required)
        {
            let refusal = Refusal::PermissionRequired(missing.clone().into());
            let operation = "granting or managing permissions that the user lacks";
            security_log::access_denied(caller, user_id, operation, &missing, refusal.code());
            return Err(refusal);
        }
        Ok(())
    }

    /// Like [`Self::require_all`], for the permissions that a user holds.
    pub async fn require_all_of_user(&self, user_id: &str) -> Result<(), Refusal> {
        self.require_all(&Permissions::by_user(self.state.storage(), user_id).await?)
    }
}
