//! Errors of statements.

use super::{postgres, sqlite};
use crate::server::telemetry::error::InternalError;

/// The state of a database forbids what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Whether an error goes away without a restart: by itself, or once the operator has removed its cause.
fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
        error => sqlite::is_transient(error) || postgres::is_transient(error),
    }
}

/// Turns a failed statement into an internal error, marked as unavailable if it is transient. `context` says what was
/// being done.
pub fn database_error(context: &'static str) -> impl Fn(sqlx::Error) -> InternalError {
    move |error| {
        if is_transient(&error) {
            InternalError::unavailable(context, error)
        } else {
            InternalError::new(context, postgres::with_hint(error))
        }
    }
}
