//! Removing many rows, a part at a time: whoever else writes comes in between, and nobody waits for the whole of it.

use sqlx::AssertSqlSafe;

use super::{Storage, fault};
use crate::server::telemetry::error::InternalError;

/// How many rows go with one statement.
const PART: u32 = 500;

/// Rows to remove.
pub(super) struct Rows {
    /// The table.
    pub table: &'static str,
    /// Its key.
    pub key: &'static str,
    /// Which of its rows: a condition.
    pub which: &'static str,
}

impl Storage {
    /// Removes rows for good. Gives their number. `values` are the parameters of the condition.
    pub(super) async fn remove(&self, doing: &'static str, rows: Rows, values: &[i64]) -> Result<u64, InternalError> {
        let Rows { table, key, which } = rows;
        let there = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {which})");
        let part =
            format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {which} LIMIT {PART})");
        // All of it is written in this program. Looking for them holds nobody up who writes.
        let there = sqlx::query_scalar(AssertSqlSafe(there));
        let there = values.iter().fold(there, |query, value| query.bind(*value));
        let mut is_more: bool = there.fetch_one(&self.reader).await.map_err(fault(doing))?;
        let mut gone = 0;
        while is_more {
            let removing = sqlx::query(AssertSqlSafe(part.clone()));
            let removing = values.iter().fold(removing, |query, value| query.bind(*value));
            let removed = removing
                .execute(&self.writer)
                .await
                .map_err(fault(doing))?
                .rows_affected();
            gone += removed;
            is_more = removed == u64::from(PART);
        }
        Ok(gone)
    }
}
