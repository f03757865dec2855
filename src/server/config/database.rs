//! The settings of the database.

use std::{fmt, path::PathBuf};

use anyhow::ensure;
use confique::Config;
use serde::Deserialize;

use super::{
    numbers::{Count, Millis},
    variables::not_empty,
};

/// The longest time that `trust_ms` allows, in milliseconds.
const MAX_TRUST_MS: u64 = 1000;

/// The database.
#[derive(Debug, Clone, Config)]
#[config(layer_attr(serde(deny_unknown_fields)))]
pub struct Database {
    /// PostgreSQL instead of SQLite, for several nodes on one database: `postgres://user:password@host:5432/database`.
    /// Several hosts of one cluster are separated by commas; the first that accepts writes is used. TLS is always used
    /// and verified, except for a loopback address and a Unix socket (`postgres://user@/database?host=/run/postgresql`).
    /// Default: SQLite, in the folder data.
    #[config(env = "CALLGATE_DATABASE_URL", parse_env = not_empty)]
    pub url: Option<DatabaseUrl>,

    /// A file that contains the url, instead of database.url.
    #[config(env = "CALLGATE_DATABASE_URL_FILE", parse_env = not_empty)]
    pub url_file: Option<PathBuf>,

    /// The certificate authority of the server, a PEM file, in addition to the public ones.
    #[config(env = "CALLGATE_DATABASE_CA_FILE", parse_env = not_empty)]
    pub ca_file: Option<PathBuf>,

    /// The client certificate for the server, a PEM file. Requires `database.key_file`.
    #[config(env = "CALLGATE_DATABASE_CERTIFICATE_FILE", parse_env = not_empty)]
    pub certificate_file: Option<PathBuf>,

    /// The private key of `database.certificate_file`, a PEM file.
    #[config(env = "CALLGATE_DATABASE_KEY_FILE", parse_env = not_empty)]
    pub key_file: Option<PathBuf>,

    /// Number of connections for reading. Each node uses these, those for writing, and two more.
    #[config(env = "CALLGATE_DATABASE_READ_CONNECTIONS", default = 8)]
    pub read_connections: Count<usize>,

    /// Number of connections for writing.
    #[config(env = "CALLGATE_DATABASE_WRITE_CONNECTIONS", default = 3)]
    pub write_connections: Count<usize>,

    /// Timeout of a statement, in milliseconds.
    #[config(env = "CALLGATE_DATABASE_STATEMENT_MS", default = 3000)]
    pub statement_ms: Millis,

    /// How long a node may let calls in without asking the database whether a session was ended or a role taken at
    /// another node, in milliseconds, at most 1000. 0 asks for every call: many calls share one question, and a
    /// change is in force at the very next call.
    #[config(env = "CALLGATE_DATABASE_TRUST_MS", default = 0)]
    pub trust_ms: Millis,

    /// Name of this node, for `callgate node list`. Default: the name of the machine.
    #[config(env = "CALLGATE_DATABASE_NODE", parse_env = not_empty)]
    pub node: Option<String>,

    /// When the schema is migrated: "start" of the server, or "never"; then run `callgate data migrate`.
    #[config(env = "CALLGATE_DATABASE_MIGRATE", default = "start")]
    pub migrate: Migrate,
}

impl Database {
    /// Whether the database is PostgreSQL, which several nodes can share.
    pub fn is_shared(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }

    /// Rejects contradictions.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.url.is_none() || self.url_file.is_none(),
            "database.url and database.url_file must not be set together"
        );
        ensure!(
            self.certificate_file.is_some() == self.key_file.is_some(),
            "database.certificate_file and database.key_file must be set together: set both, or neither"
        );
        ensure!(
            self.trust_ms.duration().as_millis() <= u128::from(MAX_TRUST_MS),
            "database.trust_ms must be at most {MAX_TRUST_MS}: for that long a session that was ended could be used"
        );
        let statement_ms = self.statement_ms.duration().as_millis();
        ensure!(
            (100..=60_000).contains(&statement_ms),
            "database.statement_ms must be from 100 to 60000"
        );
        Ok(())
    }
}

/// The address of a database. `Debug` does not print it, because it can contain a password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// When the schema is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Migrate {
    /// At the start of the server.
    Start,
    /// Only by `callgate data migrate`.
    Never,
}
