//! `callgate function …`

use clap::Subcommand;

use super::{
    output::{in_columns, table},
    print,
};
use crate::server::registry::{self, guard_matrix};

/// The declared functions
#[derive(Debug, Subcommand)]
pub enum Function {
    /// List name, path, guard and what each does
    List {
        /// Show which kinds of caller each function lets in, by asking each guard
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
        registry::check().map_err(anyhow::Error::msg)?;
        match self {
            Self::List { matrix: false } => print(list()),
            Self::List { matrix: true } => print(in_columns(&guard_matrix::rows().await?)),
        }
    }
}

fn list() -> String {
    let rows = registry::all().map(|function| {
        let view = function.view();
        vec![
            view.name.clone(),
            view.path(),
            view.rule.guard.clone(),
            view.summary.clone(),
        ]
    });
    table(["NAME", "PATH", "GUARD", "WHAT IT DOES"], rows)
}
