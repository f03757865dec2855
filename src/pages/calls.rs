//! The call log: which function was called, by whom, and how it came out.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::audit::{day, number};
use crate::{
    contract::{
        Refusal,
        audit::{CallList, CallView},
    },
    functions::audit::list_calls,
    parts::{
        moment::Moment,
        paging::{More, asked},
        refused::Refused,
    },
};

/// The page.
#[component]
pub fn Calls() -> impl IntoView {
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text="Calls"/>
        <h1>"Calls"</h1>
        <p class="lead">"Which function was called, by whom, and how it came out. Arguments and replies are not kept."</p>
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(list) => view! { <Found query=query.get_untracked() list=list/> }.into_any(),
                    Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

async fn find(query: ParamsMap) -> Result<CallList, Refusal> {
    list_calls(
        asked(&query, "user"),
        asked(&query, "function"),
        asked(&query, "outcome"),
        day("since", &query)?,
        day("until", &query)?,
        number("before", &query),
        None,
    )
    .await
}

#[component]
fn Found(query: ParamsMap, list: CallList) -> impl IntoView {
    let fields = [("user", "User"), ("function", "Function"), ("outcome", "Outcome")]
        .map(|(name, label)| {
            view! {
                <div>
                    <label for=name>{label}</label>
                    <input id=name name=name value=query.get(name).unwrap_or_default() maxlength="64" autocapitalize="off" spellcheck="false"/>
                </div>
            }
        })
        .collect_view();
    let days = [("since", "From (UTC)"), ("until", "Until")]
        .map(|(name, label)| {
            view! {
                <div>
                    <label for=name>{label}</label>
                    <input id=name name=name type="date" value=query.get(name).unwrap_or_default()/>
                </div>
            }
        })
        .collect_view();
    let is_empty = list.calls.is_empty();
    view! {
        <form class="filter" method="get" action="/calls" role="search" aria-label="Calls">
            {fields}
            {days}
            <button class="button quiet" type="submit">"Show"</button>
        </form>
        <ul class="rows">{list.calls.into_iter().map(|call| view! { <Call call=call/> }).collect_view()}</ul>
        {is_empty.then(|| view! { <p class="quiet">"Nothing."</p> })}
        <More path="/calls" query=query name="before" next=list.next.map(|next| next.to_string()) what="Earlier"/>
    }
}

#[component]
fn Call(call: CallView) -> impl IntoView {
    let CallView {
        at,
        function,
        user,
        outcome,
        calls,
        took_us,
        address,
        request_id,
        ..
    } = call;
    let class = if outcome == "ok" { "mark-word" } else { "mark-word bad" };
    let by = (!user.is_empty()).then(|| format!(" by {user}"));
    let many = (calls > 1).then(|| format!(" · {calls} calls"));
    let took = format!(", {}.{:03} ms", took_us / 1000, took_us % 1000);
    let from = (!address.is_empty()).then(|| format!(" from {address}"));
    view! {
        <li>
            <p><strong>{function}</strong>{by}" "<span class=class>{outcome}</span>{many}</p>
            <p class="quiet"><Moment at=at/>{took}{from}" · "<code>{request_id}</code></p>
        </li>
    }
}
