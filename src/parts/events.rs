//! A list of audit events.

use leptos::prelude::*;

use super::moment::Moment;
use crate::{
    contract::audit::{Action, EventView, Outcome},
    sentence, t,
};

#[component]
pub fn Events(events: Vec<EventView>) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="quiet">{t!("No events found.")}</p> }.into_any();
    }
    view! { <ul class="rows">{events.into_iter().map(|event| view! { <Event event=event/> }).collect_view()}</ul> }
        .into_any()
}

#[component]
fn Event(event: EventView) -> impl IntoView {
    let is_bad = event.outcome != "ok";
    let action = view! { <strong>{action_in_words(&event.action)}</strong> };
    let about = (!event.about.is_empty()).then(|| format!(": {}", about_in_words(&event.action, &event.about)));
    let user = Some(event.user).filter(|user| !user.is_empty() && *user != event.actor);
    let actor = Some(event.actor).filter(|actor| !actor.is_empty());
    let what = match (actor, user) {
        (None, None) => action.into_any(),
        (Some(actor), None) => sentence!("{action} by {actor}", action, actor),
        (None, Some(user)) => sentence!("{action} · {user}", action, user),
        (Some(actor), Some(user)) => sentence!("{action} by {actor} · {user}", action, actor, user),
    };
    let time = view! { <Moment at=event.at/> };
    let origin = match event.address {
        address if address.is_empty() => time.into_any(),
        address => sentence!("{time} from {address}", time, address),
    };
    let request = (!event.request_id.is_empty()).then(|| view! { " · " <code>{event.request_id}</code> });
    view! {
        <li>
            <p>
                {what}
                {about}
                {is_bad.then(|| view! { " " <span class="mark-word bad">{outcome_in_words(&event.outcome)}</span> })}
            </p>
            <p class="quiet">{origin}{request}</p>
        </li>
    }
}

/// The label of an action. An action that this version does not know is shown as stored.
pub fn action_in_words(action: &str) -> String {
    let known = action.parse().map(|known: Action| known.words().to_string());
    known.unwrap_or_else(|_| action.to_owned())
}

/// The label of an outcome. An outcome that this version does not know is shown as stored.
fn outcome_in_words(outcome: &str) -> String {
    let words = match outcome.parse() {
        Ok(Outcome::Refused) => t!("refused"),
        _ => outcome,
    };
    words.to_owned()
}

pub fn about_in_words(action: &str, about: &str) -> String {
    match (action.parse().ok(), about) {
        (Some(Action::Logout | Action::SessionsEnded), "1") => t!("1 session").to_owned(),
        (Some(Action::Logout | Action::SessionsEnded), count) => t!("{count} sessions", count),
        (Some(Action::SurplusEnded), "1") => t!("1 login").to_owned(),
        (Some(Action::SurplusEnded), count) => t!("{count} logins", count),
        (Some(Action::Login), "remembered") => t!("a remembered browser").to_owned(),
        (Some(Action::Login | Action::LoginConfirmed), about) => login_in_words(about),
        (Some(Action::Throttled), "address") => t!("address").to_owned(),
        (Some(Action::Throttled), "account") => t!("account").to_owned(),
        (Some(Action::Throttled), "account and address") => t!("account and address").to_owned(),
        _ => about.to_owned(),
    }
}

/// How a user logged in, or why a login failed (`Way` and `Failure` in `server::auth::security_log`).
fn login_in_words(about: &str) -> String {
    let words = match about {
        "password" => t!("password"),
        "remembered_again" => t!("remembered again"),
        "unknown_user" => t!("unknown user"),
        "wrong_password" => t!("wrong password"),
        "disabled" => t!("disabled"; "why a login failed"),
        "overtaken" => t!("overtaken"),
        about => return about.replace('_', " "),
    };
    words.to_owned()
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
