//! Copies a database to another one, from either engine to either engine.
//!
//! The copy is one transaction of the target, so an interrupted one leaves nothing behind. Nothing else may use the two
//! databases meanwhile: what is written to the source after its rows were read would be lost.

mod tables;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use self::tables::{Checksum, TABLES, Table};
use super::database::{
    errors::Refused,
    exclusive::Exclusive,
    migrations::OpenFor,
    open,
    query::Value,
    transaction::{Commit, Transaction},
};
use crate::server::config;

/// The number of rows that are read and written at a time. The widest table has 13 columns, and SQLite accepts 32,766
/// parameters in a statement.
const ROWS_PER_STATEMENT: u32 = 500;

/// A database, and the folder that it is in if it is SQLite.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub folder: &'a Path,
    pub settings: &'a config::Database,
}

impl Place<'_> {
    pub fn name(&self) -> String {
        open::name(self.folder, self.settings)
    }
}

/// A table that was copied.
#[derive(Debug, Serialize)]
pub struct CopiedTable {
    pub table: &'static str,
    pub rows: u64,
    /// The SHA-256 of all rows in the order of their keys. It is the same on both sides.
    pub sha256: String,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub table: &'static str,
    /// The number of rows that were written or, with `is_check`, read again.
    pub rows: u64,
    pub total: i64,
    pub is_check: bool,
}

/// Copies all data. Nodes count as gone if they have not reported for `gone_after`.
///
/// # Errors
/// [`Refused`] if a server uses one of the databases, if the target has users, or if the source has other tables than this
/// program knows.
pub async fn copy(
    source: Place<'_>,
    target: Place<'_>,
    gone_after: Duration,
    mut report: impl FnMut(Progress),
) -> anyhow::Result<Vec<CopiedTable>> {
    if source.name() == target.name() {
        bail!(Refused(format!(
            "the source and the target are the same: {}",
            source.name()
        )));
    }
    let mut from = Exclusive::open(source.folder, source.settings, OpenFor::Manage, gone_after).await?;
    from.refuse_unknown_tables().await?;
    let mut to = Exclusive::open(target.folder, target.settings, OpenFor::Migrate, gone_after).await?;
    to.refuse_unknown_tables().await?;
    refuse_data(&mut to.transaction, &target.name()).await?;
    let copied = copy_tables(&mut from.transaction, &mut to, &mut report)
        .await
        .with_context(|| format!("cannot copy {} to {}", source.name(), target.name()))?;
    to.end(Commit(())).await.context("cannot commit the copy")?;
    from.end(Commit(())).await.context("cannot close the source")?;
    Ok(copied)
}

/// Fails unless a database was never in use. Entries of the audit log cannot be removed, and would get mixed with others.
async fn refuse_data(target: &mut Transaction, name: &str) -> anyhow::Result<()> {
    for (table, what) in [("users", "users"), ("events", "entries in its audit log")] {
        let Some(table) = TABLES.iter().find(|known| known.name == table) else {
            continue;
        };
        let (count,) = table.count().fetch_one(&mut *target).await?;
        if count > 0 {
            bail!(Refused(format!(
                "{name} already has {what}. Copy to an empty database, such as one that was just created"
            )));
        }
    }
    Ok(())
}

async fn copy_tables(
    source: &mut Transaction,
    target: &mut Exclusive,
    report: &mut impl FnMut(Progress),
) -> anyhow::Result<Vec<CopiedTable>> {
    target.disable_triggers().await?;
    // A new database has the built-in role. One on which a server was started has a link for the first administrator.
    for table in TABLES.iter().rev() {
        table.delete().execute(&mut target.transaction).await?;
    }
    let mut copied = Vec::new();
    for table in &TABLES {
        let (total,) = table.count().fetch_one(&mut *source).await?;
        let mut checksum = Checksum::default();
        let mut last: Option<Vec<Value>> = None;
        loop {
            let rows = next_rows(table, source, last.as_deref()).await?;
            let Some(end) = rows.last().cloned() else { break };
            last = Some(end);
            checksum.add(&rows);
            let insert = table.insert(rows).execute(&mut target.transaction).await;
            insert.with_context(|| format!("table {}", table.name))?;
            report(Progress {
                table: table.name,
                rows: checksum.rows,
                total,
                is_check: false,
            });
        }
        copied.push(CopiedTable {
            table: table.name,
            rows: checksum.rows,
            sha256: checksum.sha256(),
        });
    }
    for (table, copied) in TABLES.iter().zip(&copied) {
        let mut checksum = Checksum::default();
        let mut last: Option<Vec<Value>> = None;
        loop {
            let rows = next_rows(table, &mut target.transaction, last.as_deref()).await?;
            let Some(end) = rows.last().cloned() else { break };
            last = Some(end);
            checksum.add(&rows);
            report(Progress {
                table: table.name,
                rows: checksum.rows,
                total: i64::try_from(copied.rows).unwrap_or(i64::MAX),
                is_check: true,
            });
        }
        ensure!(
            checksum.rows == copied.rows && checksum.sha256() == copied.sha256,
            "the table {} differs from its copy, so the copy was undone",
            table.name
        );
    }
    target.enable_triggers().await?;
    target.log_change_for_everybody().await?;
    Ok(copied)
}

/// The rows that follow the key of the row `last`.
async fn next_rows(
    table: &Table,
    transaction: &mut Transaction,
    last: Option<&[Value]>,
) -> anyhow::Result<Vec<Vec<Value>>> {
    let rows = table.select(last, ROWS_PER_STATEMENT).fetch_all(transaction).await;
    let rows = rows.with_context(|| format!("table {}", table.name))?;
    rows.into_iter().map(|row| table.values(row)).collect()
}

#[cfg(test)]
mod tests;
