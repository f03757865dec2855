//! The stored audit log and call log. Rows are added and, when they are old, deleted, but never changed.

use std::slice;

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{QueryBuilder, query_scalar},
        transaction::{Commit, Transaction, transaction},
    },
    removal::Rows,
};
use crate::{
    contract::audit::OutcomeKind,
    server::{
        model::{call_record::CallRecord, clock::Timestamp, event::Event},
        telemetry::error::InternalError,
    },
};

const ROWS_PER_STATEMENT: usize = 100;

/// A row of the audit log.
#[derive(Debug, Clone, FromRow)]
pub struct StoredEvent {
    /// Ascending.
    pub id: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    pub action: String,
    pub outcome: String,
    /// The user who acted.
    pub actor: String,
    /// The user affected.
    pub user_id: String,
    /// Details.
    pub about: String,
    /// The client IP.
    pub address: String,
    pub request_id: String,
}

/// A row of the call log, which stands for one or more equal calls.
#[derive(Debug, Clone, FromRow)]
pub struct StoredCall {
    /// Ascending.
    pub id: i64,
    /// The time of the first call, in milliseconds since 1970.
    pub at: i64,
    pub function: String,
    pub user_id: String,
    pub outcome: String,
    /// The number of calls.
    pub calls: i64,
    /// The duration of the longest call, in microseconds.
    pub took_us: i64,
    /// The client IP.
    pub address: String,
    pub request_id: String,
}

/// Selects rows of the audit log or the call log. `None` matches everything.
#[derive(Debug, Clone, Default)]
pub struct EventFilter<'a> {
    /// The user who acted or was affected. In the call log, the caller.
    pub user: Option<&'a str>,
    /// Audit log only: leaves out events from before the last deletion of a user with this name. They concern somebody
    /// else.
    pub only_present_user: bool,
    /// The action. In the call log, the function.
    pub action: Option<&'a str>,
    /// The outcome. In the call log, `refused` and `failed` match all outcomes of that kind.
    pub outcome: Option<&'a str>,
    /// Inclusive.
    pub since: Option<Timestamp>,
    /// Exclusive.
    pub until: Option<Timestamp>,
    /// Only ids below this one.
    pub before: Option<i64>,
    /// Only ids above this one, in ascending order. The default is descending order.
    pub after: Option<i64>,
}

impl EventFilter<'_> {
    /// Appends the conditions that both tables share, the order and the limit.
    fn push_tail(&self, query: &mut QueryBuilder, limit: u32) {
        if let Some(outcome) = self.outcome {
            query.push(" AND outcome = ").push_bind(outcome);
        }
        if let Some(since) = self.since {
            query.push(" AND at >= ").push_bind(since.0);
        }
        if let Some(until) = self.until {
            query.push(" AND at < ").push_bind(until.0);
        }
        if let Some(before) = self.before {
            query.push(" AND id < ").push_bind(before);
        }
        match self.after {
            Some(after) => query.push(" AND id > ").push_bind(after).push(" ORDER BY id"),
            None => query.push(" ORDER BY id DESC"),
        };
        query.push(" LIMIT ").push_bind(limit);
    }
}

/// Adds an event. Called in the transaction of the change that it reports, so that both are stored or neither is, and
/// near its end; see [`reserve_ids`].
pub(super) async fn add_event(transaction: &mut Transaction, event: &Event) -> sqlx::Result<()> {
    add_events(transaction, slice::from_ref(event)).await
}

/// Reserves `count` ids of a table and returns the first one. Until the end of the transaction, others wait for theirs, so
/// ids are in the order of commits: a reader that continues after the last id misses nothing.
async fn reserve_ids(transaction: &mut Transaction, table: &'static str, count: usize) -> sqlx::Result<i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let last = query_scalar::<i64>("UPDATE counters SET value = value + $1 WHERE name = $2 RETURNING value")
        .bind(count)
        .bind(table)
        .fetch_one(transaction)
        .await?;
    Ok(last - count + 1)
}

async fn add_events(transaction: &mut Transaction, events: &[Event]) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut ids = reserve_ids(transaction, "events", events.len()).await?..;
    for events in events.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(
            "INSERT INTO events (id, at, action, outcome, actor, user_id, about, address, request_id) VALUES ",
        );
        query.push_rows(events.iter().zip(&mut ids).map(|(event, id)| {
            [
                id.into(),
                event.at.0.into(),
                event.action.name().into(),
                event.outcome.name().into(),
                (&event.actor).into(),
                (&event.user).into(),
                (&event.about).into(),
                (&event.address).into(),
                (&event.request_id).into(),
            ]
        }));
        query.build().execute(&mut *transaction).await?;
    }
    Ok(())
}

async fn add_calls(transaction: &mut Transaction, calls: &[&CallRecord]) -> sqlx::Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut ids = reserve_ids(transaction, "calls", calls.len()).await?..;
    for calls in calls.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::new(
            "INSERT INTO calls (id, at, function, user_id, outcome, calls, took_us, address, request_id) VALUES ",
        );
        query.push_rows(calls.iter().zip(&mut ids).map(|(call, id)| {
            [
                id.into(),
                call.at.0.into(),
                call.function.into(),
                call.who.user_id().into(),
                call.outcome.into(),
                call.calls.into(),
                call.took_us.into(),
                call.address
                    .map(|address| address.to_string())
                    .unwrap_or_default()
                    .into(),
                call.request_id.map(|id| id.to_string()).unwrap_or_default().into(),
            ]
        }));
        query.build().execute(&mut *transaction).await?;
    }
    Ok(())
}

impl Storage {
    /// Adds events and calls, all or none.
    pub async fn add_events(&self, events: &[Event], calls: &[&CallRecord]) -> Result<(), InternalError> {
        transaction!(concurrent self, "writing the audit log and the call log", |transaction| {
            self::add_events(&mut transaction, events).await?;
            add_calls(&mut transaction, calls).await?;
            Ok(Commit(()))
        })
    }

    /// Up to `limit` events.
    pub async fn list_events(&self, filter: &EventFilter<'_>, limit: u32) -> Result<Vec<StoredEvent>, InternalError> {
        let mut query = QueryBuilder::new(
            "SELECT id, at, action, outcome, actor, user_id, about, address, request_id FROM events WHERE TRUE",
        );
        if let Some(user) = filter.user {
            query.push(" AND (user_id = ").push_bind(user);
            query.push(" OR actor = ").push_bind(user).push(")");
            if filter.only_present_user {
                // Compares times as well as ids: events are buffered, so the last ones of the deleted user may be
                // written after the deletion.
                for (column, operator) in [("id", ">"), ("at", ">=")] {
                    let deleted = "FROM events WHERE action = 'user_deleted' AND user_id = ";
                    query.push(format!(
                        " AND {column} {operator} COALESCE((SELECT max({column}) {deleted}"
                    ));
                    query.push_bind(user).push("), 0)");
                }
            }
        }
        if let Some(action) = filter.action {
            // `action || ''` makes SQLite use the index on users: a user has few events, an action has many.
            let suffix = if filter.user.is_some() { " || ''" } else { "" };
            query.push(format!(" AND action{suffix} = ")).push_bind(action);
        }
        filter.push_tail(&mut query, limit);
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("reading the audit log"))
    }

    /// Up to `limit` rows of the call log.
    pub async fn list_calls(&self, filter: &EventFilter<'_>, limit: u32) -> Result<Vec<StoredCall>, InternalError> {
        let mut query = QueryBuilder::new(
            "SELECT id, at, function, user_id, outcome, calls, took_us, address, request_id FROM calls WHERE TRUE",
        );
        if let Some(user) = filter.user {
            query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(function) = filter.action {
            query.push(" AND function = ").push_bind(function);
        }
        let kind = filter.outcome.and_then(|outcome| outcome.parse().ok());
        let outcome = match kind {
            Some(OutcomeKind::Refused) => {
                let others = ["ok"].into_iter().chain(OutcomeKind::FAILED);
                query.push(" AND outcome NOT IN ").push_list(others);
                None
            }
            Some(OutcomeKind::Failed) => {
                query.push(" AND outcome IN ").push_list(OutcomeKind::FAILED);
                None
            }
            Some(OutcomeKind::Good) | None => filter.outcome,
        };
        EventFilter {
            outcome,
            ..filter.clone()
        }
        .push_tail(&mut query, limit);
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("reading the call log"))
    }

    /// Deletes events and calls older than `before`, and the oldest calls beyond `max_calls`. Calls of anonymous
    /// callers get at most half of that limit, because strangers control how many there are. Returns the number of rows
    /// deleted.
    pub async fn sweep_events(&self, before: Timestamp, max_calls: u32) -> Result<u64, InternalError> {
        let delete = |context, table, condition, value| async move {
            let key = "id";
            let rows = Rows {
                table,
                key,
                condition,
                locked: false,
            };
            self.delete_in_batches(context, rows, &[value]).await
        };
        let old = "at < $1";
        let mut total = delete("sweeping the audit log", "events", old, before.0).await?;
        total += delete("sweeping the call log", "calls", old, before.0).await?;
        // Both queries read only an index.
        let last_anonymous = "SELECT id FROM calls WHERE user_id = '' ORDER BY id DESC LIMIT 1 OFFSET $1";
        let last_of_all = "SELECT at FROM calls ORDER BY at DESC LIMIT 1 OFFSET $1";
        for (statement, limit, condition) in [
            (last_anonymous, max_calls / 2, "user_id = '' AND id <= $1"),
            (last_of_all, max_calls, old),
        ] {
            let context = "trimming the call log";
            let last: Option<i64> = query_scalar(statement)
                .bind(i64::from(limit))
                .fetch_optional(&self.reader)
                .await
                .map_err(database_error(context))?;
            if let Some(last) = last {
                total += delete(context, "calls", condition, last).await?;
            }
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::buffer::tests::call;

    #[tokio::test]
    async fn strangers_push_out_no_calls_but_those_of_strangers() {
        let storage = Storage::in_memory().await.unwrap();
        let counts = async || {
            let calls = storage.list_calls(&EventFilter::default(), 100).await.unwrap();
            let of = |user: &str| calls.iter().filter(|call| call.user_id == user).count();
            (of("alice"), of(""))
        };
        let add = async |user: &str, times: std::ops::Range<i64>| {
            let calls: Vec<_> = times
                .map(|at| CallRecord {
                    at: Timestamp(at),
                    ..call(user, 1)
                })
                .collect();
            storage
                .add_events(&[], &calls.iter().collect::<Vec<_>>())
                .await
                .unwrap();
        };
        add("alice", 10..14).await;
        add("", 14..60).await;
        assert_eq!(storage.sweep_events(Timestamp(0), 10).await.unwrap(), 41);
        assert_eq!(counts().await, (4, 5));
        add("alice", 60..70).await;
        assert_eq!(storage.sweep_events(Timestamp(0), 10).await.unwrap(), 8);
        assert_eq!(counts().await, (10, 1));
        assert_eq!(storage.sweep_events(Timestamp(65), 10).await.unwrap(), 6);
        assert_eq!(counts().await, (5, 0));
    }
}
