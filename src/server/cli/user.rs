//! `callgate user …`: who may log in. Works on the database of a running server, too; what it changes takes effect at the
//! very next call.

use std::io::{IsTerminal as _, Read as _, stdin};

use anyhow::{Context as _, bail, ensure};
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use strum::VariantArray as _;

use super::output::{Refused, about, database, print_as, table, tell};
use crate::{
    contract::{
        Refusal,
        login::{NewPassword, Password},
        user::{LinkReply, UserRow, UserState},
    },
    server::{
        accounts::{actor::Actor, users},
        model::user_name,
        state::AppState,
        storage::{
            OpenFor, Storage,
            user_lists::{Order, UserFilter},
        },
    },
};

/// How many users are read at once.
const BATCH: u32 = 500;

/// Manage users
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user; the password is asked for, or read from standard input
    Add {
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        name: String,
        /// A role to give; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Create a one-time link for choosing a password, and add the user if needed
    Invite {
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        name: String,
        /// For a new user: a role to give; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// List the users
    List(List),
    /// Show a user: state, roles, sessions, and recent activity
    Show { name: String },
    /// Change the password of a user, and end all their sessions
    Passwd {
        name: String,
        /// Remove the password instead, and print a one-time link for choosing a new one
        #[arg(long)]
        link: bool,
    },
    /// Disable a user, and end all their sessions
    Disable { name: String },
    /// Enable a disabled user again
    Enable { name: String },
    /// Delete a user and everything that belongs to them
    Delete { name: String },
}

/// Which users to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only users with this in their name, in upper or lower case
    #[arg(long)]
    part: Option<String>,
    /// Only users in this state
    #[arg(long, value_parser = user_states())]
    state: Option<UserState>,
    /// Only users with this role
    #[arg(long)]
    role: Option<String>,
}

impl User {
    /// What the database is opened for: that of a new server may begin with users.
    pub fn open_for(&self) -> OpenFor {
        match self {
            Self::Add { .. } | Self::Invite { .. } => OpenFor::Begin,
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
            Self::Add { name, roles } => add(&actor, &name, &roles, json).await,
            Self::Invite { name, roles } => {
                must_exist(state.storage(), &roles).await?;
                let link = users::invite(&actor, &name, &roles).await.map_err(Refused)?;
                let words = format!("{name} is in {}.\n{}", database(state), words_of(&link));
                print_as(json, &link, words)
            }
            Self::List(list) => list.run(state.storage(), json).await,
            Self::Show { name } => show(state, &name, json).await,
            Self::Passwd { name, link: true } => {
                let made = users::require_new_password(&actor, &name).await;
                let link = made.map_err(|refusal| about(&name, refusal))?;
                print_as(json, &link, words_of(&link))
            }
            Self::Passwd { name, link: false } => {
                if state.storage().find_user(&name).await?.is_none() {
                    return Err(about(&name, Refusal::NotFound("user".to_owned())).into());
                }
                let hash = ask_and_hash(state, &name).await?;
                let changed = users::change_password(&actor, &name, &hash).await;
                let said = format!("Changed the password of {name}; all sessions of {name} are ended.");
                tell(&name, changed, said, json)
            }
            Self::Disable { name } => {
                let done = users::set_active(&actor, &name, false).await;
                tell(
                    &name,
                    done,
                    format!("Disabled {name}; all sessions of {name} are ended."),
                    json,
                )
            }
            Self::Enable { name } => {
                let done = users::set_active(&actor, &name, true).await;
                tell(&name, done, format!("Enabled {name}."), json)
            }
            Self::Delete { name } => {
                let done = users::delete(&actor, &name).await;
                tell(&name, done, format!("Deleted {name}."), json)
            }
        }
    }
}

async fn add(actor: &Actor<'_>, name: &str, roles: &[String], json: bool) -> anyhow::Result<()> {
    ensure!(user_name::is_allowed(name), "a name {}", user_name::RULE);
    // Before anybody is asked for a password.
    let storage = actor.state().storage();
    users::must_be_free(storage, name).await.map_err(Refused)?;
    must_exist(storage, roles).await?;
    let hash = ask_and_hash(actor.state(), name).await?;
    let added = users::create_with_password(actor, name, &hash, roles).await;
    let said = format!("Added user {name} to {}.", database(actor.state()));
    tell(name, added, said, json)
}

impl List {
    async fn run(self, storage: &Storage, json: bool) -> anyhow::Result<()> {
        let mut after: Option<String> = None;
        loop {
            let filter = UserFilter {
                part: self.part.as_deref(),
                state: self.state,
                role: self.role.as_deref(),
                order: Order::Name(after.as_deref()),
            };
            let page = users::list(storage, &filter, BATCH).await?;
            for user in &page.users {
                print_as(json, user, line(user))?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

/// Accepts the names that are used on the wire.
fn user_states() -> impl TypedValueParser<Value = UserState> {
    PossibleValuesParser::new(UserState::VARIANTS.iter().map(|state| state.name()))
        .try_map(|name| name.parse::<UserState>())
}

fn line(user: &UserRow) -> String {
    let state = user.state.name();
    let line = format!(
        "{:24}  {state:8}  added {}  {}",
        user.user_id,
        user.created_at,
        user.roles.join(" ")
    );
    line.trim_end().to_owned()
}

async fn show(state: &AppState, name: &str, json: bool) -> anyhow::Result<()> {
    let user = users::show(state, name).await.map_err(|refusal| about(name, refusal))?;
    let mut words = line(&user.user);
    if let Some(until) = &user.link_until {
        words.push_str("\nA one-time link works until ");
        words.push_str(until);
    }
    let sessions = user.sessions.iter().map(|session| {
        vec![
            session.id.clone(),
            session.last_used_at.clone(),
            session.device.clone(),
            session.address.clone(),
        ]
    });
    words.push_str("\n\n");
    words.push_str(&table(["SESSION", "LAST USED", "DEVICE", "ADDRESS"], sessions));
    let events = user.events.iter().map(|event| {
        vec![
            event.at.clone(),
            event.action.clone(),
            event.outcome.clone(),
            event.actor.clone(),
            event.about.clone(),
        ]
    });
    words.push_str("\n\n");
    words.push_str(&table(["WHEN", "WHAT", "OUTCOME", "BY", "ABOUT"], events));
    print_as(json, &user, words)
}

/// Refuses a role that there is not.
async fn must_exist(storage: &Storage, roles: &[String]) -> anyhow::Result<()> {
    let known = storage.list_roles().await?;
    match roles.iter().find(|role| known.iter().all(|known| known.role != **role)) {
        Some(role) => Err(about(role, Refusal::NotFound("role".to_owned())).into()),
        None => Ok(()),
    }
}

fn words_of(link: &LinkReply) -> String {
    format!(
        "Send this link to {} and nobody else. It works once, until {}:\n  {}",
        link.user_id, link.until, link.link
    )
}

async fn ask_and_hash(state: &AppState, name: &str) -> anyhow::Result<String> {
    let password = NewPassword(ask_password()?);
    match state.passwords().hash_new(password, name).await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(problem)) => bail!("the password {problem}"),
        Err(refusal) => Err(Refused(refusal).into()),
    }
}

/// Asks twice at a terminal; otherwise reads all of standard input, less what editors add to a file: a byte order mark at its
/// start and a line break at its end.
fn ask_password() -> anyhow::Result<Password> {
    if stdin().is_terminal() {
        let first = Password::new(rpassword::prompt_password("Password: ")?);
        let second = Password::new(rpassword::prompt_password("Password again: ")?);
        ensure!(first == second, "the passwords differ; nothing was changed");
        return Ok(first);
    }
    let mut typed = String::new();
    stdin()
        .read_to_string(&mut typed)
        .context("the password on standard input is not UTF-8 text")?;
    let end = typed.trim_end_matches('\n').trim_end_matches('\r').len();
    typed.truncate(end);
    if typed.starts_with('\u{feff}') {
        typed.remove(0);
    }
    Ok(Password::new(typed))
}
