//! Access to the database file, beside the server.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, Decode, Sqlite, SqliteConnection, Type,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

pub struct Database(SqliteConnection);

impl Database {
    /// Opens the file of a running or stopped server.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let connection = SqliteConnection::connect_with(&options).await;
        Self(connection.expect("the database opens"))
    }

    /// Closes it and waits until nothing holds the file, which a drop does not.
    pub async fn close(self) {
        self.0.close().await.unwrap();
    }

    /// How many rows a table has.
    pub async fn count(&mut self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    pub async fn number(&mut self, query: &str) -> i64 {
        self.value(query).await
    }

    pub async fn text(&mut self, query: &str) -> String {
        self.value(query).await
    }

    async fn value<T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + Send + Unpin>(&mut self, query: &str) -> T {
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        query.fetch_one(&mut self.0).await.unwrap()
    }

    /// Every value of every table: the table, the column, and the value as SQL writes it.
    pub async fn values(&mut self) -> Vec<(String, String, String)> {
        let columns = sqlx::query_as::<_, (String, String)>(
            "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' ORDER BY tables.name, columns.cid",
        )
        .fetch_all(&mut self.0)
        .await
        .unwrap();
        let mut values = Vec::new();
        for (table, column) in columns {
            let query = format!(r#"SELECT quote("{column}") FROM "{table}" ORDER BY 1"#);
            let found = sqlx::query_scalar::<_, String>(AssertSqlSafe(query));
            for value in found.fetch_all(&mut self.0).await.unwrap() {
                values.push((table.clone(), column.clone(), value));
            }
        }
        values
    }

    /// The same without what every request may change: the last use of a session, the call log and the audit log.
    pub async fn state(&mut self) -> Vec<(String, String, String)> {
        let mut values = self.values().await;
        let logs = ["calls", "counters", "events", "sqlite_sequence"];
        values.retain(|(table, column, _)| column != "last_used_at" && !logs.contains(&table.as_str()));
        values
    }

    /// Executes a statement. Returns the number of changed rows.
    pub async fn change(&mut self, statement: &str) -> u64 {
        let statement = sqlx::query(AssertSqlSafe(statement.to_owned()));
        statement.execute(&mut self.0).await.unwrap().rows_affected()
    }

    /// Sets the last use of all sessions back by `seconds`. Returns the number of sessions.
    pub async fn rest_sessions(&mut self, seconds: i64) -> u64 {
        let milliseconds = seconds * 1000;
        let rest = format!("UPDATE sessions SET last_used_at = last_used_at - {milliseconds}");
        self.change(&rest).await
    }
}
