//! The numbers behind the charts of calls and logins.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};

use crate::{
    contract::{
        TimeZone,
        audit::{Bucket, CallCounts, FunctionStats, LoginCounts, OutcomeKind, Period},
    },
    server::{
        model::clock::Timestamp,
        storage::{
            Storage,
            call_stats::{CallFilter, QUARTER, TimeRange},
        },
        telemetry::error::InternalError,
    },
};

/// In milliseconds.
const HOUR: i64 = 3_600_000;
/// In milliseconds.
const DAY: i64 = 24 * HOUR;

/// The hours or days of a chart.
#[derive(Debug)]
pub struct Axis {
    period: Period,
    zone: TimeZone,
    range: TimeRange,
}

impl Axis {
    /// The latest hours or days in a time zone, the current one included. An hour that a clock shows twice is one.
    pub fn until(now: Timestamp, period: Period, zone: TimeZone) -> Self {
        let present = zone.at(jiff::Timestamp::from_millisecond(now.0).unwrap_or_default());
        let quarter = now.0.div_euclid(QUARTER);
        let hour = (quarter - i64::from(present.minute()) / 15) * QUARTER;
        let since = match period {
            Period::Hour => hour - 23 * HOUR,
            Period::Day => {
                let first = present.date().saturating_sub(29.days());
                zone.start_of(first)
                    .map_or(hour - 29 * DAY, jiff::Timestamp::as_millisecond)
            }
        };
        Self {
            period,
            zone,
            range: TimeRange {
                since: Timestamp(since),
                until: Timestamp(hour + HOUR),
            },
        }
    }

    /// The day of a quarter of an hour, and its hour if hours are counted.
    fn label(&self, quarter: i64) -> (Date, Option<i8>) {
        let start = jiff::Timestamp::from_millisecond(quarter * QUARTER).unwrap_or_default();
        let start = self.zone.at(start);
        (start.date(), (self.period == Period::Hour).then(|| start.hour()))
    }

    /// All hours or days with their numbers.
    fn fill(&self, counted: Vec<(i64, OutcomeKind, i64)>) -> Vec<Bucket> {
        let quarters = self.range.since.0 / QUARTER..self.range.until.0 / QUARTER;
        let mut buckets: BTreeMap<_, Numbers> = quarters
            .map(|quarter| (self.label(quarter), Numbers::default()))
            .collect();
        for (quarter, kind, count) in counted {
            buckets.entry(self.label(quarter)).or_default().add(kind, count);
        }
        let bucket = |((day, hour), Numbers { good, refused, failed })| Bucket {
            day,
            hour,
            good,
            refused,
            failed,
        };
        buckets.into_iter().map(bucket).collect()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    good: u64,
    refused: u64,
    failed: u64,
}

impl Numbers {
    fn add(&mut self, kind: OutcomeKind, count: i64) {
        let number = match kind {
            OutcomeKind::Good => &mut self.good,
            OutcomeKind::Refused => &mut self.refused,
            OutcomeKind::Failed => &mut self.failed,
        };
        *number = number.saturating_add(u64::try_from(count).unwrap_or_default());
    }
}

pub async fn calls(
    storage: &Storage,
    axis: &Axis,
    user: Option<&str>,
    function: Option<&str>,
) -> Result<CallCounts, InternalError> {
    let filter = CallFilter {
        range: axis.range,
        user,
        function,
    };
    let by_time = storage.count_calls(&filter).await?;
    let by_time = by_time
        .into_iter()
        .map(|(number, outcome, count)| (number, OutcomeKind::of(&outcome), count));
    let mut by_function: BTreeMap<String, Numbers> = BTreeMap::new();
    for (function, outcome, count) in storage.count_calls_of_functions(&filter).await? {
        let numbers = by_function.entry(function).or_default();
        numbers.add(OutcomeKind::of(&outcome), count);
    }
    let medians: BTreeMap<String, i64> = storage.median_durations(&filter).await?.into_iter().collect();
    let functions = by_function.into_iter().map(|(function, numbers)| FunctionStats {
        good: numbers.good,
        refused: numbers.refused,
        failed: numbers.failed,
        median_us: medians.get(&function).and_then(|&median| u64::try_from(median).ok()),
        function,
    });
    Ok(CallCounts {
        buckets: axis.fill(by_time.collect()),
        functions: functions.collect(),
    })
}

pub async fn logins(storage: &Storage, axis: &Axis) -> Result<LoginCounts, InternalError> {
    let counted = storage.count_logins(axis.range).await?;
    let counted = counted
        .into_iter()
        .map(|(number, outcome, count)| (number, OutcomeKind::of(&outcome), count));
    Ok(LoginCounts {
        buckets: axis.fill(counted.collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{audit::buffer::tests::call, model::call_record::CallRecord};

    /// 2026-03-01 00:30 UTC, which is 09:30 in Seoul.
    const NOW: Timestamp = Timestamp(1_772_325_000_000);
    const MINUTE: i64 = 60_000;

    fn label(bucket: &Bucket) -> String {
        format!("{} {:?}", bucket.day, bucket.hour)
    }

    #[test]
    fn hours_and_days_are_those_of_the_place() {
        for (period, zone, count, first, last) in [
            (Period::Hour, "UTC", 24, "2026-02-28 Some(1)", "2026-03-01 Some(0)"),
            (
                Period::Hour,
                "Asia/Seoul",
                24,
                "2026-02-28 Some(10)",
                "2026-03-01 Some(9)",
            ),
            (
                Period::Day,
                "Atlantic/Cape_Verde",
                30,
                "2026-01-30 None",
                "2026-02-28 None",
            ),
            (Period::Day, "Asia/Seoul", 30, "2026-01-31 None", "2026-03-01 None"),
        ] {
            let filled = Axis::until(NOW, period, zone.parse().unwrap()).fill(Vec::new());
            assert_eq!(filled.len(), count);
            assert_eq!(
                (label(&filled[0]), label(&filled[count - 1])),
                (first.into(), last.into())
            );
        }
    }

    #[test]
    fn a_call_is_counted_in_the_hour_and_the_day_that_the_clock_showed() {
        // Clocks in Berlin were put forward on 2026-03-29 at 01:00 UTC, and are put back on 2026-10-25 at 01:00 UTC.
        let hours = |now: &str, period, zone: &str, calls: &[&str]| -> Vec<String> {
            let timestamp = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_millisecond();
            let axis = Axis::until(Timestamp(timestamp(now)), period, zone.parse().unwrap());
            let calls = calls
                .iter()
                .map(|time| (timestamp(time) / QUARTER, OutcomeKind::Good, 1));
            let filled = axis.fill(calls.collect());
            filled.iter().filter(|bucket| bucket.good > 0).map(label).collect()
        };
        let (spring, autumn) = ("2026-03-29T12:00Z", "2026-10-25T12:00Z");
        assert_eq!(
            hours(
                spring,
                Period::Hour,
                "Europe/Berlin",
                &["2026-03-29T00:59Z", "2026-03-29T01:00Z"]
            ),
            ["2026-03-29 Some(1)", "2026-03-29 Some(3)"]
        );
        assert_eq!(
            hours(
                autumn,
                Period::Hour,
                "Europe/Berlin",
                &["2026-10-25T00:30Z", "2026-10-25T01:30Z"]
            ),
            ["2026-10-25 Some(2)"]
        );
        assert_eq!(
            hours(
                "2026-04-02T12:00Z",
                Period::Day,
                "Europe/Berlin",
                &["2026-03-27T22:59Z", "2026-03-30T21:59Z"]
            ),
            ["2026-03-27 None", "2026-03-30 None"]
        );
        assert_eq!(
            hours(
                spring,
                Period::Hour,
                "Asia/Kathmandu",
                &["2026-03-29T11:14Z", "2026-03-29T11:15Z"]
            ),
            ["2026-03-29 Some(16)", "2026-03-29 Some(17)"]
        );
    }

    #[tokio::test]
    async fn calls_are_counted_by_time_outcome_and_function_as_often_as_they_stand_for() {
        let storage = Storage::in_memory().await.unwrap();
        let made = |user, minutes_ago, outcome, calls, took_us| CallRecord {
            at: Timestamp(NOW.0 - minutes_ago * MINUTE),
            outcome,
            calls,
            ..call(user, took_us)
        };
        let records = [
            made("alice", 0, "ok", 5, 100),
            made("alice", 29, "ok", 3, 900),
            made("bob", 30, "ok", 1, 300),
            made("bob", 31, "not_logged_in", 1, 7),
            made("bob", 31, "broken_off", 2, 9_000_000),
            made("bob", 24 * 60, "ok", 1, 7),
        ];
        storage
            .add_events(&[], &records.iter().collect::<Vec<_>>())
            .await
            .unwrap();
        let numbers = |bucket: &Bucket| (bucket.good, bucket.refused, bucket.failed);
        let axis = Axis::until(NOW, Period::Hour, TimeZone::UTC);
        let stats = calls(&storage, &axis, None, None).await.unwrap();
        assert_eq!(numbers(&stats.buckets[23]), (9, 0, 0));
        assert_eq!(numbers(&stats.buckets[22]), (0, 1, 2));
        let total: u64 = stats.buckets.iter().map(|bucket| bucket.good).sum();
        assert_eq!(total, 9, "a call of yesterday's same hour is not counted");
        let function = FunctionStats {
            function: "auth_func".to_owned(),
            good: 9,
            refused: 1,
            failed: 2,
            median_us: Some(100),
        };
        assert_eq!(stats.functions, [function]);
        let of_bob = calls(&storage, &axis, Some("bob"), Some("auth_func")).await.unwrap();
        assert_eq!(of_bob.functions[0].median_us, Some(300));
        let by_day = calls(&storage, &Axis::until(NOW, Period::Day, TimeZone::UTC), None, None)
            .await
            .unwrap();
        assert_eq!(numbers(&by_day.buckets[28]), (1, 1, 2));
        let nothing = calls(&storage, &axis, None, Some("other")).await.unwrap();
        assert!(nothing.functions.is_empty());
    }
}
