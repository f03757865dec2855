//! The audit log: failed logins of the last days, and a table with a filter.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use strum::VariantArray as _;

use crate::{
    contract::{
        RangedInt, Refusal, Text, TimeZone,
        audit::{Action, Bucket, EventList, EventView, Outcome, OutcomeKind},
        query,
    },
    functions::audit::{list_events, login_stats},
    parts::{
        chart::{Bars, total},
        events::{about_in_words, action_in_words},
        filter::{Choice, Field, Filter, Invalid, Nothing, address, fault_of, value_of, values},
        moment::Moment,
        numbers::grouped,
        outcome::outcome_in_words,
        paging::More,
        refused::filtered,
    },
    t,
};

/// The fields of the filter.
const FIELDS: &[&str] = &["user", "action", "outcome", "since", "until"];

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

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Found {
    list: EventList,
    /// Logins by day. Only on the first page of the list.
    logins: Option<Vec<Bucket>>,
}

async fn find(query: ParamsMap) -> Result<Found, Refusal> {
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
    let stats_zone = zone.clone();
    match filter() {
        Ok((user, action, outcome, since, until, before)) => {
            let is_first = before.is_none();
            let list = list_events(user, action, outcome, since, until, zone, before, None).await?;
            let logins = if is_first {
                // A chart is no reason for the page to fail.
                login_stats(stats_zone).await.ok().map(|stats| stats.buckets)
            } else {
                None
            };
            Ok(Found { list, logins })
        }
        // Asks the guard first: callers without the permission get its refusal, not the one about the filter.
        Err(refusal) => {
            let check = list_events(None, None, None, None, None, None, None, RangedInt::new(1).ok());
            check.await.and(Err(refusal))
        }
    }
}

#[component]
fn Results(query: ParamsMap, found: Result<Found, Refusal>) -> impl IntoView {
    let values_of_fields = query.clone();
    let text = move |name: &str| value_of(&values_of_fields, name).to_owned();
    let actions = Action::VARIANTS
        .iter()
        .map(|action| (action.name(), action.words().to_string()));
    let outcomes = Outcome::VARIANTS
        .iter()
        .map(|outcome| (outcome.name(), outcome_in_words(outcome.name())));
    let (list, logins) = match found {
        Ok(Found { list, logins }) => (Ok(list), logins),
        Err(refusal) => (Err(refusal), None),
    };
    let fault = |name| fault_of(&list, name);
    let fields = view! {
        <Field name="user" label=t!("User") value=text("user") fault=fault("user")/>
        <Choice
            name="action" label=t!("Action"; "audit log") chosen=text("action") choices=actions.collect() fault=fault("action")
        />
        <Choice
            name="outcome" label=t!("Outcome") chosen=text("outcome") choices=outcomes.collect() fault=fault("outcome")
        />
        <Field
            name="since" label=t!("From ({zone})", zone = TimeZone::current().name()) value=text("since") kind="date"
            fault=fault("since")
        />
        <Field name="until" label=t!("Until") value=text("until") kind="date" fault=fault("until")/>
    };
    let export = address("/audit/events.jsonl", &values(&query, FIELDS));
    view! {
        {logins.map(|logins| view! { <FailedLogins logins=logins/> })}
        <Filter path="/audit" label=t!("Events") query=query.clone() fields=FIELDS is_open=list.is_err()>
            {fields}
        </Filter>
        {match list {
            Ok(EventList { events, .. }) if events.is_empty() => view! {
                <Nothing text=t!("No events found.") path="/audit" query=query fields=FIELDS/>
            }
            .into_any(),
            Ok(list) => view! {
                <p class="export"><a href=export>{t!("Download as JSON lines")}</a></p>
                <Table events=list.events/>
                <More path="/audit" query=query name="before" next=list.next.map(|next| next.to_string()) label=t!("Earlier")/>
            }
            .into_any(),
            Err(refusal) => view! { <Invalid refusal=refusal fields=FIELDS/> }.into_any(),
        }}
    }
}

#[component]
fn FailedLogins(logins: Vec<Bucket>) -> impl IntoView {
    let n = grouped(total(&logins, OutcomeKind::Refused));
    let failed = |bucket: &Bucket| {
        let day = bucket.day.to_string();
        let (action, outcome) = (Action::Login.name(), Outcome::Refused.name());
        let values = [
            ("action", action),
            ("outcome", outcome),
            ("since", &day),
            ("until", &day),
        ];
        address("/audit", &values)
    };
    view! {
        <Bars
            id="logins-chart" buckets=logins kinds=&[OutcomeKind::Refused] address=failed
            caption=t!("Failed logins in the last 30 days: {n}.", n)
        />
    }
}

#[component]
fn Table(events: Vec<EventView>) -> impl IntoView {
    view! {
        <table class="cards log" role="table" aria-label=t!("Events")>
            <thead role="rowgroup">
                <tr role="row">
                    <th role="columnheader" scope="col">{t!("Time")}</th>
                    <th role="columnheader" scope="col">{t!("Who"; "audit log")}</th>
                    <th role="columnheader" scope="col">{t!("Action"; "audit log")}</th>
                    <th role="columnheader" scope="col">{t!("About"; "audit log")}</th>
                    <th role="columnheader" scope="col">{t!("Outcome")}</th>
                    <th role="columnheader" scope="col">{t!("Address")}</th>
                </tr>
            </thead>
            <tbody role="rowgroup">{events.into_iter().map(|event| view! { <Row event=event/> }).collect_view()}</tbody>
        </table>
    }
}

#[component]
fn Row(event: EventView) -> impl IntoView {
    let by = |name: &'static str, value: &str| address("/audit", &[(name, value)]);
    let link_to = |user: &str| (!user.is_empty()).then(|| view! { <a href=by("user", user)>{user.to_owned()}</a> });
    let whom = if event.user == event.actor { "" } else { &event.user };
    let about = about_in_words(&event.action, &event.about);
    let is_of_both = !whom.is_empty() && !about.is_empty();
    let class = if event.outcome == Outcome::Ok.name() {
        "good-word"
    } else {
        "mark-word bad"
    };
    let outcome = outcome_in_words(&event.outcome);
    let summary = if event.address.is_empty() {
        t!("More").to_owned()
    } else {
        event.address.clone()
    };
    let request = (!event.request_id.is_empty()).then(|| {
        view! {
            <dt>{t!("Request number")}</dt><dd><code>{event.request_id.clone()}</code></dd>
        }
    });
    view! {
        <tr role="row">
            <td role="cell" data-label=t!("Time") class="time"><Moment at=event.at.clone()/></td>
            <td role="cell" data-label=t!("Who"; "audit log")>{link_to(&event.actor)}</td>
            <td role="cell" data-label=t!("Action"; "audit log")>
                <a href=by("action", &event.action) title=event.action.clone()>{action_in_words(&event.action)}</a>
            </td>
            <td role="cell" data-label=t!("About"; "audit log") class="about">{link_to(whom)}{is_of_both.then_some(": ")}{about}</td>
            <td role="cell" data-label=t!("Outcome")><span class=class>{outcome}</span></td>
            <td role="cell" data-label=t!("Address")>
                <details>
                    <summary>{summary}</summary>
                    <dl>
                        <dt>{t!("Exact time")}</dt><dd>{event.at.clone()}</dd>
                        {request}
                        <dt>{t!("Entry number")}</dt><dd>{event.id}</dd>
                        <dt>{t!("As stored")}</dt><dd><code>{stored(&event)}</code></dd>
                    </dl>
                </details>
            </td>
        </tr>
    }
}

/// The action and what it is about, as they are in the database.
fn stored(event: &EventView) -> String {
    match event.about.as_str() {
        "" => event.action.clone(),
        about => format!("{}: {about}", event.action),
    }
}
