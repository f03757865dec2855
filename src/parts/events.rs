//! A list of audit events.

use leptos::prelude::*;

use super::{moment::Moment, outcome::outcome_in_words};
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
    let is_bad = event.outcome != Outcome::Ok.name();
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
    let request =
        (!event.request_id.is_empty()).then(|| view! { " · " <code translate="no">{event.request_id}</code> });
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

/// What an action is about. Codes that are not known are shown as stored.
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
        (Some(Action::LinkMade), "invitation") => t!("invitation").to_owned(),
        (Some(Action::LinkMade), "new password") => t!("new password").to_owned(),
        (Some(Action::SessionsRevoked), "all") => t!("all"; "sessions").to_owned(),
        (Some(Action::Refused), about) => refused_call_in_words(about),
        _ => about.to_owned(),
    }
}

/// A refused call, which is stored as the function and its guard: `list_users: Permission<users.read>`.
fn refused_call_in_words(about: &str) -> String {
    match about.split_once(": ") {
        Some((function, guard)) => t!(
            "{function} needs {required}",
            function,
            required = guard_in_words(guard)
        ),
        None => about.to_owned(),
    }
}

/// What a guard requires. A guard that is not one of `server::auth::guard::kinds` is shown as stored.
fn guard_in_words(guard: &str) -> String {
    let generic = guard.strip_suffix('>').and_then(|guard| guard.split_once('<'));
    match generic {
        None if guard == "LoggedIn" => t!("a login").to_owned(),
        None if guard == "FreshLogin" => t!("a recent login").to_owned(),
        Some(("Permission", name)) => t!("the permission {name}", name),
        Some(("Role", role)) => t!("the role {role}", role),
        Some((name @ ("AnyOf" | "AllOf"), both)) => match split_pair(both) {
            Some((one, other)) => {
                let (one, other) = (guard_in_words(one), guard_in_words(other));
                if name == "AnyOf" {
                    t!("{one} or {other}", one, other)
                } else {
                    t!("{one} and {other}", one, other)
                }
            }
            None => guard.to_owned(),
        },
        _ => guard.to_owned(),
    }
}

/// Splits the two arguments of a generic type at the comma between them.
fn split_pair(both: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    let comma = both.find(|letter| {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    })?;
    Some((&both[..comma], both[comma + 1..].trim_start()))
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
            (
                Action::Refused,
                "list_users: AnyOf<Permission<users.read>, AnyOf<Role<admin>, FreshLogin>>",
                "list_users needs the permission users.read or the role admin or a recent login",
            ),
            (
                Action::Refused,
                "put_role: AllOf<Permission<roles.manage>, FreshLogin>",
                "put_role needs the permission roles.manage and a recent login",
            ),
            (
                Action::Refused,
                "book: AnyOf<Weekday, Owner<Room>>",
                "book needs Weekday or Owner<Room>",
            ),
        ] {
            assert_eq!(about_in_words(action.name(), about), words);
        }
        assert_eq!(about_in_words("not_known", "a_b"), "a_b");
    }
}
