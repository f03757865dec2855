//! `callgate role …`: manages roles.

use clap::Subcommand;

use super::output::{database_name, print_as, report, table, with_name};
use crate::{
    contract::{Message, role::RoleList},
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
    /// List the roles with their permissions, and all permissions that exist
    List,
    /// Create or change a role
    Put {
        /// Lowercase letters, digits, dots and hyphens
        role: String,
        /// What the role is for
        #[arg(long, default_value = "")]
        description: String,
        /// A permission to include; may be repeated. Permissions that are not named are removed from the role
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
    /// `put` may create the database, so that a new server can be set up with roles.
    pub fn open_for(&self) -> OpenFor {
        match self {
            Self::Put { .. } => OpenFor::Create,
            _ => OpenFor::Manage,
        }
    }

    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::List => {
                let list = roles::list(state.storage()).await?;
                print_as(json, &list, text(&list))
            }
            Self::Put {
                role,
                description,
                permissions,
            } => {
                let result = roles::put(&actor, &role, &description, &permissions, Precondition::Anything).await;
                let message = format!(
                    "The role {role} holds {} permissions in {}.",
                    permissions.len(),
                    database_name(state)
                );
                report(&role, result, message, json)
            }
            Self::Delete { role } => {
                let result = roles::delete(&actor, &role).await;
                report(&role, result, format!("Deleted the role {role}."), json)
            }
            Self::Give { user, role } => {
                let given = roles::give(&actor, &user, &role).await;
                let already = if given == Ok(false) { "already " } else { "" };
                let message = format!("{user} {already}has the role {role}.");
                report(&format!("{user}, {role}"), given.map(drop), message, json)
            }
            Self::Take { user, role } => {
                let taken = roles::take(&actor, &user, &role).await;
                let message = if taken == Ok(false) {
                    format!("{user} did not have the role {role}.")
                } else {
                    format!("{user} no longer has the role {role}.")
                };
                report(&format!("{user}, {role}"), taken.map(drop), message, json)
            }
            Self::Explain { user, function } => {
                let result = access::explain(state, &user, &function).await;
                let explanation = result.map_err(|refusal| with_name(&format!("{user}, {function}"), refusal))?;
                let can = if explanation.allowed { "can" } else { "cannot" };
                let reasons: Vec<&str> = explanation.reasons.iter().map(Message::english).collect();
                let reasons = reasons.join("\n  ");
                let text = format!("{user} {can} call {function}.\n  {reasons}");
                print_as(json, &explanation, text)
            }
        }
    }
}

fn text(list: &RoleList) -> String {
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
        .map(|permission| vec![permission.name.clone(), permission.words.english().to_owned()]);
    format!("{roles}\n\n{}", table(["PERMISSION", "USERS WITH IT CAN"], rows))
}
