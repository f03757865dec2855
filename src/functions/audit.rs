//! The audit log and the call log.

use crate::{
    contract::{
        RangedInt, Refusal, Text,
        audit::{Action, CallList, EventList, Outcome},
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
    /// `ok`, `broken_off`, or the code of a refusal.
    outcome: Option<Text<1, 40>>,
    /// From this day.
    since: Option<jiff::civil::Date>,
    /// Until the end of this day.
    until: Option<jiff::civil::Date>,
    /// The time zone of these days, such as `Asia/Seoul`. The default is UTC.
    time_zone: Option<Text<1, 64>>,
    /// The `next` of the previous page.
    before: Option<RangedInt<1, { i64::MAX }>>,
    /// The maximum number of entries. The default is 50.
    most: Option<RangedInt<1, 200>>,
) -> Result<CallList, Refusal> {
    use crate::server::{audit::view, model::paging, storage::events::EventFilter};
    let zone = view::zone(time_zone.as_deref())?;
    let (since, until) = view::days(since, until, &zone)?;
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
