//! Ends the sessions of all users.

use std::slice;

use super::{
    Storage,
    database::{
        query::query_scalar,
        transaction::{Commit, transaction},
    },
    removal::Rows,
};
use crate::server::{model::event::Event, telemetry::error::InternalError};

const CONTEXT: &str = "ending the sessions of all users";

const USERS_PER_STATEMENT: i64 = 500;

/// Remembered browsers come first, because they would make new sessions.
const TABLES: [Rows; 3] = [
    Rows {
        table: "remembered",
        key: "series_hash",
        condition: "TRUE",
        locked: false,
    },
    Rows {
        table: "sessions",
        key: "token_hash",
        condition: "TRUE",
        locked: true,
    },
    Rows {
        table: "kept_calls",
        key: "token_hash",
        condition: "TRUE",
        locked: false,
    },
];

impl Storage {
    /// Deletes all sessions, remembered browsers and pending calls, in batches, and then records the event. If that fails
    /// in the middle, it can be repeated.
    pub async fn end_sessions_of_all_users(&self, event: &Event) -> Result<(), InternalError> {
        let [remembered, sessions, pending_calls] = TABLES;
        self.delete_in_batches(CONTEXT, remembered, &[]).await?;
        self.fail_logins_in_progress().await?;
        self.delete_in_batches(CONTEXT, sessions, &[]).await?;
        self.delete_in_batches(CONTEXT, pending_calls, &[]).await?;
        self.add_events(slice::from_ref(event), &[]).await
    }

    /// A login fails if its user has changed since it began.
    async fn fail_logins_in_progress(&self) -> Result<(), InternalError> {
        let mut last = String::new();
        loop {
            let changed = transaction!(self, CONTEXT, |transaction| {
                let update = query_scalar::<String>(
                    "UPDATE users SET changed_at = changed_at + 1
                     WHERE user_id IN (SELECT user_id FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2)
                     RETURNING user_id",
                );
                let update = update.bind(&last).bind(USERS_PER_STATEMENT);
                Ok(Commit(update.fetch_all(&mut transaction).await?))
            })?;
            let Some(end) = changed.into_iter().max() else {
                return Ok(());
            };
            last = end;
        }
    }
}
