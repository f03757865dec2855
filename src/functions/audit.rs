//! What happened: the audit trail and the call log.

use crate::{
    contract::{
        Refusal, Text, Whole,
        audit::{Action, CallList, EventList, Outcome},
    },
    function,
};

function! { "list_events":
    /// Reads the audit trail, the latest first, a page at a time.
    pub async fn list_events(
        caller: Permission<ReadAudit>,
        /// Who did it, or whom it was done to.
        user: Option<Text<1, 64>>,
        action: Option<Action>,
        outcome: Option<Outcome>,
        /// From that day on (UTC).
        since: Option<jiff::civil::Date>,
        /// Until the end of that day (UTC).
        until: Option<jiff::civil::Date>,
        /// Where the last page ended: its `next`.
        before: Option<Whole<1, { i64::MAX }>>,
        /// How many at the most; 50 if nothing is said.
        most: Option<Whole<1, 200>>,
    ) -> Result<EventList, Refusal> {
        use crate::server::{audit::view, storage::events::EventFilter};
        let (since, until) = view::days(since, until)?;
        let filter = EventFilter {
            user: user.as_deref(),
            only_present_user: false,
            action: action.map(Action::name),
            outcome: outcome.map(Outcome::name),
            since,
            until,
            before: before.map(Whole::get),
            after: None,
        };
        let most = most.map_or(50, |most| u32::try_from(most.get()).unwrap_or(u32::MAX));
        Ok(view::events(caller.caller().services().storage(), &filter, most).await?)
    }
}

function! { "my_events":
    /// Tells what happened to the caller, or was done by the caller, the latest first.
    pub async fn my_events(
        caller: LoggedIn,
        /// Where the last page ended: its `next`.
        before: Option<Whole<1, { i64::MAX }>>,
        /// How many at the most; 50 if nothing is said.
        most: Option<Whole<1, 200>>,
    ) -> Result<EventList, Refusal> {
        use crate::server::{audit::view, storage::events::EventFilter};
        let filter = EventFilter {
            user: Some(caller.user_id()),
            only_present_user: true,
            before: before.map(Whole::get),
            ..EventFilter::default()
        };
        let most = most.map_or(50, |most| u32::try_from(most.get()).unwrap_or(u32::MAX));
        Ok(view::events(caller.caller().services().storage(), &filter, most).await?)
    }
}

function! { "list_calls":
    /// Reads the call log, the latest first, a page at a time. Arguments and replies are not kept.
    pub async fn list_calls(
        caller: Permission<ReadAudit>,
        /// Who called.
        user: Option<Text<1, 64>>,
        /// The name of the function.
        function: Option<Text<1, 64>>,
        /// `ok`, or the code of a refusal.
        outcome: Option<Text<1, 40>>,
        /// From that day on (UTC).
        since: Option<jiff::civil::Date>,
        /// Until the end of that day (UTC).
        until: Option<jiff::civil::Date>,
        /// Where the last page ended: its `next`.
        before: Option<Whole<1, { i64::MAX }>>,
        /// How many at the most; 50 if nothing is said.
        most: Option<Whole<1, 200>>,
    ) -> Result<CallList, Refusal> {
        use crate::server::{audit::view, storage::events::EventFilter};
        let (since, until) = view::days(since, until)?;
        let filter = EventFilter {
            user: user.as_deref(),
            only_present_user: false,
            action: function.as_deref(),
            outcome: outcome.as_deref(),
            since,
            until,
            before: before.map(Whole::get),
            after: None,
        };
        let most = most.map_or(50, |most| u32::try_from(most.get()).unwrap_or(u32::MAX));
        Ok(view::calls(caller.caller().services().storage(), &filter, most).await?)
    }
}
