//! The call log, with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use crate::{
    contract::{
        RangedInt, Refusal, Text, TimeZone,
        audit::{CallList, CallView},
        query,
    },
    functions::audit::list_calls,
    parts::{
        moment::Moment,
        paging::{Field, More, value_of},
        refused::{Refused, filtered},
    },
    sentence, t,
};

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

async fn find(query: ParamsMap) -> Result<CallList, Refusal> {
    let filter = || {
        Ok((
            query::text("user", value_of(&query, "user"))?,
            query::text("function", value_of(&query, "function"))?,
            query::text("outcome", value_of(&query, "outcome"))?,
            query::day("since", value_of(&query, "since"))?,
            query::day("until", value_of(&query, "until"))?,
            query::number("before", value_of(&query, "before"))?,
        ))
    };
    let zone = Text::new(TimeZone::current().name()).ok();
    match filter() {
        Ok((user, function, outcome, since, until, before)) => {
            list_calls(user, function, outcome, since, until, zone, before, None).await
        }
        // Asks the guard first: callers without the permission get its refusal, not the one about the filter.
        Err(refusal) => {
            let check = list_calls(None, None, None, None, None, None, None, RangedInt::new(1).ok());
            check.await.and(Err(refusal))
        }
    }
}

#[component]
fn Results(query: ParamsMap, found: Result<CallList, Refusal>) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    view! {
        <form class="filter" method="get" action="/calls" role="search" aria-label=t!("Calls")>
            <Field name="user" label=t!("User") value=text("user")/>
            <Field name="function" label=t!("Function") value=text("function")/>
            <Field name="outcome" label=t!("Outcome") value=text("outcome")/>
            <Field name="since" label=t!("From ({zone})", zone = TimeZone::current().name()) value=text("since") kind="date"/>
            <Field name="until" label=t!("Until") value=text("until") kind="date"/>
            <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
        </form>
        {match found {
            Ok(list) => view! {
                {list.calls.is_empty().then(|| view! { <p class="quiet">{t!("No calls found.")}</p> })}
                <ul class="rows">{list.calls.into_iter().map(|call| view! { <Call call=call/> }).collect_view()}</ul>
                <More path="/calls" query=query name="before" next=list.next.map(|next| next.to_string()) label=t!("Earlier")/>
            }
            .into_any(),
            Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
        }}
    }
}

#[component]
fn Call(call: CallView) -> impl IntoView {
    let class = if call.outcome == "ok" {
        "mark-word"
    } else {
        "mark-word bad"
    };
    let function = view! { <strong>{call.function}</strong> };
    let who = if call.user.is_empty() {
        function.into_any()
    } else {
        sentence!("{function} by {user}", function, user = call.user)
    };
    let count = (call.calls > 1).then(|| format!(" · {}", t!("{n} calls", n = call.calls)));
    let time = view! { <Moment at=call.at/> };
    let ms = format!("{}.{:03}", call.took_us / 1000, call.took_us % 1000);
    let duration = t!("{ms} ms", ms);
    let when = if call.address.is_empty() {
        sentence!("{time}, {duration}", time, duration)
    } else {
        sentence!(
            "{time}, {duration} from {address}",
            time,
            duration,
            address = call.address
        )
    };
    view! {
        <li>
            <p>{who}" "<span class=class>{call.outcome}</span>{count}</p>
            <p class="quiet">{when}" · "<code>{call.request_id}</code></p>
        </li>
    }
}
