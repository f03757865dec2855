//! A session in a list, with the button that ends it. It works without script.

use leptos::prelude::*;

use super::{action_button::ActionButton, moment::Moment, provider::name_of};
use crate::{contract::session::SessionView, sentence, t};

#[component]
pub fn Session(
    session: SessionView,
    /// The function that ends the session. `None` if this page must not offer that.
    end: Option<&'static str>,
    /// Arguments of that function besides the id of the session.
    #[prop(optional)]
    arguments: Vec<(&'static str, String)>,
    /// The page to show after the session has ended.
    #[prop(into)]
    then: String,
) -> impl IntoView {
    let device = session.in_words();
    // The key, if the provider is no longer configured.
    let provider = session.provider.map(|key| name_of(&key).unwrap_or(key));
    // The times distinguish sessions of the same browser.
    let times = format!("session-{}", session.id);
    let end = end.map(|function| {
        let mut arguments = arguments;
        arguments.push(("id", session.id));
        let label = if session.current { t!("Log out here") } else { t!("Log out") };
        view! {
            <ActionButton
                function=function arguments=arguments then=then label=label subject=device.clone() described_by=times.clone()
                is_bad=true
            />
        }
    });
    view! {
        <li>
            <div>
                <p>
                    <strong>{device.clone()}</strong>
                    {session.current.then(|| view! { " " <span class="mark-word">{t!("this session")}</span> })}
                    {provider.map(|name| view! { " " <span class="mark-word">{t!("by {name}", name)}</span> })}
                    {session.remembered.then(|| view! { " " <span class="mark-word">{t!("remembered")}</span> })}
                </p>
                <p id=times class="quiet">
                    {sentence!(
                        "Logged in {login}, last used {last_use}",
                        login = view! { <Moment at=session.logged_in_at/> },
                        last_use = view! { <Moment at=session.last_used_at/> }
                    )}
                </p>
            </div>
            {end}
        </li>
    }
}
