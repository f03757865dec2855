//! Databases of PostgreSQL servers, and how tests connect to them: as the superuser `postgres`, through a Unix socket.

use std::{path::PathBuf, thread};

use sqlx::{
    AssertSqlSafe, Connection as _, Decode, PgConnection, Postgres, Type,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::runtime;

use crate::support::poll::within;

/// Where the tests connect: a Unix socket, which PostgreSQL names by the port.
#[derive(Clone)]
pub(super) struct Socket {
    pub folder: PathBuf,
    pub port: u16,
}

/// A database of a server. On the shared server, one that was created is dropped with this.
pub struct PostgresDatabase {
    pub(super) name: String,
    pub(super) socket: Socket,
    pub(super) is_temporary: bool,
}

impl PostgresDatabase {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address for the role `callgate`.
    pub fn url(&self) -> String {
        self.url_at("127.0.0.1", self.socket.port)
    }

    /// Its address at another host name or through a proxy.
    pub fn url_at(&self, host: &str, port: u16) -> String {
        format!("postgres://callgate@{host}:{port}/{}", self.name)
    }

    /// A connection as the superuser.
    pub async fn connect(&self) -> PgConnection {
        self.socket.connect(&self.name).await
    }

    /// Executes a statement as the superuser. Returns the number of changed rows.
    pub async fn execute(&self, statement: &str) -> u64 {
        self.socket.execute(&self.name, statement).await
    }

    pub async fn number(&self, query: &str) -> i64 {
        self.socket.value(&self.name, query).await
    }

    pub async fn text(&self, query: &str) -> String {
        self.socket.value(&self.name, query).await
    }

    /// Ends all connections to it. Returns how many there were.
    pub async fn terminate_backends(&self) -> i64 {
        self.number(
            "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
             WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )
        .await
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if !self.is_temporary {
            return;
        }
        let socket = self.socket.clone();
        let statement = format!(r#"DROP DATABASE "{}" WITH (FORCE)"#, self.name);
        // On a thread, because a drop cannot wait in the runtime of the test.
        let dropped = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(socket.execute("postgres", &statement));
        });
        // A failure has been printed, and the test that uses the database has an error of its own then.
        let _ = dropped.join();
    }
}

impl Socket {
    pub async fn try_connect(&self, database: &str) -> sqlx::Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.folder)
            .port(self.port)
            .username("postgres")
            .database(database)
            .ssl_mode(PgSslMode::Disable);
        PgConnection::connect_with(&options).await
    }

    async fn connect(&self, database: &str) -> PgConnection {
        let connection = within("a connection", self.try_connect(database)).await;
        connection.expect("a connection")
    }

    pub async fn execute(&self, database: &str, statement: &str) -> u64 {
        let mut connection = self.connect(database).await;
        let query = sqlx::query(AssertSqlSafe(statement.to_owned()));
        let result = within("a statement", query.execute(&mut connection)).await;
        connection.close().await.unwrap();
        result.unwrap().rows_affected()
    }

    pub async fn value<T>(&self, database: &str, query: &str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let mut connection = self.connect(database).await;
        let query = sqlx::query_scalar(AssertSqlSafe(query.to_owned()));
        let result = within("a query", query.fetch_one(&mut connection)).await;
        connection.close().await.unwrap();
        result.unwrap()
    }
}
