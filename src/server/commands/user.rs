//! `callgate user …`: who may log in. Works on the database of a running server, too; what it changes takes effect at the
//! very next call.

use std::io::{IsTerminal as _, Read as _, stdin};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::print;
use crate::{
    contract::login::{NewPassword, Password},
    server::{clock::Timestamp, names, services::Services, settings::Settings, storage::Storage},
};

/// Manage users
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user; the password is asked for, or read from standard input
    Add { name: String },
    /// List the users
    List,
    /// Give a user another password, and end all sessions of the user
    Passwd { name: String },
    /// Keep a user out, and end all sessions of the user
    Disable { name: String },
    /// Let a disabled user in again
    Enable { name: String },
    /// Delete a user and all that belongs to one
    Delete { name: String },
}

impl User {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Says what went wrong and what to do.
    pub async fn run(self, settings: Settings) -> anyhow::Result<()> {
        let services = Services::open(settings).await?;
        let done = self.run_on(&services).await;
        services.storage().close().await;
        done
    }

    async fn run_on(self, services: &Services) -> anyhow::Result<()> {
        let (storage, now) = (services.storage(), Timestamp::now());
        match self {
            Self::Add { name } => {
                ensure!(names::is_allowed(&name), names::RULE);
                refuse_twin(storage, &name).await?;
                let hash = ask_and_hash(services, &name).await?;
                if !storage.add_user(&name, &hash, false, now).await? {
                    refuse_twin(storage, &name).await?;
                    bail!("another command has added and deleted {name} meanwhile; try again");
                }
                print(format_args!("Added user {name}."));
            }
            Self::List => {
                for user in storage.list_users().await? {
                    let state = if user.active { "active" } else { "disabled" };
                    let demo = if user.demo { "  demo" } else { "" };
                    print(format_args!(
                        "{:24}  {state:8}  since {}{demo}",
                        user.user_id,
                        date(user.created_at)
                    ));
                }
            }
            Self::Passwd { name } => {
                ensure!(storage.find_user(&name).await?.is_some(), "there is no user {name}");
                let hash = ask_and_hash(services, &name).await?;
                ensure!(
                    storage.change_password(&name, &hash, now).await?,
                    "there is no user {name}"
                );
                print(format_args!(
                    "Changed the password of {name}; all sessions of {name} are ended."
                ));
            }
            Self::Disable { name } => {
                ensure!(storage.set_active(&name, false, now).await?, "there is no user {name}");
                print(format_args!("Disabled {name}; all sessions of {name} are ended."));
            }
            Self::Enable { name } => {
                ensure!(storage.set_active(&name, true, now).await?, "there is no user {name}");
                print(format_args!("Enabled {name}."));
            }
            Self::Delete { name } => {
                ensure!(storage.delete_user(&name).await?, "there is no user {name}");
                print(format_args!("Deleted {name}."));
            }
        }
        Ok(())
    }
}

/// Keeps a name from being given to two users, and to one who would be taken for another.
async fn refuse_twin(storage: &Storage, name: &str) -> anyhow::Result<()> {
    match storage.find_twin(name).await? {
        None => Ok(()),
        Some(same) if same == name => bail!("there is a user {name} already"),
        Some(twin) => bail!("there is a user {twin} already, and {name} would be mistaken for it; choose another name"),
    }
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

fn date(millis: i64) -> String {
    OffsetDateTime::from_unix_timestamp(millis / 1000)
        .ok()
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| "?".to_owned())
}
