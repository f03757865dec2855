//! Deletes many rows in batches, so that other writers wait for one batch at most.

use super::{
    Storage,
    database::{errors::database_error, query::QueryBuilder},
};
use crate::server::telemetry::error::InternalError;

const BATCH_SIZE: u32 = 500;

/// Rows to delete.
pub(super) struct Rows {
    pub table: &'static str,
    /// The columns of the primary key.
    pub key: &'static str,
    /// The SQL condition of the `WHERE` clause.
    pub condition: &'static str,
    /// Whether guards depend on the table; see [`Storage::execute_locked`].
    pub locked: bool,
}

impl Storage {
    /// Deletes rows and returns their number. `values` are the parameters of the condition.
    pub(super) async fn delete_in_batches(
        &self,
        context: &'static str,
        rows: Rows,
        values: &[i64],
    ) -> Result<u64, InternalError> {
        let Rows {
            table,
            key,
            condition,
            locked,
        } = rows;
        let with_values = |text: String| {
            let mut query = QueryBuilder::new(text);
            for value in values {
                query.bind(*value);
            }
            query
        };
        // This statement needs no write lock.
        let exists = with_values(format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {condition})"));
        let (mut has_more,): (bool,) = exists
            .build()
            .fetch_one(&self.reader)
            .await
            .map_err(database_error(context))?;
        let delete = with_values(format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT {BATCH_SIZE})"
        ));
        let delete = delete.build();
        let mut total = 0;
        while has_more {
            let deleted = if locked {
                self.execute_locked(context, &delete).await?
            } else {
                self.execute(context, delete.clone()).await?
            };
            total += deleted;
            has_more = deleted == u64::from(BATCH_SIZE);
        }
        Ok(total)
    }
}
