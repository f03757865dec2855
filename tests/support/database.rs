//! Access to the database, beside the server.

use std::{path::Path, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, Decode, PgConnection, Postgres, Sqlite, SqliteConnection, Type,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

pub enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    /// Opens the file of a running or stopped server.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let connection = SqliteConnection::connect_with(&options).await;
        Self::Sqlite(connection.expect("the database opens"))
    }

    /// Connects to a PostgreSQL database.
    pub async fn connect(url: &str) -> Self {
        let connection = PgConnection::connect(url).await;
        Self::Postgres(connection.expect("the database answers"))
    }

    /// Closes it and waits until nothing holds the file, which a drop does not.
    pub async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
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

    async fn value<T>(&mut self, query: &str) -> T
    where
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_one(connection).await.unwrap(),
        }
    }

    async fn texts(&mut self, query: String) -> Vec<String> {
        let query = AssertSqlSafe(query);
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
        }
    }

    /// Every value of every table: the table, the column, and the value as SQL writes it.
    pub async fn values(&mut self) -> Vec<(String, String, String)> {
        let columns = match self {
            Self::Sqlite(_) => {
                "SELECT tables.name || ' ' || columns.name
                 FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' ORDER BY tables.name, columns.cid"
            }
            Self::Postgres(_) => {
                "SELECT table_name || ' ' || column_name FROM information_schema.columns NATURAL JOIN
                   information_schema.tables
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position"
            }
        };
        let mut values = Vec::new();
        for name in self.texts(columns.to_owned()).await {
            let (table, column) = name.split_once(' ').expect("two names");
            let query = match self {
                Self::Sqlite(_) => format!(r#"SELECT quote("{column}") FROM "{table}" ORDER BY 1"#),
                Self::Postgres(_) => format!(r#"SELECT quote_nullable("{column}"::text) FROM "{table}" ORDER BY 1"#),
            };
            for value in self.texts(query).await {
                values.push((table.to_owned(), column.to_owned(), value));
            }
        }
        values
    }

    /// The same without what every request may change: the last use of a session, the call log and the audit log; and without
    /// what nodes report.
    pub async fn state(&mut self) -> Vec<(String, String, String)> {
        let mut values = self.values().await;
        let others = ["calls", "counters", "events", "leases", "nodes", "sqlite_sequence"];
        values.retain(|(table, column, _)| column != "last_used_at" && !others.contains(&table.as_str()));
        values
    }

    /// Executes a statement. Returns the number of changed rows.
    pub async fn change(&mut self, statement: &str) -> u64 {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        match self {
            Self::Sqlite(connection) => statement.execute(connection).await.unwrap().rows_affected(),
            Self::Postgres(connection) => statement.execute(connection).await.unwrap().rows_affected(),
        }
    }

    /// Sets the last use of all sessions back by `seconds`. Returns the number of sessions.
    pub async fn rest_sessions(&mut self, seconds: i64) -> u64 {
        let milliseconds = seconds * 1000;
        let rest = format!("UPDATE sessions SET last_used_at = last_used_at - {milliseconds}");
        self.change(&rest).await
    }

    /// Moves the time of the last password check by `seconds`, in all sessions of a user that have one. Returns the number of
    /// sessions.
    pub async fn move_password_check(&mut self, user: &str, seconds: i64) -> u64 {
        let milliseconds = seconds * 1000;
        let change = match self {
            Self::Sqlite(_) => format!(
                "UPDATE sessions SET data = json_set(data, '$.login.password_at',
                   json_extract(data, '$.login.password_at') + {milliseconds})
                 WHERE user_id = '{user}' AND json_extract(data, '$.login.password_at') IS NOT NULL"
            ),
            Self::Postgres(_) => format!(
                "UPDATE sessions SET data = jsonb_set(data::jsonb, '{{login,password_at}}',
                   to_jsonb((data::jsonb #>> '{{login,password_at}}')::bigint + {milliseconds}))::text
                 WHERE user_id = '{user}' AND data::jsonb #>> '{{login,password_at}}' IS NOT NULL"
            ),
        };
        self.change(&change).await
    }
}
