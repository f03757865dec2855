//! A list of audit events.

use leptos::prelude::*;

use super::moment::Moment;
use crate::contract::audit::{Action, EventView};

#[component]
pub fn Events(events: Vec<EventView>) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="quiet">"No events found."</p> }.into_any();
    }
    view! { <ul class="rows">{events.into_iter().map(|event| view! { <Event event=event/> }).collect_view()}</ul> }
        .into_any()
}

#[component]
fn Event(event: EventView) -> impl IntoView {
    let is_bad = event.outcome != "ok";
    let by = (!event.actor.is_empty()).then(|| format!(" by {}", event.actor));
    let to = (!event.user.is_empty() && event.user != event.actor).then(|| format!(" · {}", event.user));
    let from = (!event.address.is_empty()).then(|| format!(" from {}", event.address));
    let request = (!event.request_id.is_empty()).then(|| view! { " · " <code>{event.request_id}</code> });
    view! {
        <li>
            <p>
                <strong>{action_in_words(&event.action)}</strong>
                {by}
                {to}
                {(!event.about.is_empty()).then(|| format!(": {}", about_in_words(&event.action, &event.about)))}
                {is_bad.then(|| view! { " " <span class="mark-word bad">{event.outcome}</span> })}
            </p>
            <p class="quiet"><Moment at=event.at/>{from}{request}</p>
        </li>
    }
}

/// The label of an action. An action that this version does not know is shown as stored.
fn action_in_words(action: &str) -> String {
    action.parse().map_or(action, |known: Action| known.words()).to_owned()
}

fn about_in_words(action: &str, about: &str) -> String {
    match (action.parse().ok(), about) {
        (Some(Action::Logout | Action::SessionsEnded), "1") => "1 session".to_owned(),
        (Some(Action::Logout | Action::SessionsEnded), count) => format!("{count} sessions"),
        (Some(Action::SurplusEnded), "1") => "1 login".to_owned(),
        (Some(Action::SurplusEnded), count) => format!("{count} logins"),
        (Some(Action::Login), "remembered") => "a remembered browser".to_owned(),
        (Some(Action::Login | Action::LoginConfirmed), reason) => reason.replace('_', " "),
        _ => about.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shown_in_words_and_names_unchanged() {
        for (action, about, words) in [
            (Action::Login, "wrong_password", "wrong password"),
            (Action::Login, "remembered", "a remembered browser"),
            (Action::Logout, "1", "1 session"),
            (Action::SessionsEnded, "3", "3 sessions"),
            (Action::SurplusEnded, "1", "1 login"),
            (Action::SurplusEnded, "2", "2 logins"),
            (Action::RoleGiven, "first_line", "first_line"),
        ] {
            assert_eq!(about_in_words(action.name(), about), words);
        }
        assert_eq!(about_in_words("not_known", "a_b"), "a_b");
    }
}
