//! Checks that the server keeps the promises of Callgate.

use anyhow::ensure;
use sqlx::PgConnection;

/// Selects the clock of the server, in milliseconds since 1970.
pub const TIME: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";

/// PostgreSQL 14: `client_connection_check_interval`.
const OLDEST_VERSION: i32 = 14_00_00;

/// Checks the version and the settings of the server.
pub async fn check(connection: &mut PgConnection) -> anyhow::Result<()> {
    check_version(connection).await?;
    check_commits(connection).await?;
    check_encoding(connection).await
}

pub async fn check_version(connection: &mut PgConnection) -> anyhow::Result<()> {
    let version: i32 = setting(connection, "server_version_num").await?.parse()?;
    ensure!(
        version >= OLDEST_VERSION,
        "the server is older than PostgreSQL {}; upgrade it",
        OLDEST_VERSION / 10_000
    );
    Ok(())
}

/// Checks that a commit that was acknowledged stays.
pub async fn check_commits(connection: &mut PgConnection) -> anyhow::Result<()> {
    ensure!(
        setting(connection, "synchronous_commit").await? != "off",
        "synchronous_commit is off, so a crash of the server could undo a logout; set it to on for the user of \
         database.url: ALTER ROLE user SET synchronous_commit = on"
    );
    Ok(())
}

pub async fn check_encoding(connection: &mut PgConnection) -> anyhow::Result<()> {
    let encoding = setting(connection, "server_encoding").await?;
    ensure!(
        encoding == "UTF8",
        "the encoding of the database is {encoding}; create it with ENCODING 'UTF8'"
    );
    Ok(())
}

/// The value of a setting of the server, as this session has it.
pub async fn setting(connection: &mut PgConnection, name: &str) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(name)
        .fetch_one(connection)
        .await
}
