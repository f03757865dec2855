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

    /// The first column of all rows.
    pub async fn texts(&mut self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(query).fetch_all(connection).await.unwrap(),
        }
    }

    /// Every value of every table: the table, the column, and the value as SQLite writes it: text in quotes, bytes as `X'…'`.
    pub async fn values(&mut self) -> Vec<(String, String, String)> {
        let columns = match self {
            Self::Sqlite(_) => {
                "SELECT tables.name || ' ' || columns.name || ' ' || columns.type
                 FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' ORDER BY tables.name, columns.cid"
            }
            Self::Postgres(_) => {
                "SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns NATURAL JOIN
                   information_schema.tables
                 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position"
            }
        };
        let mut values = Vec::new();
        for column in self.texts(columns).await {
            let [table, column, kind] = column.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                panic!("a table, a column and a type, not {column}");
            };
            let value = match (&*self, kind) {
                (Self::Sqlite(_), _) => format!(r#"quote("{column}")"#),
                (Self::Postgres(_), "bytea") => format!(r#"'X''' || upper(encode("{column}", 'hex')) || ''''"#),
                (Self::Postgres(_), "text") => format!(r#"'''' || replace("{column}", '''', '''''') || ''''"#),
                (Self::Postgres(_), _) => format!(r#""{column}"::text"#),
            };
            let query = format!(r#"SELECT coalesce({value}, 'NULL') FROM "{table}" ORDER BY 1"#);
            for value in self.texts(&query).await {
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
        self.try_change(statement).await.unwrap()
    }

    /// Executes a statement that may fail.
    pub async fn try_change(&mut self, statement: &str) -> sqlx::Result<u64> {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        Ok(match self {
            Self::Sqlite(connection) => statement.execute(connection).await?.rows_affected(),
            Self::Postgres(connection) => statement.execute(connection).await?.rows_affected(),
        })
    }

    /// Begins a transaction in which only this connection can change anything, apart from what nodes report, and others can
    /// read. It lasts until `COMMIT` or `ROLLBACK`.
    pub async fn lock(&mut self) {
        if let Self::Sqlite(_) = self {
            self.change("BEGIN IMMEDIATE").await;
            return;
        }
        // First those two that transactions of the program lock before other tables.
        let tables =
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('leases', 'nodes')
                      ORDER BY tablename <> 'write_lock', tablename <> 'counters', tablename";
        let tables = self.texts(tables).await.join(", ");
        let lock = format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE");
        self.change(&lock).await;
    }

    /// From now on, executes a statement before each change of a row. The change is `DELETE ON users` or the like, and the
    /// statement can use the row as `old`. There can be one such statement at a time.
    pub async fn execute_before(&mut self, change: &str, statement: &str) {
        self.execute_no_more().await;
        let trigger = match self {
            Self::Sqlite(_) => format!("CREATE TRIGGER of_test BEFORE {change} BEGIN {statement}; END"),
            Self::Postgres(_) => format!(
                "CREATE FUNCTION of_test() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN
                     {statement};
                     IF TG_OP = 'DELETE' THEN
                         RETURN OLD;
                     END IF;
                     RETURN NEW;
                 END
                 $$;
                 CREATE TRIGGER of_test BEFORE {change} FOR EACH ROW EXECUTE FUNCTION of_test()"
            ),
        };
        self.change(&trigger).await;
    }

    /// From now on, fails each change of a row: `INSERT ON users` or the like.
    pub async fn refuse(&mut self, change: &str) {
        let raise = match self {
            Self::Sqlite(_) => "SELECT RAISE(ABORT, 'refused')",
            Self::Postgres(_) => "RAISE EXCEPTION 'refused'",
        };
        self.execute_before(change, raise).await;
    }

    /// Ends the effect of `execute_before` or `refuse`.
    pub async fn execute_no_more(&mut self) {
        let drop = match self {
            Self::Sqlite(_) => "DROP TRIGGER IF EXISTS of_test",
            Self::Postgres(_) => "DROP FUNCTION IF EXISTS of_test CASCADE",
        };
        self.change(drop).await;
    }

    /// An expression for 32 bytes that are random in each row.
    pub fn random_bytes(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "randomblob(32)",
            Self::Postgres(_) => "(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))",
        }
    }

    /// Reserves ids for rows of `events` or `calls`, as the program does. Returns the first one.
    pub async fn reserve_ids(&mut self, table: &str, count: u32) -> i64 {
        let reserve =
            format!("UPDATE counters SET value = value + {count} WHERE name = '{table}' RETURNING value - {count} + 1");
        self.number(&reserve).await
    }

    /// Fails if the database is damaged, or has rows that refer to missing ones. PostgreSQL itself prevents the latter, and no
    /// end of a client damages it.
    pub async fn assert_intact(&mut self) {
        if let Self::Sqlite(_) = self {
            assert_eq!(self.text("PRAGMA integrity_check").await, "ok");
            assert_eq!(self.count("pragma_foreign_key_check").await, 0);
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

    /// Sets the time of all logins back by `seconds`. Returns the number of sessions.
    pub async fn age_logins(&mut self, seconds: i64) -> u64 {
        let milliseconds = seconds * 1000;
        let data = match self {
            Self::Sqlite(_) => format!("json_set(data, '$.login.at', logged_in_at - {milliseconds})"),
            Self::Postgres(_) => {
                format!("jsonb_set(data::jsonb, '{{login,at}}', to_jsonb(logged_in_at - {milliseconds}))::text")
            }
        };
        let age = format!("UPDATE sessions SET logged_in_at = logged_in_at - {milliseconds}, data = {data}");
        self.change(&age).await
    }
}

/// What a value of `Database::values` consists of: the bytes, or the text without its quotes.
pub fn content(value: &str) -> Vec<u8> {
    let Some(digits) = value.strip_prefix("X'") else {
        return value.trim_matches('\'').replace("''", "'").into_bytes();
    };
    let pairs = digits.trim_end_matches('\'').as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
