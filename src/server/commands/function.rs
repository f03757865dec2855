//! `callgate function …`

use clap::Subcommand;

use super::{output::in_columns, print};
use crate::server::{function, matrix};

/// The declared functions
#[derive(Debug, Subcommand)]
pub enum Function {
    /// List name, path, guard and what each does
    List {
        /// Show instead which kind of caller each lets in: each guard is really asked, for callers made up for it
        #[arg(long)]
        matrix: bool,
    },
}

impl Function {
    /// Does what was asked for.
    ///
    /// # Errors
    /// What is wrong with the declarations, or why the guards could not be asked.
    pub async fn run(&self) -> anyhow::Result<()> {
        function::check().map_err(anyhow::Error::msg)?;
        match self {
            Self::List { matrix: false } => print(in_columns(&list())),
            Self::List { matrix: true } => print(in_columns(&matrix::rows().await?)),
        }
    }
}

fn list() -> Vec<Vec<String>> {
    let head = ["NAME", "PATH", "GUARD", "WHAT IT DOES"].map(str::to_owned).to_vec();
    let rows = function::all().map(|function| {
        let view = function.view().clone();
        vec![view.name.clone(), view.path(), view.rule.guard, view.summary]
    });
    std::iter::once(head).chain(rows).collect()
}
