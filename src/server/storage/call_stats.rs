//! Counts of calls and logins, for charts.

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{QueryBuilder, query_as},
    },
};
use crate::server::{model::clock::Timestamp, telemetry::error::InternalError};

/// How many rows of a log are counted, the latest ones. They take about a tenth of a second.
const MAX_ROWS: u32 = 100_000;

/// A quarter of an hour in milliseconds: the differences of all time zones to UTC are multiples of it, so that hours and days
/// of any zone can be summed up from quarters.
pub const QUARTER: i64 = 900_000;

/// From when to when to count.
#[derive(Debug, Clone, Copy)]
pub struct TimeRange {
    /// Inclusive.
    pub since: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

/// Calls to count. `None` matches everything.
#[derive(Debug, Clone, Copy)]
pub struct CallFilter<'a> {
    pub range: TimeRange,
    pub user: Option<&'a str>,
    pub function: Option<&'a str>,
}

impl CallFilter<'_> {
    fn push_rows(&self, query: &mut QueryBuilder) {
        query.push(" FROM (SELECT id, at, function, outcome, calls, took_us FROM calls WHERE at >= ");
        query.push_bind(self.range.since.0);
        query.push(" AND at < ").push_bind(self.range.until.0);
        if let Some(user) = self.user {
            query.push(" AND user_id = ").push_bind(user);
        }
        if let Some(function) = self.function {
            query.push(" AND function = ").push_bind(function);
        }
        query
            .push(" ORDER BY at DESC LIMIT ")
            .push_bind(MAX_ROWS)
            .push(") AS latest");
    }
}

impl Storage {
    /// The numbers of calls by quarter of an hour, counted from 1970, and outcome.
    pub async fn count_calls(&self, filter: &CallFilter<'_>) -> Result<Vec<(i64, String, i64)>, InternalError> {
        let mut query = QueryBuilder::new("SELECT at / ");
        query.push_bind(QUARTER);
        query.push(", outcome, CAST(SUM(calls) AS BIGINT)");
        filter.push_rows(&mut query);
        query.push(" GROUP BY 1, 2");
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("counting calls"))
    }

    /// The numbers of calls by function and outcome.
    pub async fn count_calls_of_functions(
        &self,
        filter: &CallFilter<'_>,
    ) -> Result<Vec<(String, String, i64)>, InternalError> {
        let mut query = QueryBuilder::new("SELECT function, outcome, CAST(SUM(calls) AS BIGINT)");
        filter.push_rows(&mut query);
        query.push(" GROUP BY 1, 2");
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("counting the calls of functions"))
    }

    /// The median duration of the answered calls of each function, in microseconds.
    pub async fn median_durations(&self, filter: &CallFilter<'_>) -> Result<Vec<(String, i64)>, InternalError> {
        // A row can stand for several calls.
        let mut query = QueryBuilder::new(
            "SELECT function, MIN(took_us) FROM (SELECT function, took_us,
               SUM(calls) OVER (PARTITION BY function ORDER BY took_us, id) AS up_to,
               SUM(calls) OVER (PARTITION BY function) AS total",
        );
        filter.push_rows(&mut query);
        query.push(" WHERE outcome = 'ok') AS ranked WHERE up_to * 2 >= total GROUP BY 1");
        query
            .build()
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("finding the durations of calls"))
    }

    /// The numbers of logins by quarter of an hour, counted from 1970, and outcome.
    pub async fn count_logins(&self, range: TimeRange) -> Result<Vec<(i64, String, i64)>, InternalError> {
        query_as(
            "SELECT at / $1, outcome, COUNT(*) FROM
               (SELECT at, outcome FROM events WHERE action = 'login' AND at >= $2 AND at < $3
                ORDER BY at DESC LIMIT $4) AS latest
             GROUP BY 1, 2",
        )
        .bind(QUARTER)
        .bind(range.since.0)
        .bind(range.until.0)
        .bind(MAX_ROWS)
        .fetch_all(&self.reader)
        .await
        .map_err(database_error("counting logins"))
    }
}
