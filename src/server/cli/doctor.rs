//! `callgate doctor`: examines the settings and the database.

use anyhow::bail;
use clap::Args;

use super::output::{align_columns, print_as};
use crate::server::{
    config::{Overrides, Settings},
    nodes::GONE_AFTER,
    storage::{self, Finding, Outcome},
    telemetry::log,
};

/// Examine the settings and the database, and say what is wrong and what to do; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong, 1 something is wrong, 2 invalid command line.")]
pub struct Doctor {
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub async fn run(self, overrides: &Overrides) -> anyhow::Result<()> {
        let findings = examine(overrides).await?;
        print_as(self.json, &findings, report(&findings))?;
        let wrong = findings.iter().filter(|finding| finding.outcome == Outcome::Wrong);
        match wrong.count() {
            0 => Ok(()),
            1 => bail!("1 thing is wrong"),
            count => bail!("{count} things are wrong"),
        }
    }
}

async fn examine(overrides: &Overrides) -> anyhow::Result<Vec<Finding>> {
    let settings = match Settings::load(overrides) {
        Ok(settings) => settings,
        Err(error) => return Ok(vec![Finding::error("settings", error)]),
    };
    log::start(&settings.log)?;
    let name = storage::name(&settings.data, &settings.database);
    let mut findings = vec![Finding::ok("settings", name)];
    findings.extend(storage::examine(&settings.data, &settings.database, GONE_AFTER).await);
    Ok(findings)
}

/// One line for each finding.
fn report(findings: &[Finding]) -> String {
    let rows: Vec<_> = findings
        .iter()
        .map(|finding| {
            let outcome = match finding.outcome {
                Outcome::Ok => "ok",
                Outcome::Note => "note",
                Outcome::Wrong => "WRONG",
            };
            let text = match &finding.remedy {
                Some(remedy) => format!("{}. To do: {remedy}", finding.text),
                None => finding.text.clone(),
            };
            vec![outcome.to_owned(), finding.check.to_owned(), one_line(&text)]
        })
        .collect();
    align_columns(&rows)
}

/// The texts can contain what a server sent.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
