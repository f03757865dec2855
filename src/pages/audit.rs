//! The audit trail: what happened, with filters, for those who may read it.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::users::Choice;
use crate::{
    contract::{
        Refusal, Whole,
        audit::{Action, EventList, Outcome},
    },
    functions::audit::list_events,
    parts::{
        events::Events,
        paging::{More, asked},
        refused::Refused,
    },
};

/// The page.
#[component]
pub fn Audit() -> impl IntoView {
    let query = use_query_map();
    let found = Resource::new_blocking(move || query.get(), find);
    view! {
        <Title text="Audit trail"/>
        <h1>"Audit trail"</h1>
        <p class="lead">"What happened to users and roles, and who did it. Lines are added, and never changed."</p>
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

async fn find(query: ParamsMap) -> Result<EventList, Refusal> {
    let named = |name: &str| query.get(name).unwrap_or_default();
    let action = Action::ALL.into_iter().find(|action| action.name() == named("action"));
    let outcome = [Outcome::Ok, Outcome::Refused]
        .into_iter()
        .find(|outcome| outcome.name() == named("outcome"));
    list_events(
        asked(&query, "user"),
        action,
        outcome,
        day("since", &query)?,
        day("until", &query)?,
        number("before", &query),
        None,
    )
    .await
}

/// A day that the address asks for.
pub(super) fn day(name: &str, query: &ParamsMap) -> Result<Option<jiff::civil::Date>, Refusal> {
    match query.get_str(name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Refusal::of_argument(name, "must be a day such as 2026-01-31")),
    }
}

/// A number that the address asks for.
pub(super) fn number(name: &str, query: &ParamsMap) -> Option<Whole<1, { i64::MAX }>> {
    Whole::new(query.get_str(name)?.parse().ok()?).ok()
}

#[component]
fn Found(query: ParamsMap, list: EventList) -> impl IntoView {
    let text = |name: &str| query.get(name).unwrap_or_default();
    let actions = [("", "any")]
        .into_iter()
        .chain(Action::ALL.into_iter().map(|action| (action.name(), action.words())))
        .collect::<Vec<_>>();
    let outcomes = vec![("", "any"), ("ok", "ok"), ("refused", "refused")];
    view! {
        <form class="filter" method="get" action="/audit" role="search" aria-label="Events">
            <div>
                <label for="user">"User"</label>
                <input id="user" name="user" value=text("user") maxlength="64" autocapitalize="off" spellcheck="false"/>
            </div>
            <Choice name="action" label="What" chosen=text("action") choices=actions/>
            <Choice name="outcome" label="Outcome" chosen=text("outcome") choices=outcomes/>
            <div>
                <label for="since">"From (UTC)"</label>
                <input id="since" name="since" type="date" value=text("since")/>
            </div>
            <div>
                <label for="until">"Until"</label>
                <input id="until" name="until" type="date" value=text("until")/>
            </div>
            <button class="button quiet" type="submit">"Show"</button>
            <button class="button quiet" type="submit" formaction="/audit/events.jsonl">"Save as JSON lines"</button>
        </form>
        <Events events=list.events/>
        <More path="/audit" query=query name="before" next=list.next.map(|next| next.to_string()) what="Earlier"/>
    }
}
