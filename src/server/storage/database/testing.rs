//! PostgreSQL databases for unit tests. The server is the one that `tools/unit.sh` starts and names in the variable
//! `TEST_POSTGRES` as "PORT FOLDER".

use std::{
    env, fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    migrations::OpenFor,
    open::{self, Opened},
    postgres,
};
use crate::server::config::{Database, DatabaseUrl, Settings};

/// Whether the tests run on PostgreSQL.
pub fn is_postgres() -> bool {
    env::var("TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

/// Opens an empty database with all tables. It is dropped when another process needs one.
pub async fn open() -> anyhow::Result<Opened> {
    open_as(&create().await?).await
}

/// Creates an empty database with all tables and returns its name.
pub async fn create() -> anyhow::Result<String> {
    static CREATED: AtomicU32 = AtomicU32::new(0);
    let mut connection = connect("postgres").await?;
    drop_abandoned(&mut connection).await?;
    let template = template(&mut connection).await?;
    let number = CREATED.fetch_add(1, Ordering::Relaxed);
    let name = format!("unit_{}_{number}", process::id());
    execute(
        &mut connection,
        format!("CREATE DATABASE {name} OWNER callgate TEMPLATE {template}"),
    )
    .await?;
    Ok(name)
}

/// A connection to a database as the superuser.
pub async fn connect(database: &str) -> anyhow::Result<PgConnection> {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(port()?)
        .username("postgres")
        .database(database);
    Ok(PgConnection::connect_with(&options).await?)
}

fn port() -> anyhow::Result<u16> {
    let named = env::var("TEST_POSTGRES").context("TEST_POSTGRES is not set: run the unit tests with tools/unit.sh")?;
    let (port, _) = named.split_once(' ').context("TEST_POSTGRES is \"PORT FOLDER\"")?;
    Ok(port.parse()?)
}

async fn open_as(name: &str) -> anyhow::Result<Opened> {
    let url = format!("postgres://callgate@127.0.0.1:{}/{name}", port()?);
    let settings = Database {
        url: Some(DatabaseUrl::from(url)),
        ..Settings::defaults()?.database
    };
    open::open(Path::new(""), &settings, OpenFor::Serve, false).await
}

async fn execute(connection: &mut PgConnection, statement: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

/// Drops the databases of processes that have ended.
async fn drop_abandoned(connection: &mut PgConnection) -> sqlx::Result<()> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname::TEXT FROM pg_database WHERE datname ~ '^unit_[0-9]+_[0-9]+$'")
            .fetch_all(&mut *connection)
            .await?;
    let has_ended = |name: &String| {
        let process = name.split('_').nth(1).unwrap_or_default();
        !fs::exists(format!("/proc/{process}")).unwrap_or(true)
    };
    for name in names.into_iter().filter(has_ended) {
        // Another process may be dropping it.
        let _ = execute(connection, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
    Ok(())
}

/// The name of the database that is copied, which is created at first use. It depends on the migrations, so that a server that
/// outlives a build has no outdated one.
async fn template(connection: &mut PgConnection) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    for migration in postgres::migrator().iter() {
        migration.checksum.hash(&mut hasher);
    }
    let template = format!("unit_template_{:016x}", hasher.finish());
    // Tests of several processes begin at the same time.
    execute(connection, "SELECT pg_advisory_lock(1)".to_owned()).await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
        .bind(&template)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        // Under another name first, because the migrations may fail.
        let new = format!("unit_{}_template", process::id());
        execute(connection, format!("DROP DATABASE IF EXISTS {new}")).await?;
        execute(connection, format!("CREATE DATABASE {new} OWNER callgate")).await?;
        drop(open_as(&new).await?);
        let disconnect =
            format!("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = '{new}'");
        execute(connection, disconnect).await?;
        execute(connection, format!("ALTER DATABASE {new} RENAME TO {template}")).await?;
    }
    execute(connection, "SELECT pg_advisory_unlock(1)".to_owned()).await?;
    Ok(template)
}
