//! `callgate user …`: manages users.

use std::io::{IsTerminal as _, Read as _, stdin};

use anyhow::{Context as _, bail, ensure};
use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use strum::VariantArray as _;

use super::output::{Refused, database_name, print_as, report, table, with_name};
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

/// Users per query of a list.
const PAGE_SIZE: u32 = 500;

/// Manage users
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user; prompts for the password, or reads it from standard input
    Add {
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        name: String,
        /// A role to give; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Create a one-time link for choosing a password; adds the user if needed
    Invite {
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        name: String,
        /// A role to give to a new user; may be repeated
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
        /// Remove the password and the linked accounts instead, and print a one-time link for choosing a new password
        #[arg(long)]
        link: bool,
        /// With --link: keep the linked accounts
        #[arg(long, requires = "link")]
        keep_identities: bool,
    },
    /// Disable a user, and end all their sessions
    Disable { name: String },
    /// Enable a disabled user again
    Enable { name: String },
    /// Delete a user and everything that belongs to them
    Delete { name: String },
}

#[derive(Debug, Args)]
pub struct List {
    /// Only users whose name contains this text, ignoring case
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
    /// `add` and `invite` may create the database, so that a new server can be set up with users.
    pub fn open_for(&self) -> OpenFor {
        match self {
            Self::Add { .. } | Self::Invite { .. } => OpenFor::Create,
            _ => OpenFor::Manage,
        }
    }

    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(state);
        match self {
            Self::Add { name, roles } => add(&actor, &name, &roles, json).await,
            Self::Invite { name, roles } => {
                check_roles_exist(state.storage(), &roles).await?;
                let link = users::invite(&actor, &name, &roles).await.map_err(Refused)?;
                let text = format!("{name} is in {}.\n{}", database_name(state), link_text(&link));
                print_as(json, &link, text)
            }
            Self::List(list) => list.run(state.storage(), json).await,
            Self::Show { name } => show(state, &name, json).await,
            Self::Passwd {
                name,
                link: true,
                keep_identities,
            } => {
                let created = users::require_new_password(&actor, &name, keep_identities).await;
                let link = created.map_err(|refusal| with_name(&name, refusal))?;
                print_as(json, &link, link_text(&link))
            }
            Self::Passwd { name, link: false, .. } => {
                if state.storage().find_user(&name).await?.is_none() {
                    return Err(with_name(&name, Refusal::NotFound("user".into())).into());
                }
                let hash = read_and_hash_password(state, &name).await?;
                let changed = users::change_password(&actor, &name, &hash).await;
                let message = format!("Changed the password of {name}; all sessions of {name} are ended.");
                report(&name, changed, message, json)
            }
            Self::Disable { name } => {
                let result = users::set_active(&actor, &name, false).await;
                let message = format!("Disabled {name}; all sessions of {name} are ended.");
                report(&name, result, message, json)
            }
            Self::Enable { name } => {
                let result = users::set_active(&actor, &name, true).await;
                report(&name, result, format!("Enabled {name}."), json)
            }
            Self::Delete { name } => {
                let result = users::delete(&actor, &name).await;
                report(&name, result, format!("Deleted {name}."), json)
            }
        }
    }
}

async fn add(actor: &Actor<'_>, name: &str, roles: &[String], json: bool) -> anyhow::Result<()> {
    ensure!(user_name::is_allowed(name), "a name {}", user_name::RULE.english());
    // Check before prompting for a password.
    let storage = actor.state.storage();
    users::require_free_name(storage, name).await.map_err(Refused)?;
    check_roles_exist(storage, roles).await?;
    let hash = read_and_hash_password(actor.state, name).await?;
    let added = users::create_with_password(actor, name, &hash, roles).await;
    let message = format!("Added user {name} to {}.", database_name(actor.state));
    report(name, added, message, json)
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
            let page = users::list(storage, &filter, PAGE_SIZE).await?;
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

/// Accepts the names that the JSON API uses.
fn user_states() -> impl TypedValueParser<Value = UserState> {
    PossibleValuesParser::new(UserState::VARIANTS.iter().map(|state| state.name()))
        .try_map(|name| name.parse::<UserState>())
}

fn line(user: &UserRow) -> String {
    let (state, roles) = (user.state.name(), user.roles.join(" "));
    let line = format!("{:24}  {state:8}  added {}  {roles}", user.user_id, user.created_at);
    line.trim_end().to_owned()
}

async fn show(state: &AppState, name: &str, json: bool) -> anyhow::Result<()> {
    let found = users::show(state, name).await;
    let user = found.map_err(|refusal| with_name(name, refusal))?;
    let link = user.link_until.as_ref();
    let link = link.map(|until| format!("\nA one-time link works until {until}"));
    let sessions = user.sessions.iter().map(|session| {
        vec![
            session.id.clone(),
            session.last_used_at.clone(),
            session.device.clone(),
            session.address.clone(),
        ]
    });
    let sessions = table(["SESSION", "LAST USED", "DEVICE", "ADDRESS"], sessions);
    let events = user.events.iter().map(|event| {
        vec![
            event.at.clone(),
            event.action.clone(),
            event.outcome.clone(),
            event.actor.clone(),
            event.about.clone(),
        ]
    });
    let events = table(["WHEN", "WHAT", "OUTCOME", "BY", "ABOUT"], events);
    let head = line(&user.user) + &link.unwrap_or_default();
    print_as(json, &user, format!("{head}\n\n{sessions}\n\n{events}"))
}

async fn check_roles_exist(storage: &Storage, roles: &[String]) -> anyhow::Result<()> {
    let known = storage.list_roles().await?;
    match roles.iter().find(|role| known.iter().all(|known| known.role != **role)) {
        Some(role) => Err(with_name(role, Refusal::NotFound("role".into())).into()),
        None => Ok(()),
    }
}

fn link_text(link: &LinkReply) -> String {
    format!(
        "Send this link to {} and nobody else. It works once, until {}:\n  {}",
        link.user_id, link.until, link.link
    )
}

async fn read_and_hash_password(state: &AppState, name: &str) -> anyhow::Result<String> {
    let password = NewPassword(read_password()?);
    match state.passwords().hash_new(password, name).await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(problem)) => bail!("the password {}", problem.english()),
        Err(refusal) => Err(Refused(refusal).into()),
    }
}

/// Prompts twice at a terminal. Otherwise reads standard input, without the byte order mark and the final line break
/// that editors add to a file.
fn read_password() -> anyhow::Result<Password> {
    if stdin().is_terminal() {
        let first = Password::new(rpassword::prompt_password("Password: ")?);
        let second = Password::new(rpassword::prompt_password("Password again: ")?);
        ensure!(first == second, "the passwords differ; nothing was changed");
        return Ok(first);
    }
    let mut input = String::new();
    let read = stdin().read_to_string(&mut input);
    read.context("the password on standard input is not UTF-8 text")?;
    input.truncate(input.trim_end_matches('\n').trim_end_matches('\r').len());
    if input.starts_with('\u{feff}') {
        input.remove(0);
    }
    Ok(Password::new(input))
}
