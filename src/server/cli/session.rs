//! `callgate session …`: where users are logged in. Works on the database of a running server, too; what it ends is over at
//! the very next call.

use clap::Subcommand;

use super::output::{about, print_as, table, tell};
use crate::{
    contract::session::SessionList,
    server::{
        accounts::{actor::Actor, users},
        state::AppState,
    },
};

/// Manage sessions
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List where a user is logged in
    List { user: String },
    /// End a session of a user, and forget its browser if it was remembered
    Revoke {
        user: String,
        /// As `list` shows it; without it, all sessions are ended and all browsers forgotten
        id: Option<String>,
    },
}

impl Session {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Says what went wrong and what to do.
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::List { user } => {
                let shown = users::show(state, &user)
                    .await
                    .map_err(|refusal| about(&user, refusal))?;
                let list = SessionList {
                    sessions: shown.sessions,
                    total: shown.total_sessions,
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
                let mut words = table(["SESSION", "LAST USED", "DEVICE", "ADDRESS", ""], rows);
                if list.total > list.sessions.len() {
                    words = format!("{words}\nThe latest {} of {}.", list.sessions.len(), list.total);
                }
                print_as(json, &list, words)
            }
            Self::Revoke { user, id: Some(id) } => {
                let done = users::revoke_session(&actor, &user, &id).await;
                tell(
                    &format!("{user}, {id}"),
                    done,
                    format!("Ended a session of {user}."),
                    json,
                )
            }
            Self::Revoke { user, id: None } => {
                let done = users::revoke_sessions(&actor, &user).await;
                tell(&user, done, format!("Ended all sessions of {user}."), json)
            }
        }
    }
}
