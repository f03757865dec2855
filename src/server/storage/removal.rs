//! Deletes many rows in batches, so that other writers wait for one batch at most.

use sqlx::AssertSqlSafe;

use super::{Storage, database_error};
use crate::server::telemetry::error::InternalError;

const BATCH_SIZE: u32 = 500;

/// Rows to delete.
pub(super) struct Rows {
    pub table: &'static str,
    /// The columns of the primary key.
    pub key: &'static str,
    /// The SQL condition of the `WHERE` clause.
    pub condition: &'static str,
}

impl Storage {
    /// Deletes rows and returns their number. `values` are the parameters of the condition.
    pub(super) async fn delete_in_batches(
        &self,
        context: &'static str,
        rows: Rows,
        values: &[i64],
    ) -> Result<u64, InternalError> {
        let Rows { table, key, condition } = rows;
        let exists = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {condition})");
        let delete = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT {BATCH_SIZE})"
        );
        // Safe SQL: every part is a constant of this program. The first query needs no write lock.
        let exists = sqlx::query_scalar(AssertSqlSafe(exists));
        let exists = values.iter().fold(exists, |query, value| query.bind(*value));
        let mut has_more: bool = exists.fetch_one(&self.reader).await.map_err(database_error(context))?;
        let mut total = 0;
        while has_more {
            let query = sqlx::query(AssertSqlSafe(delete.clone()));
            let query = values.iter().fold(query, |query, value| query.bind(*value));
            let deleted = query
                .execute(&self.writer)
                .await
                .map_err(database_error(context))?
                .rows_affected();
            total += deleted;
            has_more = deleted == u64::from(BATCH_SIZE);
        }
        Ok(total)
    }
}
