//! What the error codes of PostgreSQL mean for a call (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use std::io;

use sqlx::postgres::PgDatabaseError;

/// The SQLSTATE of an error.
fn code(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?;
    Some(error.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Whether a transaction was rolled back because of others, and can be tried again: `serialization_failure` or
/// `deadlock_detected`.
pub fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(code(error), Some("40001" | "40P01"))
}

/// Whether there is no verified TLS to the server. The driver reports a refused certificate as a failure of the connection.
pub fn is_tls_failure(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>()),
        _ => false,
    }
}

/// Whether another session has held a lock for too long: `lock_not_available`.
pub fn is_lock_timeout(error: &sqlx::Error) -> bool {
    code(error) == Some("55P03")
}

/// Whether an error says that the connection has ended. Then others have probably ended as well.
pub fn is_disconnect(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        sqlx::Error::Protocol(_) => true,
        error => matches!(code(error), Some("57P01" | "57P02" | "57P03")),
    }
}

/// Whether an error goes away without a restart.
pub fn is_transient(error: &sqlx::Error) -> bool {
    if let sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed = error {
        // The server went away in the middle of a message.
        return matches!(error, sqlx::Error::Protocol(_));
    }
    let Some(code) = code(error) else { return false };
    // Classes: connection, insufficient resources, transaction rollback.
    let is_passing_class = ["08", "53", "40"].iter().any(|class| code.starts_with(class));
    is_passing_class
        || matches!(
            code,
            // The server shuts down, starts, or ended the connection.
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05"
            // A timeout: of a statement, of a lock, of an idle transaction, of a whole transaction.
            | "57014" | "55P03" | "25P03" | "25P04"
            // The server is read-only, because another one has taken over.
            | "25006"
        )
}

/// An error with what the operator can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{hint}")]
pub struct WithHint {
    hint: &'static str,
    #[source]
    source: sqlx::Error,
}

/// Adds what the operator can do about an error, if that is known.
pub fn with_hint(error: sqlx::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let hint = match code(&error) {
        Some("28P01") => "the server refuses the password in database.url",
        Some("28000") => "the server refuses this user from this machine; see pg_hba.conf on the server",
        Some("3D000") => "there is no such database; create it with: CREATE DATABASE name OWNER user ENCODING 'UTF8'",
        Some("42501") => "the user of database.url lacks a privilege; make it the owner of the database and its tables",
        Some("XX001" | "XX002") => "the database is damaged; restore a backup",
        // A prepared statement exists already, or does not exist.
        Some("42P05" | "26000") => {
            "a pooler in between hands the connections of the database from one client to another; it must use session mode"
        }
        None if is_tls_failure(&error) => {
            "there is no verified TLS to the server; let it have a certificate for the name in database.url, and name its \
             certificate authority in database.ca_file"
        }
        _ => return error.into(),
    };
    WithHint { hint, source: error }.into()
}

/// The same for an error that may come from the database.
pub fn any_with_hint(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<sqlx::Error>() {
        Ok(error) => anyhow::Error::from_boxed(with_hint(error)),
        Err(error) => error,
    }
}
