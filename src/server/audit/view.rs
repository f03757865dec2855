//! Reading the audit log and the call log: page by page, and as JSON lines for export.

use std::time::Duration;

use jiff::{civil::Date, tz::TimeZone};

use crate::{
    contract::{
        RangedInt, Refusal,
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
const HOUR: Duration = Duration::from_hours(1);

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

/// The time range from one day to another (UTC), both included.
///
/// # Errors
/// [`Refusal::InvalidArguments`] if `until` is before `since`, or if a day is outside the supported range.
pub fn days(since: Option<Date>, until: Option<Date>) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    if since.zip(until).is_some_and(|(since, until)| until < since) {
        return Err(Refusal::of_argument(
            "until",
            message!("must not be before the first day"),
        ));
    }
    let start = |field, day: Result<Date, jiff::Error>| {
        let zoned = day.and_then(|day| day.to_zoned(TimeZone::UTC));
        let zoned = zoned.map_err(|_| Refusal::of_argument(field, message!("is out of bounds")))?;
        Ok::<_, Refusal>(Timestamp(zoned.timestamp().as_millisecond()))
    };
    let since = since.map(|day| start("since", Ok(day))).transpose()?;
    let until = until.map(|day| start("until", day.tomorrow())).transpose()?;
    Ok((since, until))
}

/// The time range of an hour of a day, which begins at `day`.
///
/// # Errors
/// [`Refusal::InvalidArguments`] if there is no day.
pub fn hour(day: Option<Timestamp>, hour: RangedInt<0, 23>) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
    let day = day.ok_or_else(|| Refusal::of_argument("since", message!("is missing")))?;
    let start = day.plus(HOUR.saturating_mul(u32::try_from(hour.get()).unwrap_or_default()));
    Ok((Some(start), Some(start.plus(HOUR))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_both_included() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let (since, until) = days(Some(day("1970-01-02")), Some(day("1970-01-02"))).unwrap();
        assert_eq!(
            (since, until),
            (Some(Timestamp(86_400_000)), Some(Timestamp(172_800_000)))
        );
        assert!(days(None, Some(Date::MAX)).is_err());
        assert_eq!(days(None, None).unwrap(), (None, None));
    }

    #[test]
    fn an_hour_belongs_to_a_day() {
        let last = RangedInt::new(23).unwrap();
        assert_eq!(
            hour(Some(Timestamp(86_400_000)), last).unwrap(),
            (Some(Timestamp(169_200_000)), Some(Timestamp(172_800_000)))
        );
        assert!(hour(None, last).is_err());
    }
}
