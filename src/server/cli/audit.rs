//! `callgate audit …`: what happened.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use strum::VariantArray as _;

use super::{
    output::{Refused, print_as, table},
    print,
};
use crate::{
    contract::audit::{Action, Outcome},
    server::{audit::view, state::AppState, storage::events::EventFilter},
};

/// Read the audit trail and the call log
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Show the latest events
    Events(Which),
    /// Show the latest calls
    Calls(Which),
    /// Write all events as JSON lines, the earliest first
    Export(Which),
}

/// Which lines.
#[derive(Debug, Args)]
pub struct Which {
    /// Only those of this user
    #[arg(long)]
    user: Option<String>,
    /// Only those about this, such as `login` or `role_given`; in the call log, those of this function
    #[arg(long)]
    what: Option<String>,
    /// Only those with this outcome: `ok` or `refused`; in the call log, `ok` or the code of a refusal
    #[arg(long)]
    outcome: Option<String>,
    /// From this day (UTC), such as 2026-01-31
    #[arg(long, value_parser = day)]
    since: Option<Date>,
    /// Until the end of this day (UTC)
    #[arg(long, value_parser = day)]
    until: Option<Date>,
    /// How many at most; for an export, all
    #[arg(long, default_value_t = 50)]
    most: u32,
}

impl Audit {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Says what went wrong and what to do.
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let storage = state.storage();
        match self {
            Self::Events(which) => {
                let list = view::events(storage, &which.of_events()?, which.most).await?;
                let rows = list.events.iter().map(|event| {
                    vec![
                        event.at.clone(),
                        event.action.clone(),
                        event.outcome.clone(),
                        event.actor.clone(),
                        event.user.clone(),
                        event.about.clone(),
                        event.address.clone(),
                    ]
                });
                let head = ["WHEN", "WHAT", "OUTCOME", "BY", "USER", "ABOUT", "FROM"];
                print_as(json, &list, table(head, rows))
            }
            Self::Calls(which) => {
                let list = view::calls(storage, &which.filter()?, which.most).await?;
                let rows = list.calls.iter().map(|call| {
                    vec![
                        call.at.clone(),
                        call.function.clone(),
                        call.outcome.clone(),
                        call.user.clone(),
                        call.calls.to_string(),
                        format!("{} µs", call.took_us),
                        call.address.clone(),
                    ]
                });
                let head = ["WHEN", "FUNCTION", "OUTCOME", "BY", "CALLS", "TOOK", "FROM"];
                print_as(json, &list, table(head, rows))
            }
            Self::Export(which) => {
                let mut filter = which.of_events()?;
                let mut after = 0;
                loop {
                    filter.after = Some(after);
                    let (lines, last) = view::lines(storage, &filter).await.context("the export broke off")?;
                    if lines.is_empty() {
                        return Ok(());
                    }
                    print(lines)?;
                    after = last;
                }
            }
        }
    }
}

impl Which {
    /// The same for events, of which it is known what they can be about: what is misspelt would find nothing.
    fn of_events(&self) -> anyhow::Result<EventFilter<'_>> {
        if let Some(what) = self.what.as_deref()
            && what.parse::<Action>().is_err()
        {
            let names: Vec<_> = Action::VARIANTS.iter().map(|action| action.name()).collect();
            bail!("--what: there is no \"{what}\"; choose one of {}", names.join(", "));
        }
        if let Some(outcome) = self.outcome.as_deref()
            && outcome.parse::<Outcome>().is_err()
        {
            bail!("--outcome: \"{outcome}\" is not an outcome of events; use ok or refused");
        }
        Ok(self.filter()?)
    }

    fn filter(&self) -> Result<EventFilter<'_>, Refused> {
        let (since, until) = view::days(self.since, self.until)?;
        Ok(EventFilter {
            user: self.user.as_deref(),
            only_present_user: false,
            action: self.what.as_deref(),
            outcome: self.outcome.as_deref(),
            since,
            until,
            before: None,
            after: None,
        })
    }
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "write a day like 2026-01-31".to_owned())
}
