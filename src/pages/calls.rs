//! The call log: charts of the last hours or days, and a table with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        RangedInt, Refusal, Text, TimeZone,
        audit::{CallCounts, CallList, CallView, Period},
        query,
    },
    functions::audit::{call_stats, list_calls},
    parts::{
        call_stats::{CallBars, Rankings},
        chart,
        filter::{Choice, Field, Filter, Invalid, Nothing, address, fault_of, value_of, values},
        moment::Moment,
        numbers::{grouped, milliseconds},
        outcome::outcome_in_words,
        paging::More,
        refused::filtered,
    },
    t,
};

/// The fields of the filter.
const FIELDS: &[&str] = &["user", "function", "outcome", "since", "until", "hour"];
/// The outcomes that can be chosen, besides the kinds. Others are those of calls that are no JSON or no forms.
const OUTCOMES: [&str; 12] = [
    "not_logged_in",
    "permission_required",
    "fresh_login_required",
    "forbidden",
    "invalid_credentials",
    "too_many_attempts",
    "invalid_arguments",
    "not_found",
    "conflict",
    "broken_off",
    "call_too_slow",
    "internal",
];

#[component]
pub fn Calls() -> impl IntoView {
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text=t!("Call log")/>
        <h1>{t!("Call log")}</h1>
        <p class="lead">{t!("Who called which function, and with which outcome. Arguments and replies are not recorded.")}</p>
        <Suspense>
            {move || Suspend::new(async move {
                let query = query.get_untracked();
                filtered(found.await, |found| view! { <Results query=query found=found/> }.into_any())
            })}
        </Suspense>
    }
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Found {
    list: CallList,
    /// Only on the first page of the list.
    stats: Option<(Period, CallCounts)>,
}

async fn find(query: ParamsMap) -> Result<Found, Refusal> {
    let filter = || {
        Ok((
            query::text("user", value_of(&query, "user"))?,
            query::text("function", value_of(&query, "function"))?,
            query::text("outcome", value_of(&query, "outcome"))?,
            query::day("since", value_of(&query, "since"))?,
            query::day("until", value_of(&query, "until"))?,
            query::hour("hour", value_of(&query, "hour"))?,
            query::number("before", value_of(&query, "before"))?,
            query::one("by", value_of(&query, "by"))?.unwrap_or_default(),
        ))
    };
    let zone = Text::new(TimeZone::current().name()).ok();
    let stats_zone = zone.clone();
    match filter() {
        Ok((user, function, outcome, since, until, hour, before, by)) => {
            let is_first = before.is_none();
            let list = list_calls(
                user.clone(),
                function.clone(),
                outcome,
                since,
                until,
                zone,
                hour,
                before,
                None,
            )
            .await?;
            let stats = if is_first {
                // A chart is no reason for the page to fail.
                let stats = call_stats(by, user, function, stats_zone).await.ok();
                stats.map(|stats| (by, stats))
            } else {
                None
            };
            Ok(Found { list, stats })
        }
        // Asks the guard first: callers without the permission get its refusal, not the one about the filter.
        Err(refusal) => {
            let check = list_calls(None, None, None, None, None, None, None, None, RangedInt::new(1).ok());
            check.await.and(Err(refusal))
        }
    }
}

#[component]
fn Results(query: ParamsMap, found: Result<Found, Refusal>) -> impl IntoView {
    let values_of_fields = query.clone();
    let text = move |name: &str| value_of(&values_of_fields, name).to_owned();
    let chosen = text("outcome");
    let kinds = chart::ALL.iter().map(|kind| kind.name());
    let mut outcomes: Vec<(String, String)> = kinds
        .chain(OUTCOMES)
        .map(|code| (code.to_owned(), outcome_in_words(code)))
        .collect();
    // One that is in the address but not among the choices.
    if !chosen.is_empty() && outcomes.iter().all(|(code, _)| *code != chosen) {
        outcomes.push((chosen.clone(), outcome_in_words(&chosen)));
    }
    let (list, stats) = match found {
        Ok(Found { list, stats }) => (Ok(list), stats),
        Err(refusal) => (Err(refusal), None),
    };
    let charts = stats.map(|(by, stats)| view! { <Charts query=query.clone() by=by stats=stats/> });
    let by = text("by");
    let fault = |name| fault_of(&list, name);
    let fields = view! {
        <Field name="user" label=t!("User") value=text("user") fault=fault("user")/>
        <Field name="function" label=t!("Function") value=text("function") fault=fault("function")/>
        <Choice name="outcome" label=t!("Outcome") chosen=chosen choices=outcomes fault=fault("outcome")/>
        <Field
            name="since" label=t!("From ({zone})", zone = TimeZone::current().name()) value=text("since") kind="date"
            fault=fault("since")
        />
        <Field name="until" label=t!("Until") value=text("until") kind="date" fault=fault("until")/>
        <Field name="hour" label=t!("Hour"; "filter") value=text("hour") kind="number" range=(0, 23) fault=fault("hour")/>
    };
    view! {
        {charts}
        <Filter path="/calls" label=t!("Calls") query=query.clone() fields=FIELDS is_open=list.is_err()>
            {fields}
            {(!by.is_empty()).then(|| view! { <input type="hidden" name="by" value=by/> })}
        </Filter>
        {match list {
            Ok(CallList { calls, .. }) if calls.is_empty() => view! {
                <Nothing text=t!("No calls found.") path="/calls" query=query fields=FIELDS/>
            }
            .into_any(),
            Ok(list) => view! {
                <Table calls=list.calls/>
                <More path="/calls" query=query name="before" next=list.next.map(|next| next.to_string()) label=t!("Earlier")/>
            }
            .into_any(),
            Err(refusal) => view! { <Invalid refusal=refusal fields=FIELDS/> }.into_any(),
        }}
    }
}

#[component]
fn Charts(query: ParamsMap, by: Period, stats: CallCounts) -> impl IntoView {
    let period = |chosen: Period, name, words| {
        let mut all = values(&query, FIELDS);
        all.push(("by", name));
        let current = (by == chosen).then_some("true");
        view! { <li><a href=address("/calls", &all) aria-current=current>{words}</a></li> }
    };
    let (user, function) = (
        value_of(&query, "user").to_owned(),
        value_of(&query, "function").to_owned(),
    );
    let since = stats.buckets.first().map(|bucket| bucket.day);
    view! {
        <nav class="periods" aria-label=t!("Time range")>
            <ul>
                {period(Period::Hour, "", t!("24 hours"))}
                {period(Period::Day, Period::Day.into(), t!("30 days"))}
            </ul>
        </nav>
        <CallBars by=by buckets=stats.buckets user=user.clone() function=function/>
        <Rankings functions=stats.functions user=user since=since/>
    }
}

#[component]
fn Table(calls: Vec<CallView>) -> impl IntoView {
    view! {
        <table class="cards log" role="table" aria-label=t!("Calls")>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">{t!("Time")}</th>
                    <th role="columnheader" scope="col">{t!("User")}</th>
                    <th role="columnheader" scope="col">{t!("Function")}</th>
                    <th role="columnheader" scope="col">{t!("Outcome")}</th>
                    <th role="columnheader" scope="col" class="number">{t!("Duration")}</th>
                    <th role="columnheader" scope="col">{t!("Request number")}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{calls.into_iter().map(|call| view! { <Row call=call/> }).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Row(call: CallView) -> impl IntoView {
    let by = |name: &'static str, value: &str| address("/calls", &[(name, value)]);
    let class = if call.outcome == "ok" {
        "good-word"
    } else {
        "mark-word bad"
    };
    let summary = match call.request_id.as_str() {
        "" => t!("More").into_any(),
        id => view! { <code>{id.to_owned()}</code> }.into_any(),
    };
    let user = (!call.user.is_empty()).then(|| view! { <a href=by("user", &call.user)>{call.user.clone()}</a> });
    let address = (!call.address.is_empty()).then(|| view! { <dt>{t!("Address")}</dt><dd>{call.address}</dd> });
    let many = (call.calls > 1).then(|| {
        view! {
            <dt>{t!("Calls counted together")}</dt><dd>{grouped(call.calls)}</dd>
        }
    });
    view! {
        <tr role="row">
            <td role="cell" data-label=t!("Time") class="time"><Moment at=call.at.clone()/></td>
            <td role="cell" data-label=t!("User")>{user}</td>
            <td role="cell" data-label=t!("Function")><a href=by("function", &call.function)>{call.function.clone()}</a></td>
            <td role="cell" data-label=t!("Outcome")>
                <a class=class href=by("outcome", &call.outcome) title=call.outcome.clone()>{outcome_in_words(&call.outcome)}</a>
            </td>
            <td role="cell" data-label=t!("Duration") class="number">{milliseconds(call.took_us)}</td>
            <td role="cell" data-label=t!("Request number")>
                <details>
                    <summary>{summary}</summary>
                    <dl>
                        <dt>{t!("Exact time")}</dt><dd>{call.at}</dd>
                        {address}
                        {many}
                        <dt>{t!("Outcome code")}</dt><dd><code>{call.outcome}</code></dd>
                    </dl>
                </details>
            </td>
        </tr>
    }
}
