//! PostgreSQL, for several nodes on one database.
//!
//! Nothing here needs a session of the server: no advisory locks, no `LISTEN`. So poolers in between are possible.

mod address;
pub mod checks;
mod errors;
mod pool;
mod schema;
mod server;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::time::{Instant, sleep};

use self::{address::Address, errors::any_with_hint, pool::Hosts};
pub use self::{
    errors::{is_conflict, is_lock_timeout, is_tls_failure, is_transient, with_hint},
    pool::{Connection, Pool, timed_out},
    schema::migrator,
    server::TIME,
};
use crate::server::{config, storage::database::migrations::OpenFor};

/// How long the start of a server waits for a database that is away.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const START_INTERVAL: Duration = Duration::from_millis(500);

/// Connections for the heartbeat and for reading the log of changes. They must not wait for those of calls.
const BACKGROUND_CONNECTIONS: usize = 2;

/// The timeout of their statements, with the wait for a connection, for which a host that is away may have to be given up.
/// A heartbeat that took longer would prove nothing, and the next one should begin.
const BACKGROUND_STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections for making the schema: one that migrates, and one that holds the lock.
const SCHEMA_CONNECTIONS: usize = 2;

/// An open database.
#[derive(Debug)]
pub struct Database {
    pub reader: Pool,
    pub writer: Pool,
    pub background: Pool,
}

/// The number of connections that one node uses.
pub fn connections_per_node(settings: &config::Database) -> usize {
    settings.read_connections.get() + settings.write_connections.get() + BACKGROUND_CONNECTIONS
}

/// Opens the database at the address in the settings.
pub async fn open(settings: &config::Database, open_for: OpenFor, demo: bool) -> anyhow::Result<Database> {
    let address = Address::of(settings)?;
    ensure!(
        !demo || address.is_local(),
        "demo: the demo users have public passwords, so a demo uses a database on this machine only; database.url names \
         {}",
        address.name()
    );
    let hosts = Arc::new(Hosts::new(&address));
    let statement_timeout = settings.statement_ms.duration();
    let pool = |connections| Pool::new(&hosts, connections, statement_timeout);
    let for_schema = pool(SCHEMA_CONNECTIONS)?;
    let name = address.name();
    wait_until_reachable(&for_schema, open_for)
        .await
        .map_err(any_with_hint)
        .with_context(|| format!("cannot use {name}"))?;
    schema::prepare(&for_schema, &address, settings, open_for)
        .await
        .map_err(any_with_hint)?;
    for_schema.close();
    Ok(Database {
        reader: pool(settings.read_connections.get())?,
        writer: pool(settings.write_connections.get())?,
        background: Pool::new(
            &hosts,
            BACKGROUND_CONNECTIONS,
            statement_timeout.min(BACKGROUND_STATEMENT_TIMEOUT),
        )?,
    })
}

/// The database in the settings, in words and without secrets. An address that cannot be read has no name.
pub fn name(settings: &config::Database) -> String {
    Address::of(settings).map_or_else(|_| "the PostgreSQL database".to_owned(), |address| address.name())
}

/// The number of the newest migration of the database in the settings, or `None` if there are no tables.
pub async fn newest_migration(settings: &config::Database) -> anyhow::Result<Option<i64>> {
    let hosts = Arc::new(Hosts::new(&Address::of(settings)?));
    let pool = Pool::new(&hosts, 1, settings.statement_ms.duration())?;
    let connection = pool.get().await.map_err(with_hint).map_err(anyhow::Error::from_boxed);
    let mut connection = connection.with_context(|| format!("cannot use {}", name(settings)))?;
    let applied = schema::applied(&mut connection).await?;
    Ok(applied.versions.into_iter().max())
}

/// The command that backs up the database in the settings.
pub fn backup_command(settings: &config::Database, file: &Path) -> anyhow::Result<String> {
    let url = Address::of(settings)?.for_clients(settings);
    Ok(format!(
        "pg_dump --format=custom --no-owner --file={} '{url}'",
        file.display()
    ))
}

/// Whether a database that is away may be back soon.
fn may_pass(error: &sqlx::Error) -> bool {
    !is_tls_failure(error) && (is_transient(error) || matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut))
}

/// Checks the server. A server waits a while for one that is away; a command does not.
async fn wait_until_reachable(pool: &Pool, open_for: OpenFor) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    let mut is_first = true;
    loop {
        let error = match pool.get().await {
            Ok(mut connection) => {
                server::check(&mut connection).await?;
                connection.give_back();
                return Ok(());
            }
            Err(error) => error,
        };
        if open_for != OpenFor::Serve || !may_pass(&error) || Instant::now() >= deadline {
            return Err(error.into());
        }
        if is_first {
            tracing::warn!(%error, "the database does not answer; waiting for it for up to 30 seconds");
            is_first = false;
        }
        sleep(START_INTERVAL).await;
    }
}
