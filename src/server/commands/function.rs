//! `callgate function …`

use clap::Subcommand;

use super::print;
use crate::{contract::function::Rule, server::function};

/// The declared functions
#[derive(Debug, Subcommand)]
pub enum Function {
    /// List name, path, guard and what each does
    List,
}

impl Function {
    /// Does what was asked for.
    pub fn run(&self) {
        match self {
            Self::List => print(table()),
        }
    }
}

fn table() -> String {
    let mut rows = vec![[
        "NAME".to_owned(),
        "PATH".to_owned(),
        "GUARD".to_owned(),
        "WHAT IT DOES".to_owned(),
    ]];
    rows.extend(function::all().map(|declaration| {
        let view = declaration.view();
        [
            view.name.clone(),
            view.path(),
            guard(view.guard).to_owned(),
            view.summary,
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let [first, second, third] = widths;
    let lines: Vec<String> = rows
        .iter()
        .map(|[name, path, guard, what]| format!("{name:first$}  {path:second$}  {guard:third$}  {what}"))
        .collect();
    lines.join("\n")
}

fn guard(rule: Rule) -> &'static str {
    match rule {
        Rule::Anyone => "Anyone",
        Rule::LoggedIn => "LoggedIn",
    }
}
