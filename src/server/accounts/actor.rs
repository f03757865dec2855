//! Who manages users and roles: a user with the permission to do so, or the operator at the command line.
//!
//! Nobody manages, or gives, more than they hold themselves: otherwise the permission to manage users would be as good as
//! every other one. The operator, who has the database, holds everything.

use crate::{
    contract::{Refusal, audit::Action},
    server::{
        auth::{
            caller::Caller,
            guard::{KnowsUser, held::Held},
            security_log,
        },
        model::event::Event,
        state::Services,
        telemetry::error::Fault,
    },
};

/// Who manages.
#[derive(Debug)]
pub struct Actor<'a> {
    services: &'a Services,
    who: Who<'a>,
}

#[derive(Debug)]
enum Who<'a> {
    User {
        caller: &'a Caller,
        user_id: &'a str,
        held: Held,
    },
    Operator,
}

impl<'a> Actor<'a> {
    /// The user that a guard has let pass.
    pub async fn user(proof: &'a impl KnowsUser) -> Result<Self, Fault> {
        let (caller, user_id) = (proof.caller(), proof.user_id());
        let services = caller.services();
        let held = Held::by_user(services.storage(), user_id).await?;
        Ok(Self {
            services,
            who: Who::User { caller, user_id, held },
        })
    }

    /// The operator at the command line.
    pub fn operator(services: &'a Services) -> Self {
        Self {
            services,
            who: Who::Operator,
        }
    }

    /// What the server works with.
    pub fn services(&self) -> &'a Services {
        self.services
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
    pub fn must_hold(&self, held: &Held) -> Result<(), Refusal> {
        match &self.who {
            Who::Operator => Ok(()),
            Who::User {
                caller,
                user_id,
                held: own,
            } => match own.lacks(held) {
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
    /// As [`Self::must_hold`]; a fault of the database.
    pub async fn must_hold_what_is_held_by(&self, user_id: &str) -> Result<(), Refusal> {
        self.must_hold(&Held::by_user(self.services.storage(), user_id).await?)
    }
}
