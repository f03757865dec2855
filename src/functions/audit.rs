//! The audit log and the call log.

use crate::{
    contract::{
        RangedInt, Refusal, Text,
        audit::{Action, CallCounts, CallList, EventList, LoginCounts, Outcome, Period},
    },
    function,
};

/// Lists the audit log, latest first, a page at a time.
#[function]
pub async fn list_events(
    caller: Permission<ReadAudit>,
    /// The user who did it, or whom it was done to.
    user: Option<Text<1, 64>>,
    action: Option<Action>,
    outcome: Option<Outcome>,
    /// From this day.
    since: Option<jiff::civil::Date>,
    /// Until the end of this day.
    until: Option<jiff::civil::Date>,
    /// The time zone of these days, such as `Asia/Seoul`. The default is UTC.
    time_zone: Option<Text<1, 64>>,
    /// The `next` of the previous page.
    before: Option<RangedInt<1, { i64::MAX }>>,
    /// The maximum number of events. The default is 50.
    most: Option<RangedInt<1, 200>>,
) -> Result<EventList, Refusal> {
    use crate::server::{audit::view, model::paging, storage::events::EventFilter};
    let zone = view::zone(time_zone.as_deref())?;
    let (since, until) = view::days(since, until, &zone)?;
    let filter = EventFilter {
        user: user.as_deref(),
        action: action.map(Action::name),
        outcome: outcome.map(Outcome::name),
        since,
        until,
        before: before.map(RangedInt::get),
        ..EventFilter::default()
    };
    Ok(view::events(caller.state().storage(), &filter, paging::limit(most)).await?)
}

/// Lists the call log, latest first, a page at a time. Arguments and replies are not stored.
#[function]
pub async fn list_calls(
    caller: Permission<ReadAudit>,
    /// The user who called.
    user: Option<Text<1, 64>>,
    /// The name of the function.
    function: Option<Text<1, 64>>,
    /// `ok`, `broken_off`, the code of a refusal, or `refused` or `failed` for all outcomes of that kind.
    outcome: Option<Text<1, 40>>,
    /// From this day.
    since: Option<jiff::civil::Date>,
    /// Until the end of this day.
    until: Option<jiff::civil::Date>,
    /// The time zone of these days, such as `Asia/Seoul`. The default is UTC.
    time_zone: Option<Text<1, 64>>,
    /// Only this hour of the first day, from 0 to 23.
    hour: Option<RangedInt<0, 23>>,
    /// The `next` of the previous page.
    before: Option<RangedInt<1, { i64::MAX }>>,
    /// The maximum number of entries. The default is 50.
    most: Option<RangedInt<1, 200>>,
) -> Result<CallList, Refusal> {
    use crate::server::{audit::view, model::paging, storage::events::EventFilter};
    let zone = view::zone(time_zone.as_deref())?;
    let days = view::days(since, until, &zone)?;
    let (since, until) = match hour {
        Some(hour) => view::hour(since, hour, &zone)?,
        None => days,
    };
    let filter = EventFilter {
        user: user.as_deref(),
        action: function.as_deref(),
        outcome: outcome.as_deref(),
        since,
        until,
        before: before.map(RangedInt::get),
        ..EventFilter::default()
    };
    Ok(view::calls(caller.state().storage(), &filter, paging::limit(most)).await?)
}

/// Counts calls by hour or day and outcome, and by function. At most the latest 100,000 entries of the call log are
/// counted.
#[function]
pub async fn call_stats(
    caller: Permission<ReadAudit>,
    #[serde(default)] by: Period,
    /// The user who called.
    user: Option<Text<1, 64>>,
    /// The name of the function.
    function: Option<Text<1, 64>>,
    /// The time zone of the hours and days, such as `Asia/Seoul`. The default is UTC.
    time_zone: Option<Text<1, 64>>,
) -> Result<CallCounts, Refusal> {
    use crate::server::{
        audit::{stats, view},
        model::clock::Timestamp,
    };
    let axis = stats::Axis::until(Timestamp::now(), by, view::zone(time_zone.as_deref())?);
    Ok(stats::calls(caller.state().storage(), &axis, user.as_deref(), function.as_deref()).await?)
}

/// Counts logins and failed logins by day, for the last 30 days.
#[function]
pub async fn login_stats(
    caller: Permission<ReadAudit>,
    /// The time zone of the days, such as `Asia/Seoul`. The default is UTC.
    time_zone: Option<Text<1, 64>>,
) -> Result<LoginCounts, Refusal> {
    use crate::server::{
        audit::{stats, view},
        model::clock::Timestamp,
    };
    let axis = stats::Axis::until(Timestamp::now(), Period::Day, view::zone(time_zone.as_deref())?);
    Ok(stats::logins(caller.state().storage(), &axis).await?)
}
