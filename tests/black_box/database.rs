//! A look into the database file, beside the server.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use std::time::Duration;

/// The database of a server.
pub struct Database(SqliteConnection);

impl Database {
    /// Opens the file of a running or stopped server.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        Self(
            SqliteConnection::connect_with(&options)
                .await
                .expect("the database opens"),
        )
    }

    /// How many rows a table has.
    pub async fn count(&mut self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// A number.
    pub async fn number(&mut self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.0)
            .await
            .unwrap()
    }

    /// A text.
    pub async fn text(&mut self, query: &str) -> String {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&mut self.0)
            .await
            .unwrap()
    }

    /// Changes something. Gives the number of rows that it changed.
    pub async fn change(&mut self, statement: &str) -> u64 {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut self.0)
            .await
            .unwrap()
            .rows_affected()
    }
}
