//! `callgate session …`: manages the sessions of users.

use clap::Subcommand;

use super::output::{print_as, report, table, with_name};
use crate::{
    contract::{Answer, session::SessionList},
    server::{
        accounts::{actor::Actor, users},
        state::AppState,
    },
};

/// Manage sessions
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List the sessions of a user
    List { user: String },
    /// End a session of a user, and forget its browser if it was remembered
    Revoke {
        #[arg(required_unless_present = "all")]
        user: Option<String>,
        /// Id of the session, as shown by `list`; without it, all sessions are ended and all browsers forgotten
        // It can begin with a hyphen.
        #[arg(allow_hyphen_values = true)]
        id: Option<String>,
        /// End the sessions of all users and forget all browsers, as the last step of restoring a backup
        #[arg(long, conflicts_with = "user")]
        all: bool,
    },
}

impl Session {
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::List { user } => {
                let found = users::show(state, &user).await;
                let details = found.map_err(|refusal| with_name(&user, refusal))?;
                let list = SessionList {
                    sessions: details.sessions,
                    total: details.total_sessions,
                };
                let rows = list.sessions.iter().map(|session| {
                    let remembered = if session.remembered { "remembered" } else { "" };
                    vec![
                        session.id.clone(),
                        session.last_used_at.clone(),
                        session.device.clone(),
                        session.address.clone(),
                        remembered.to_owned(),
                    ]
                });
                let mut text = table(["SESSION", "LAST USED", "DEVICE", "ADDRESS", ""], rows);
                if list.total > list.sessions.len() {
                    text = format!("{text}\nThe latest {} of {}.", list.sessions.len(), list.total);
                }
                print_as(json, &list, text)
            }
            Self::Revoke { user: None, .. } => {
                users::revoke_all_sessions(&actor).await?;
                let message = "Ended the sessions of all users, and forgot all remembered browsers.";
                print_as(json, &Answer::new(message), message)
            }
            Self::Revoke {
                user: Some(user),
                id: Some(id),
                ..
            } => {
                let result = users::revoke_session(&actor, &user, &id).await;
                let message = format!("Ended a session of {user}.");
                report(&format!("{user}, {id}"), result, message, json)
            }
            Self::Revoke {
                user: Some(user),
                id: None,
                ..
            } => {
                let result = users::revoke_sessions(&actor, &user).await;
                report(&user, result, format!("Ended all sessions of {user}."), json)
            }
        }
    }
}
