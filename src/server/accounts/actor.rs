//! Who manages users and roles: a user with the permission to do so, or the operator at the command line.
//!
//! Nobody manages, or gives, more than they hold themselves: otherwise the permission to manage users would be as good as
//! every other one. The operator, who has the database, holds everything.

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

/// Who manages.
#[derive(Debug)]
pub struct Actor<'a> {
    state: &'a AppState,
    who: Who<'a>,
}

#[derive(Debug)]
enum Who<'a> {
    User {
        caller: &'a Caller,
        user_id: &'a str,
        held: Permissions,
    },
    Operator,
}

impl<'a> Actor<'a> {
    /// The user that a guard has let pass.
    pub async fn user(proof: &'a impl AuthenticatedGuard) -> Result<Self, InternalError> {
        let (caller, user_id) = (proof.caller(), proof.user_id());
        let state = caller.state();
        let held = Permissions::by_user(state.storage(), user_id).await?;
        Ok(Self {
            state,
            who: Who::User { caller, user_id, held },
        })
    }

    /// The operator at the command line.
    pub fn operator(state: &'a AppState) -> Self {
        Self {
            state,
            who: Who::Operator,
        }
    }

    /// What the server works with.
    pub fn state(&self) -> &'a AppState {
        self.state
    }

    /// The user's name; nobody's for the operator.
    pub fn user_id(&self) -> Option<&'a str> {
        match &self.who {
            Who::User { user_id, .. } => Some(user_id),
            Who::Operator => None,
        }
    }

    /// Something that this one does.
    pub fn event(&self, action: Action) -> Event {
        match &self.who {
            Who::User { caller: _, user_id, .. } => Event::by(user_id, action),
            Who::Operator => Event::by_operator(action),
        }
    }

    /// Checks that this one holds all that is held by a role, or by a user.
    ///
    /// # Errors
    /// [`Refusal::PermissionRequired`] with the first thing that is missing.
    pub fn require_all(&self, held: &Permissions) -> Result<(), Refusal> {
        match &self.who {
            Who::Operator => Ok(()),
            Who::User {
                caller,
                user_id,
                held: own,
            } => match own.missing_for(held) {
                None => Ok(()),
                Some(missing) => {
                    let refusal = Refusal::PermissionRequired(missing.clone().into());
                    security_log::turned_away(
                        caller,
                        user_id,
                        "giving or managing more than one holds",
                        &missing,
                        refusal.code(),
                    );
                    Err(refusal)
                }
            },
        }
    }

    /// The same for all that a user holds.
    ///
    /// # Errors
    /// As [`Self::require_all`]; a fault of the database.
    pub async fn require_all_of_user(&self, user_id: &str) -> Result<(), Refusal> {
        self.require_all(&Permissions::by_user(self.state.storage(), user_id).await?)
    }
}
