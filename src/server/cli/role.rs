//! `callgate role …`: what users may do. Works on the database of a running server, too; what it changes takes effect at
//! the very next call.

use clap::Subcommand;

use super::output::{about, database, print_as, table, tell};
use crate::{
    contract::role::RoleList,
    server::{
        accounts::{actor::Actor, roles},
        registry::access,
        state::AppState,
        storage::{OpenFor, roles::Precondition},
    },
};

/// Manage roles
#[derive(Debug, Subcommand)]
pub enum Role {
    /// List the roles with the permissions of each, and all permissions that exist
    List,
    /// Create or change a role
    Put {
        /// Lowercase letters, digits, dots and hyphens
        role: String,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
        /// A permission to include; may be repeated. The role loses those that are not named
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Delete a role, and take it from all users
    Delete { role: String },
    /// Give a user a role
    Give { user: String, role: String },
    /// Take a role from a user
    Take { user: String, role: String },
    /// Explain why a user can or cannot call a function
    Explain { user: String, function: String },
}

impl Role {
    /// What the database is opened for: that of a new server may begin with roles.
    pub fn open_for(&self) -> OpenFor {
        match self {
            Self::Put { .. } => OpenFor::Begin,
            _ => OpenFor::Manage,
        }
    }

    /// Does what was asked for.
    ///
    /// # Errors
    /// Says what went wrong and what to do.
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::List => {
                let list = roles::list(state.storage()).await?;
                print_as(json, &list, words(&list))
            }
            Self::Put {
                role,
                description,
                permissions,
            } => {
                let done = roles::put(&actor, &role, &description, &permissions, Precondition::Anything).await;
                let said = format!(
                    "The role {role} holds {} permissions in {}.",
                    permissions.len(),
                    database(state)
                );
                tell(&role, done, said, json)
            }
            Self::Delete { role } => {
                let done = roles::delete(&actor, &role).await;
                tell(&role, done, format!("Deleted the role {role}."), json)
            }
            Self::Give { user, role } => {
                let given = roles::give(&actor, &user, &role).await;
                let already = if given == Ok(false) { " already" } else { "" };
                let said = format!("{user} has the role {role}{already}.");
                tell(&format!("{user}, {role}"), given.map(drop), said, json)
            }
            Self::Take { user, role } => {
                let taken = roles::take(&actor, &user, &role).await;
                let said = if taken == Ok(false) {
                    format!("{user} did not have the role {role}.")
                } else {
                    format!("{user} no longer has the role {role}.")
                };
                tell(&format!("{user}, {role}"), taken.map(drop), said, json)
            }
            Self::Explain { user, function } => {
                let explained = access::explain(state, &user, &function).await;
                let told = explained.map_err(|refusal| about(&format!("{user}, {function}"), refusal))?;
                let answer = if told.allowed { "can" } else { "cannot" };
                let reasons = told.reasons.join("\n  ");
                print_as(json, &told, format!("{user} {answer} call {function}.\n  {reasons}"))
            }
        }
    }
}

fn words(list: &RoleList) -> String {
    let rows = list.roles.iter().map(|role| {
        let permissions: Vec<&str> = role.permissions.iter().map(|held| held.name.as_str()).collect();
        let permissions = if role.built_in {
            "all".to_owned()
        } else {
            permissions.join(" ")
        };
        vec![
            role.role.clone(),
            role.users.to_string(),
            permissions,
            role.description.clone(),
        ]
    });
    let roles = table(["ROLE", "USERS", "PERMISSIONS", "DESCRIPTION"], rows);
    let rows = list
        .permissions
        .iter()
        .map(|permission| vec![permission.name.clone(), permission.words.clone()]);
    format!("{roles}\n\n{}", table(["PERMISSION", "USERS WITH IT CAN"], rows))
}
