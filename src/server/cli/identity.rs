//! `callgate identity …`: manages the accounts at providers that are linked to users.

use clap::Subcommand;

use super::output::{print_as, report, table, with_name};
use crate::{
    contract::identity::IdentityList,
    server::{
        accounts::{actor::Actor, identities},
        state::AppState,
    },
};

/// Manage linked accounts
#[derive(Debug, Subcommand)]
pub enum Identity {
    /// List the linked accounts of a user
    List { user: String },
    /// Link an account to a user, who can then log in with it
    Add {
        user: String,
        /// Key of the provider in the settings
        #[arg(long)]
        provider: String,
        /// Identifier of the account at the provider: the claim `sub`; at GitHub, the number of the account
        #[arg(long)]
        subject: String,
        /// Text that names the account on pages
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Unlink an account from a user, and end the sessions that were logged in with it
    Remove {
        user: String,
        /// Id of the account, as shown by `list`
        id: String,
    },
}

impl Identity {
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::List { user } => {
                let list = identities::list_of_user(state, &user).await;
                let list = list.map_err(|refusal| with_name(&user, refusal))?;
                print_as(json, &list, text(&list))
            }
            Self::Add {
                user,
                provider,
                subject,
                label,
            } => {
                let added = identities::add(&actor, &user, &provider, &subject, &label).await;
                let message = format!("Linked an account at {provider} to {user}.");
                report(&format!("{user}, {provider}"), added.map(drop), message, json)
            }
            Self::Remove { user, id } => {
                let removed = identities::remove(&actor, &user, &id).await;
                report(
                    &format!("{user}, {id}"),
                    removed,
                    format!("Unlinked an account from {user}."),
                    json,
                )
            }
        }
    }
}

fn text(list: &IdentityList) -> String {
    let rows = list.identities.iter().map(|identity| {
        vec![
            identity.id.clone(),
            identity
                .provider
                .clone()
                .unwrap_or_else(|| identity.provider_name.clone()),
            identity.subject.clone(),
            identity.label.clone(),
            identity.linked_at.clone(),
            identity.linked_by.clone(),
            identity.last_used_at.clone().unwrap_or_default(),
        ]
    });
    let header = ["ACCOUNT", "PROVIDER", "SUBJECT", "LABEL", "LINKED", "BY", "LAST USED"];
    let password = if list.has_password {
        "has a password"
    } else {
        "has no password"
    };
    format!("The user {password}.\n{}", table(header, rows))
}
