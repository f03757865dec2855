//! `callgate function …`: lists the declared functions.

use clap::Subcommand;

use super::{
    output::{align_columns, table},
    print,
};
use crate::server::registry::{self, guard_matrix};

/// Show the declared functions
#[derive(Debug, Subcommand)]
pub enum Function {
    /// List the functions with path, guard and summary
    List {
        /// Show which kinds of caller each guard allows
        #[arg(long)]
        matrix: bool,
    },
}

impl Function {
    pub async fn run(&self) -> anyhow::Result<()> {
        registry::check().map_err(anyhow::Error::msg)?;
        match self {
            Self::List { matrix: false } => print(list()),
            Self::List { matrix: true } => print(align_columns(&guard_matrix::rows().await?)),
        }
    }
}

fn list() -> String {
    let rows = registry::all().map(|function| {
        let view = &function.view;
        vec![
            view.name.clone(),
            view.path(),
            view.rule.guard.clone(),
            view.summary.english().to_owned(),
        ]
    });
    table(["NAME", "PATH", "GUARD", "WHAT IT DOES"], rows)
}
