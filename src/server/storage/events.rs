//! The stored audit trail and the stored call log. Rows are added and, when they are old, removed; never changed.

use std::slice;

use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteConnection};

use super::{Storage, fault, removal::Rows};
use crate::server::{
    model::{call_record::CallRecord, clock::Timestamp, event::Event},
    telemetry::error::InternalError,
};

/// How many rows are added with one statement.
const ROWS_AT_ONCE: usize = 100;

/// An event as stored.
#[derive(Debug, Clone, FromRow)]
pub struct StoredEvent {
    /// Its number, which grows.
    pub id: i64,
    /// When it happened, in milliseconds since 1970.
    pub at: i64,
    /// What was done.
    pub action: String,
    /// How it came out.
    pub outcome: String,
    /// Who did it.
    pub actor: String,
    /// Whom it was done to.
    pub user_id: String,
    /// What else there is to say.
    pub about: String,
    /// Where it came from.
    pub address: String,
    /// The reference of the request.
    pub request_id: String,
}

/// A row of the call log as stored.
#[derive(Debug, Clone, FromRow)]
pub struct StoredCall {
    /// Its number, which grows.
    pub id: i64,
    /// When the first of them was called, in milliseconds since 1970.
    pub at: i64,
    /// The function.
    pub function: String,
    /// Who called.
    pub user_id: String,
    /// How it came out.
    pub outcome: String,
    /// How many calls it stands for.
    pub calls: i64,
    /// How long the longest took, in microseconds.
    pub took_us: i64,
    /// Where it came from.
    pub address: String,
    /// The reference of the request.
    pub request_id: String,
}

/// Which rows to list. What is `None` does not matter.
#[derive(Debug, Clone, Default)]
pub struct EventFilter<'a> {
    /// Whoever did it or whom it was done to; in the call log, whoever called.
    pub user: Option<&'a str>,
    /// Of the audit trail: not what was before a user of that name was deleted. That was somebody else.
    pub only_present_user: bool,
    /// What was done; in the call log, the function.
    pub action: Option<&'a str>,
    /// How it came out.
    pub outcome: Option<&'a str>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Numbers below this one.
    pub before: Option<i64>,
    /// Numbers above this one, the lowest first. Otherwise the highest come first.
    pub after: Option<i64>,
}

impl EventFilter<'_> {
    /// Adds what is the same in both tables, the order, and the limit.
    fn end(&self, query: &mut QueryBuilder<Sqlite>, most: u32) {
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
        query.push(" LIMIT ").push_bind(most);
    }
}

/// Adds an event. Within a transaction, it is there if and only if what it tells of came about.
pub(super) async fn add_event(connection: &mut SqliteConnection, event: &Event) -> Result<(), sqlx::Error> {
    add_events(connection, slice::from_ref(event)).await
}

/// Adds events, many with one statement. It is not kept: there are as many of them as there may be rows.
async fn add_events(connection: &mut SqliteConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    for events in events.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO events (at, action, outcome, actor, user_id, about, address, request_id) ",
        );
        query.push_values(events, |mut row, event| {
            row.push_bind(event.at.0)
                .push_bind(event.action.name())
                .push_bind(event.outcome.name())
                .push_bind(&event.actor)
                .push_bind(&event.user)
                .push_bind(&event.about)
                .push_bind(&event.address)
                .push_bind(&event.request_id);
        });
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Adds calls, in the same way.
async fn add_calls(connection: &mut SqliteConnection, calls: &[&CallRecord]) -> Result<(), sqlx::Error> {
    for calls in calls.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO calls (at, function, user_id, outcome, calls, took_us, address, request_id) ",
        );
        query.push_values(calls, |mut row, call| {
            row.push_bind(call.at.0)
                .push_bind(call.function)
                .push_bind(call.who.user_id())
                .push_bind(call.outcome)
                .push_bind(call.calls)
                .push_bind(call.took_us)
                .push_bind(call.address.map(|address| address.to_string()).unwrap_or_default())
                .push_bind(call.request_id.map(|id| id.to_string()).unwrap_or_default());
        });
        query.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

impl Storage {
    /// Adds events and calls: all of them or none.
    ///
    /// # Errors
    /// A fault of the database; then nothing was added.
    pub async fn add_events(&self, events: &[Event], calls: &[&CallRecord]) -> Result<(), InternalError> {
        let adding = "writing the audit trail and the call log";
        let mut transaction = self.begin(adding).await?;
        self::add_events(&mut transaction, events)
            .await
            .map_err(fault(adding))?;
        add_calls(&mut transaction, calls).await.map_err(fault(adding))?;
        transaction.commit().await.map_err(fault(adding))
    }

    /// At most so many events.
    pub async fn list_events(&self, filter: &EventFilter<'_>, most: u32) -> Result<Vec<StoredEvent>, InternalError> {
        let mut query = QueryBuilder::new(
            "SELECT id, at, action, outcome, actor, user_id, about, address, request_id FROM events WHERE TRUE",
        );
        if let Some(user) = filter.user {
            query.push(" AND (user_id = ").push_bind(user);
            query.push(" OR actor = ").push_bind(user).push(")");
            if filter.only_present_user {
                // By the time as well: what the other one did last may have been written only after that.
                for (column, is_later) in [("id", ">"), ("at", ">=")] {
                    let deleted = "FROM events WHERE action = 'user_deleted' AND user_id = ";
                    query.push(format!(
                        " AND {column} {is_later} COALESCE((SELECT max({column}) {deleted}"
                    ));
                    query.push_bind(user).push("), 0)");
                }
            }
        }
        if let Some(action) = filter.action {
            // Of a user there are few events and of an action many: the index of the users is to be taken.
            let column = if filter.user.is_some() {
                "action || ''"
            } else {
                "action"
            };
            query.push(format!(" AND {column} = ")).push_bind(action);
        }
        filter.end(&mut query, most);
        query
            .build_query_as()
            .fetch_all(&self.reader)
            .await
            .map_err(fault("listing events"))
    }

    /// At most so many rows of the call log.
    pub async fn list_calls(&self, filter: &EventFilter<'_>, most: u32) -> Result<Vec<StoredCall>, InternalError> {
        let mut query = QueryBuilder::new(
            "SELECT id, at, function, user_id, outcome, calls, took_us, address, request_id FROM calls WHERE TRUE",
        );
        if let Some(user) = filter.user {
            query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(function) = filter.action {
            query.push(" AND function = ").push_bind(function);
        }
        filter.end(&mut query, most);
        query
            .build_query_as()
            .fetch_all(&self.reader)
            .await
            .map_err(fault("listing calls"))
    }

    /// Removes the events and calls from before that moment, and the oldest calls beyond so many. No more than half of those
    /// that stay are of nobody in particular: how many of them come is up to strangers. Gives their number.
    pub async fn sweep_events(&self, before: Timestamp, most_calls: u32) -> Result<u64, InternalError> {
        let rows = |table, which| Rows {
            table,
            key: "id",
            which,
        };
        let old = "at < $1";
        let values = [before.0];
        let mut gone = self.remove("sweeping old events", rows("events", old), &values).await?;
        gone += self.remove("sweeping old calls", rows("calls", old), &values).await?;
        // Both are looked up in an index alone.
        let of_nobody = "SELECT id FROM calls WHERE user_id = '' ORDER BY id DESC LIMIT 1 OFFSET $1";
        let of_all = "SELECT at FROM calls ORDER BY at DESC LIMIT 1 OFFSET $1";
        for (last, most, which) in [
            (of_nobody, most_calls / 2, "user_id = '' AND id <= $1"),
            (of_all, most_calls, old),
        ] {
            let doing = "sweeping calls beyond the limit";
            let last: Option<i64> = sqlx::query_scalar(last)
                .bind(i64::from(most))
                .fetch_optional(&self.reader)
                .await
                .map_err(fault(doing))?;
            if let Some(last) = last {
                gone += self.remove(doing, rows("calls", which), &[last]).await?;
            }
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::buffer::tests::call;

    #[tokio::test]
    async fn strangers_push_out_no_calls_but_those_of_strangers() {
        let storage = Storage::in_memory().await.unwrap();
        let whose = async || {
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
        assert_eq!(whose().await, (4, 5));
        add("alice", 60..70).await;
        assert_eq!(storage.sweep_events(Timestamp(0), 10).await.unwrap(), 8);
        assert_eq!(whose().await, (10, 1));
        assert_eq!(storage.sweep_events(Timestamp(65), 10).await.unwrap(), 6);
        assert_eq!(whose().await, (5, 0));
    }
}
