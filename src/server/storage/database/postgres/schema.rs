//! The schema, made and migrated at the start. Several nodes may start at once.

use std::time::Duration;

use anyhow::{Context as _, bail};
use sqlx::{
    PgConnection, Postgres,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
};
use tokio::time::{Instant, sleep};

use super::{Connection, Pool, address::Address, errors::with_hint};
use crate::server::{
    config,
    storage::database::migrations::{self, Applied, Next, OpenFor},
};

/// How often a node that waits for the lock says so.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
const LOCK_INTERVAL: Duration = Duration::from_millis(200);

/// The migrations. Those that are missing from this program are handled by [`migrations::check`]. The lock of sqlx is not
/// used: it is an advisory lock, which some servers lack and poolers lose.
pub fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.set_ignore_missing(true).set_locking(false);
    migrator
}

/// Makes or migrates the schema, as `open_for` and the settings allow.
pub async fn prepare(
    pool: &Pool,
    address: &Address,
    settings: &config::Database,
    open_for: OpenFor,
) -> anyhow::Result<()> {
    let name = address.name();
    let migrator = migrator();
    let mut connection = pool.get().await?;
    let applied = applied(&mut connection).await?;
    if applied.versions.is_empty() && open_for == OpenFor::Manage {
        bail!("{name} is empty. Start the server first, or run `callgate data migrate`");
    }
    if migrations::check(&migrator, &applied, open_for, settings.migrate, &name)? == Next::Use {
        connection.give_back();
        return Ok(());
    }
    let lock = lock(pool).await?;
    // Another node may have done it meanwhile.
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0")
        .execute(&mut *connection)
        .await?;
    migrator
        // The future of `run` is not `Send` enough.
        .run_direct(None, &mut *connection, false)
        .await
        .map_err(|error| migration_error(error, &name))?;
    if applied.versions.is_empty() {
        tracing::info!("created the tables in {name}");
    }
    drop((connection, lock));
    Ok(())
}

fn migration_error(error: MigrateError, name: &str) -> anyhow::Error {
    let error = match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            anyhow::Error::from_boxed(with_hint(error))
        }
        error => error.into(),
    };
    error.context(format!("cannot migrate {name}"))
}

/// The migrations that a database has. An empty one has none.
pub async fn applied(connection: &mut PgConnection) -> sqlx::Result<Applied> {
    let mut applied = Applied::default();
    if has_table(connection, "_sqlx_migrations").await? {
        applied.versions = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
            .fetch_all(&mut *connection)
            .await?;
    }
    if has_table(connection, "schema_support").await? {
        applied.oldest_program = sqlx::query_scalar("SELECT oldest_program FROM schema_support")
            .fetch_optional(connection)
            .await?;
    }
    Ok(applied)
}

async fn has_table(connection: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar::<Postgres, bool>("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(connection)
        .await
}

/// Waits for the lock that only one node at a time holds while it migrates. The lock is a row that is locked by an open
/// transaction. It ends with the connection that is returned, so a crash frees it.
async fn lock(pool: &Pool) -> anyhow::Result<Connection> {
    let mut logged_at: Option<Instant> = None;
    loop {
        let mut connection = pool.get().await?;
        let error = match try_lock(&mut connection).await {
            Ok(()) => return Ok(connection),
            Err(error) => error,
        };
        let code = error
            .as_database_error()
            .and_then(DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        match code.as_str() {
            // The lock is taken, or another node has created the table at the same time.
            "55P03" | "23505" | "42P07" => {}
            _ => {
                return Err(anyhow::Error::from_boxed(with_hint(error)))
                    .context("cannot lock the database to migrate it");
            }
        }
        if logged_at.is_none_or(|logged_at| logged_at.elapsed() >= LOG_INTERVAL) {
            tracing::info!("another node is migrating the database; waiting for it");
            logged_at = Some(Instant::now());
        }
        sleep(LOCK_INTERVAL).await;
    }
}

async fn try_lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    let table = "CREATE TABLE IF NOT EXISTS migration_lock (singleton BOOLEAN PRIMARY KEY CHECK (singleton));
                 INSERT INTO migration_lock VALUES (TRUE) ON CONFLICT DO NOTHING";
    sqlx::raw_sql(table).execute(&mut *connection).await?;
    // The transaction is idle for as long as the migrations take.
    let lock = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0;
                SELECT singleton FROM migration_lock FOR UPDATE NOWAIT";
    sqlx::raw_sql(lock).execute(connection).await?;
    Ok(())
}
