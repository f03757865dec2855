//! `callgate audit …`: reads the audit log and the call log.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use strum::VariantArray as _;

use super::{
    output::{ProgressLine, Refused, print_as, table},
    print,
};
use crate::{
    contract::{
        TimeZone,
        audit::{Action, Outcome},
    },
    server::{audit::view, state::AppState, storage::events::EventFilter},
};

/// Read the audit log and the call log
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Show the latest entries of the audit log
    Events(Filter),
    /// Show the latest entries of the call log
    Calls(Filter),
    /// Write the whole audit log as JSON lines, oldest first
    Export(Filter),
}

#[derive(Debug, Args)]
pub struct Filter {
    /// Only entries of this user
    #[arg(long)]
    user: Option<String>,
    /// Only entries with this action, such as `login` or `role_given`; in the call log, only calls of this function
    #[arg(long = "what", value_name = "WHAT")]
    action: Option<String>,
    /// Only entries with this outcome: `ok` or `refused`; in the call log, `ok` or the code of a refusal
    #[arg(long)]
    outcome: Option<String>,
    /// Only entries from this day (UTC) on, such as 2026-01-31
    #[arg(long, value_parser = day)]
    since: Option<Date>,
    /// Only entries until the end of this day (UTC)
    #[arg(long, value_parser = day)]
    until: Option<Date>,
    /// Maximum number of entries; ignored by `export`
    #[arg(long = "most", value_name = "MOST", default_value_t = 50)]
    limit: u32,
}

impl Audit {
    pub async fn run(self, state: &AppState, json: bool) -> anyhow::Result<()> {
        let storage = state.storage();
        match self {
            Self::Events(filter) => {
                let list = view::events(storage, &filter.for_events()?, filter.limit).await?;
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
                let header = ["WHEN", "WHAT", "OUTCOME", "BY", "USER", "ABOUT", "FROM"];
                print_as(json, &list, table(header, rows))
            }
            Self::Calls(filter) => {
                let list = view::calls(storage, &filter.for_calls()?, filter.limit).await?;
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
                let header = ["WHEN", "FUNCTION", "OUTCOME", "BY", "CALLS", "TOOK", "FROM"];
                print_as(json, &list, table(header, rows))
            }
            Self::Export(filter) => {
                let mut filter = filter.for_events()?;
                let mut after = 0;
                // The lines themselves show the progress where they are written to the terminal.
                let is_visible = io::stderr().is_terminal() && !io::stdout().is_terminal();
                let mut progress = ProgressLine::new(is_visible);
                let mut exported = 0;
                loop {
                    filter.after = Some(after);
                    let next = view::lines(storage, &filter).await;
                    let (lines, last) = next.context("the export is incomplete")?;
                    if lines.is_empty() {
                        progress.clear();
                        return Ok(());
                    }
                    exported += lines.lines().count();
                    print(lines)?;
                    progress.show(format_args!("exported {exported} entries"));
                    after = last;
                }
            }
        }
    }
}

impl Filter {
    /// The filter for the audit log. Rejects unknown values, because a misspelt one would silently match nothing.
    fn for_events(&self) -> anyhow::Result<EventFilter<'_>> {
        if let Some(action) = self.action.as_deref()
            && action.parse::<Action>().is_err()
        {
            let names: Vec<_> = Action::VARIANTS.iter().map(|action| action.name()).collect();
            bail!(
                "--what: unknown value \"{action}\" (expected one of: {})",
                names.join(", ")
            );
        }
        if let Some(outcome) = self.outcome.as_deref()
            && outcome.parse::<Outcome>().is_err()
        {
            bail!("--outcome: unknown value \"{outcome}\" (expected: ok, refused)");
        }
        Ok(self.for_calls()?)
    }

    /// The filter for the call log, whose functions and refusal codes are open sets.
    fn for_calls(&self) -> Result<EventFilter<'_>, Refused> {
        let (since, until) = view::days(self.since, self.until, &TimeZone::UTC)?;
        Ok(EventFilter {
            user: self.user.as_deref(),
            action: self.action.as_deref(),
            outcome: self.outcome.as_deref(),
            since,
            until,
            ..EventFilter::default()
        })
    }
}

fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "expected a day such as 2026-01-31".to_owned())
}
