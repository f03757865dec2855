//! `callgate user …`: who may log in. Works on the database of a running server, too; what it changes takes effect at the
//! very next call.

use std::io::{IsTerminal as _, Read as _, stdin};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};

use super::output::{Refused, in_columns, print_as};
use crate::{
    contract::{
        Answer, Refusal,
        login::{NewPassword, Password},
        user::{LinkReply, UserOrder, UserRow, UserState},
    },
    server::{
        actor::Actor,
        names,
        services::Services,
        storage::{Storage, user_lists::UserFilter},
        users,
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
    /// Make a one-time link with which a person chooses a password, and add the user if there is none
    Invite {
        /// 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -
        name: String,
        /// For a new user: a role to give; may be repeated
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// List the users
    List(List),
    /// Show a user: state, roles, sessions, and what happened of late
    Show { name: String },
    /// Give a user another password, and end all sessions of the user
    Passwd {
        name: String,
        /// Take the password away instead, and print a one-time link with which the person chooses another one
        #[arg(long)]
        link: bool,
    },
    /// Keep a user out, and end all sessions of the user
    Disable { name: String },
    /// Let a disabled user in again
    Enable { name: String },
    /// Delete a user and all that belongs to one
    Delete { name: String },
}

/// Which users to list.
#[derive(Debug, Args)]
pub struct List {
    /// Those with this part in their name, in upper or lower case
    #[arg(long)]
    part: Option<String>,
    /// Those in this state
    #[arg(long)]
    state: Option<State>,
    /// Those who have this role
    #[arg(long)]
    role: Option<String>,
}

/// Whether a user may log in.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Active,
    Invited,
    Disabled,
}

impl User {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Says what went wrong and what to do.
    pub async fn run(self, services: &Services, json: bool) -> anyhow::Result<()> {
        let actor = Actor::operator(services);
        match self {
            Self::Add { name, roles } => add(&actor, &name, &roles, json).await,
            Self::Invite { name, roles } => {
                must_exist(services.storage(), &roles).await?;
                let link = users::invite(&actor, &name, &roles).await.map_err(Refused)?;
                tell_link(&link, json)
            }
            Self::List(list) => list.run(services.storage(), json).await,
            Self::Show { name } => show(services, &name, json).await,
            Self::Passwd { name, link: true } => {
                let made = users::require_new_password(&actor, &name).await;
                tell_link(&made.map_err(|refusal| about(&name, refusal))?, json)
            }
            Self::Passwd { name, link: false } => {
                if services.storage().find_user(&name).await?.is_none() {
                    return Err(about(&name, Refusal::NotFound("user".to_owned())).into());
                }
                let hash = ask_and_hash(services, &name).await?;
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
    ensure!(names::is_allowed(name), "a name {}", names::RULE);
    // Before anybody is asked for a password.
    if let Some(twin) = actor.services().storage().find_twin(name).await? {
        let why = match twin == name {
            true => format!("there is a user {twin} already"),
            false => {
                format!("there is a user {twin} already, and {name} would be mistaken for it; choose another name")
            }
        };
        return Err(Refused(Refusal::Conflict(why)).into());
    }
    must_exist(actor.services().storage(), roles).await?;
    let hash = ask_and_hash(actor.services(), name).await?;
    let added = users::create_with_password(actor, name, &hash, roles).await;
    tell(name, added, format!("Added user {name}."), json)
}

impl List {
    async fn run(self, storage: &Storage, json: bool) -> anyhow::Result<()> {
        let mut after: Option<String> = None;
        loop {
            let filter = UserFilter {
                part: self.part.as_deref(),
                state: self.state.map(State::state),
                role: self.role.as_deref(),
                order: UserOrder::Name,
                after: after.as_deref(),
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

impl State {
    fn state(self) -> UserState {
        match self {
            Self::Active => UserState::Active,
            Self::Invited => UserState::Invited,
            Self::Disabled => UserState::Disabled,
        }
    }
}

fn line(user: &UserRow) -> String {
    let state = user.state.name();
    let line = format!(
        "{:24}  {state:8}  since {}  {}",
        user.user_id,
        user.created_at,
        user.roles.join(" ")
    );
    line.trim_end().to_owned()
}

async fn show(services: &Services, name: &str, json: bool) -> anyhow::Result<()> {
    let user = users::show(services, name)
        .await
        .map_err(|refusal| about(name, refusal))?;
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
    words.push_str(&in_columns(&with_head(
        ["SESSION", "LAST USED", "DEVICE", "ADDRESS"],
        sessions,
    )));
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
    words.push_str(&in_columns(&with_head(
        ["WHEN", "WHAT", "OUTCOME", "BY", "ABOUT"],
        events,
    )));
    print_as(json, &user, words)
}

/// Rows under a head.
pub(super) fn with_head<const N: usize>(head: [&str; N], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect()
}

/// A refusal that says which user it is about.
pub(super) fn about(name: &str, refusal: Refusal) -> Refused {
    Refused(match refusal {
        Refusal::NotFound(what) => Refusal::NotFound(format!("{what}: {name}")),
        refusal => refusal,
    })
}

/// Tells that something was done, or why not.
pub(super) fn tell(name: &str, done: Result<(), Refusal>, said: String, json: bool) -> anyhow::Result<()> {
    done.map_err(|refusal| about(name, refusal))?;
    print_as(json, &Answer::new(said.as_str()), &said)
}

/// Refuses a role that there is not.
async fn must_exist(storage: &Storage, roles: &[String]) -> anyhow::Result<()> {
    let known = storage.list_roles().await?;
    match roles.iter().find(|role| known.iter().all(|known| known.role != **role)) {
        Some(role) => Err(about(role, Refusal::NotFound("role".to_owned())).into()),
        None => Ok(()),
    }
}

fn tell_link(link: &LinkReply, json: bool) -> anyhow::Result<()> {
    let words = format!(
        "Hand this link to {}, and to nobody else. It works once, until {}:\n  {}",
        link.user_id, link.until, link.link
    );
    print_as(json, link, words)
}

async fn ask_and_hash(services: &Services, name: &str) -> anyhow::Result<String> {
    let password = NewPassword(ask_password()?);
    match services.passwords().hash_new(password, name).await {
        Ok(Ok(hash)) => Ok(hash),
        Ok(Err(problem)) => bail!("the password {problem}"),
        Err(refusal) => bail!(refusal.message()),
    }
}

/// Asks twice at a terminal; otherwise reads all of standard input, less the line break at its end.
fn ask_password() -> anyhow::Result<Password> {
    if stdin().is_terminal() {
        let first = Password::new(rpassword::prompt_password("Password: ")?);
        let second = Password::new(rpassword::prompt_password("Once more: ")?);
        ensure!(first == second, "the two differ; nothing was changed");
        return Ok(first);
    }
    let mut typed = String::new();
    stdin()
        .read_to_string(&mut typed)
        .context("the password on standard input is not UTF-8 text")?;
    let end = typed.trim_end_matches('\n').trim_end_matches('\r').len();
    typed.truncate(end);
    Ok(Password::new(typed))
}
