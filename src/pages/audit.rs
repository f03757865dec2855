//! The audit log, with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use strum::VariantArray as _;

use crate::{
    contract::{
        RangedInt, Refusal, Text, TimeZone,
        audit::{Action, EventList, Outcome},
        query,
    },
    functions::audit::list_events,
    parts::{
        events::Events,
        paging::{Choice, Field, More, value_of},
        refused::{Refused, filtered},
    },
    t,
};

#[component]
pub fn Audit() -> impl IntoView {
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text=t!("Audit log")/>
        <h1>{t!("Audit log")}</h1>
        <p class="lead">
            {t!("Logins, refused calls, and changes to users and roles: who did what, and when. Entries are never changed.")}
        </p>
        <Suspense>
            {move || Suspend::new(async move {
                let query = query.get_untracked();
                filtered(found.await, |found| view! { <Results query=query found=found/> }.into_any())
            })}
        </Suspense>
    }
}

async fn find(query: ParamsMap) -> Result<EventList, Refusal> {
    let filter = || {
        Ok((
            query::text("user", value_of(&query, "user"))?,
            query::one("action", value_of(&query, "action"))?,
            query::one("outcome", value_of(&query, "outcome"))?,
            query::day("since", value_of(&query, "since"))?,
            query::day("until", value_of(&query, "until"))?,
            query::number("before", value_of(&query, "before"))?,
        ))
    };
    let zone = Text::new(TimeZone::current().name()).ok();
    match filter() {
        Ok((user, action, outcome, since, until, before)) => {
            list_events(user, action, outcome, since, until, zone, before, None).await
        }
        // Asks the guard first: callers without the permission get its refusal, not the one about the filter.
        Err(refusal) => {
            let check = list_events(None, None, None, None, None, None, None, RangedInt::new(1).ok());
            check.await.and(Err(refusal))
        }
    }
}

#[component]
fn Results(query: ParamsMap, found: Result<EventList, Refusal>) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let actions = Action::VARIANTS
        .iter()
        .map(|action| (action.name(), action.words().to_string()));
    let outcomes = Outcome::VARIANTS
        .iter()
        .map(|&outcome| (outcome.name(), in_words(outcome).to_owned()));
    view! {
        <form class="filter" method="get" action="/audit" role="search" aria-label=t!("Events")>
            <Field name="user" label=t!("User") value=text("user")/>
            <Choice name="action" label=t!("Action"; "audit log") chosen=text("action") choices=actions.collect()/>
            <Choice name="outcome" label=t!("Outcome") chosen=text("outcome") choices=outcomes.collect()/>
            <Field name="since" label=t!("From ({zone})", zone = TimeZone::current().name()) value=text("since") kind="date"/>
            <Field name="until" label=t!("Until") value=text("until") kind="date"/>
            <button class="button quiet" type="submit">{t!("Show"; "filter")}</button>
            <button class="button quiet" type="submit" formaction="/audit/events.jsonl">{t!("Download as JSON lines")}</button>
        </form>
        {match found {
            Ok(list) => view! {
                <Events events=list.events/>
                <More path="/audit" query=query name="before" next=list.next.map(|next| next.to_string()) label=t!("Earlier")/>
            }
            .into_any(),
            Err(refusal) => view! { <Refused refusal=refusal/> }.into_any(),
        }}
    }
}

/// The label of an outcome.
fn in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => t!("ok"; "outcome"),
        Outcome::Refused => t!("refused"),
    }
}
