//! An account at a provider in a list, with the button that removes it. It works without script.

use leptos::prelude::*;

use super::{action_button::ActionButton, moment::Moment};
use crate::contract::identity::IdentityView;

#[component]
pub fn Identity(
    identity: IdentityView,
    /// The function that removes the account, and its label. `None` if the page must not offer that.
    end: Option<(&'static str, &'static str)>,
    /// Arguments of that function besides the id of the account.
    #[prop(optional)]
    arguments: Vec<(&'static str, String)>,
    /// The page to show afterwards.
    #[prop(into)]
    then: String,
    /// Whether to show the identifier at the provider, and who linked the account.
    #[prop(optional)]
    shows_details: bool,
) -> impl IntoView {
    let IdentityView {
        id,
        provider,
        provider_name,
        subject,
        label,
        linked_at,
        linked_by,
        last_used_at,
        ..
    } = identity;
    let is_gone = provider.is_none();
    let times = format!("identity-{id}");
    let subject_of_button = format!("{provider_name} {label}").trim_end().to_owned();
    let end = end.map(|(function, label)| {
        let mut arguments = arguments;
        arguments.push(("id", id));
        view! {
            <ActionButton
                function=function arguments=arguments then=then label=label subject=subject_of_button described_by=times.clone()
            />
        }
    });
    let last_used = match last_used_at {
        Some(at) => view! { ", last used " <Moment at=at/> }.into_any(),
        None => ", never used".into_any(),
    };
    view! {
        <li>
            <div>
                <p>
                    <strong>{provider_name}</strong>
                    {(!label.is_empty()).then(|| format!(" {label}"))}
                    {is_gone.then(|| view! { " " <span class="mark-word role">"no longer offered here"</span> })}
                </p>
                {shows_details.then(|| view! { <p><code>{subject}</code></p> })}
                <p id=times class="quiet">
                    "Linked " <Moment at=linked_at/> {shows_details.then(|| format!(" by {linked_by}"))} {last_used}
                </p>
            </div>
            {end}
        </li>
    }
}
