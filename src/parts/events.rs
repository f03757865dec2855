//! A list of what happened.

use leptos::prelude::*;

use super::moment::Moment;
use crate::contract::audit::{Action, EventView};

/// The events, the latest first.
#[component]
pub fn Events(
    /// They.
    events: Vec<EventView>,
) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="quiet">"Nothing."</p> }.into_any();
    }
    view! { <ul class="rows">{events.into_iter().map(|event| view! { <Event event=event/> }).collect_view()}</ul> }
        .into_any()
}

#[component]
fn Event(event: EventView) -> impl IntoView {
    let EventView {
        at,
        action,
        outcome,
        actor,
        user,
        about,
        address,
        request_id,
        ..
    } = event;
    let is_bad = outcome != "ok";
    let by = (!actor.is_empty()).then(|| format!(" by {actor}"));
    let to = (!user.is_empty() && user != actor).then(|| format!(" · {user}"));
    let from = (!address.is_empty()).then(|| format!(" from {address}"));
    let reference = (!request_id.is_empty()).then(|| view! { " · " <code>{request_id}</code> });
    view! {
        <li>
            <p>
                <strong>{in_words(&action)}</strong>
                {by}
                {to}
                {(!about.is_empty()).then(|| format!(": {about}"))}
                {is_bad.then(|| view! { " " <span class="mark-word bad">{outcome}</span> })}
            </p>
            <p class="quiet"><Moment at=at/>{from}{reference}</p>
        </li>
    }
}

/// What was done, as a person would say it. A stored one that this program does not know is shown as it is.
pub fn in_words(action: &str) -> String {
    Action::named(action).map_or_else(|| action.to_owned(), |known| known.words().to_owned())
}
