//! Reading the audit log and the call log: page by page, and as JSON lines for export.

use jiff::civil::Date;

use crate::{
    contract::{
        RangedInt, Refusal, TimeZone,
        audit::{CallList, CallView, EventList, EventView},
    },
    message,
    server::{
        model::{clock::Timestamp, paging::page},
        storage::{
            Storage,
            events::{EventFilter, StoredCall, StoredEvent},
        },
        telemetry::error::InternalError,
    },
};

/// How many events an export reads at once.
const BATCH: u32 = 500;

pub fn event(stored: StoredEvent) -> EventView {
    EventView {
        id: stored.id,
        at: Timestamp(stored.at).to_rfc3339(),
        action: stored.action,
        outcome: stored.outcome,
        actor: stored.actor,
        user: stored.user_id,
        about: stored.about,
        address: stored.address,
        request_id: stored.request_id,
    }
}

fn call(stored: StoredCall) -> CallView {
    CallView {
        id: stored.id,
        at: Timestamp(stored.at).to_rfc3339(),
        function: stored.function,
        user: stored.user_id,
        outcome: stored.outcome,
        calls: u64::try_from(stored.calls).unwrap_or_default(),
        took_us: u64::try_from(stored.took_us).unwrap_or_default(),
        address: stored.address,
        request_id: stored.request_id,
    }
}

/// A page of the audit log, latest first.
pub async fn events(storage: &Storage, filter: &EventFilter<'_>, limit: u32) -> Result<EventList, InternalError> {
    let stored = storage.list_events(filter, limit.saturating_add(1)).await?;
    let (stored, next) = page(stored, limit, |event| event.id);
    Ok(EventList {
        events: stored.into_iter().map(event).collect(),
        next,
    })
}

/// A page of the call log, latest first.
pub async fn calls(storage: &Storage, filter: &EventFilter<'_>, limit: u32) -> Result<CallList, InternalError> {
    let stored = storage.list_calls(filter, limit.saturating_add(1)).await?;
    let (stored, next) = page(stored, limit, |call| call.id);
    Ok(CallList {
        calls: stored.into_iter().map(call).collect(),
        next,
    })
}

/// The next lines of an export, earliest first, one JSON object per event, and the id of the last event. No lines at
/// the end.
pub async fn lines(storage: &Storage, filter: &EventFilter<'_>) -> Result<(String, i64), InternalError> {
    let after = filter.after.unwrap_or_default();
    let stored = storage.list_events(filter, BATCH).await?;
    let last = stored.last().map_or(after, |event| event.id);
    let mut lines = String::new();
    for stored in stored {
        let line =
            serde_json::to_string(&event(stored)).map_err(|error| InternalError::new("writing an event", error))?;
        lines.push_str(&line);
        lines.push('\n');
    }
    Ok((lines, last))
}

/// The time zone of that name. Without a name, UTC.
///
/// # Errors
/// [`Refusal::InvalidArguments`] if there is no such time zone.
pub fn zone(name: Option<&str>) -> Result<TimeZone, Refusal> {
    name.map_or(Ok(TimeZone::UTC), |name| TimeZone::of_argument("time_zone", name))
}

/// The time range from one day to another in a time zone, both included.
///
/// # Errors
/// [`Refusal::InvalidArguments`] if `until` is before `since`, or if a day is outside the supported range.
pub fn days(
    since: Option<Date>,
    until: Option<Date>,
    zone: &TimeZone,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    if since.zip(until).is_some_and(|(since, until)| until < since) {
        return Err(Refusal::of_argument(
            "until",
            message!("must not be before the first day"),
        ));
    }
    let start = |field, day: Result<Date, jiff::Error>| {
        let start = day.and_then(|day| zone.start_of(day));
        let start = start.map_err(|_| Refusal::of_argument(field, message!("is out of bounds")))?;
        Ok::<_, Refusal>(Timestamp(start.as_millisecond()))
    };
    let since = since.map(|day| start("since", Ok(day))).transpose()?;
    let until = until.map(|day| start("until", day.tomorrow())).transpose()?;
    Ok((since, until))
}

/// The time range in which a clock in a time zone shows an hour of a day. It is empty if that hour was skipped.
///
/// # Errors
/// [`Refusal::InvalidArguments`] if there is no day, or if it is outside the supported range.
pub fn hour(
    day: Option<Date>,
    hour: RangedInt<0, 23>,
    zone: &TimeZone,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    let day = day.ok_or_else(|| Refusal::of_argument("since", message!("is missing")))?;
    let range = zone.hour_of(day, i8::try_from(hour.get()).unwrap_or_default());
    let (start, end) = range.map_err(|_| Refusal::of_argument("since", message!("is out of bounds")))?;
    let timestamp = |time: jiff::Timestamp| Some(Timestamp(time.as_millisecond()));
    Ok((timestamp(start), timestamp(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_both_included() {
        const HOUR: i64 = 3_600_000;
        let hours = |zone: &str, day: &str| {
            let day: Option<Date> = Some(day.parse().unwrap());
            let (since, until) = days(day, day, &zone.parse().unwrap()).unwrap();
            (since.unwrap().0 / HOUR, until.unwrap().0 / HOUR)
        };
        assert_eq!(hours("UTC", "1970-01-02"), (24, 48));
        assert_eq!(hours("Asia/Seoul", "1970-01-02"), (15, 39));
        // Clocks were put forward at midnight, and back.
        let (since, until) = hours("America/Sao_Paulo", "2018-11-04");
        assert_eq!((since % 24, until - since), (3, 23));
        let (since, until) = hours("America/Sao_Paulo", "2018-02-17");
        assert_eq!((since % 24, until - since), (2, 25));
        assert!(days(None, Some(Date::MAX), &TimeZone::UTC).is_err());
        assert_eq!(days(None, None, &TimeZone::UTC).unwrap(), (None, None));
    }

    #[test]
    fn an_hour_lasts_as_long_as_the_clock_shows_it() {
        let range = |zone: &str, day: &str, number: i64| {
            let number = RangedInt::new(number).unwrap();
            let (since, until) = hour(Some(day.parse().unwrap()), number, &zone.parse().unwrap()).unwrap();
            let text = |time: Option<Timestamp>| time.unwrap().to_rfc3339();
            (text(since), text(until))
        };
        for (zone, day, number, since, until) in [
            ("UTC", "2026-03-29", 23, "2026-03-29T23:00:00Z", "2026-03-30T00:00:00Z"),
            (
                "Asia/Kolkata",
                "2026-03-29",
                0,
                "2026-03-28T18:30:00Z",
                "2026-03-28T19:30:00Z",
            ),
            // Clocks were put forward at 2:00.
            (
                "Europe/Berlin",
                "2026-03-29",
                1,
                "2026-03-29T00:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29",
                2,
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29",
                10,
                "2026-03-29T08:00:00Z",
                "2026-03-29T09:00:00Z",
            ),
            // Clocks are put back at 3:00.
            (
                "Europe/Berlin",
                "2026-10-25",
                2,
                "2026-10-25T00:00:00Z",
                "2026-10-25T02:00:00Z",
            ),
        ] {
            assert_eq!(
                range(zone, day, number),
                (since.to_owned(), until.to_owned()),
                "{zone} {day} {number}"
            );
        }
        assert!(hour(None, RangedInt::new(0).unwrap(), &TimeZone::UTC).is_err());
    }
}
