//! An account at a provider in a list, with the button that removes it. It works without script.

use leptos::prelude::*;

use super::{action_button::ActionButton, moment::Moment};
use crate::{contract::identity::IdentityView, sentence, t};

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
                is_bad=true
            />
        }
    });
    let linked = view! { <Moment at=linked_at/> };
    let by = shows_details.then_some(linked_by);
    let last_use = last_used_at.map(|at| view! { <Moment at=at/> });
    let history = match (by, last_use) {
        (None, None) => sentence!("Linked {linked}, never used", linked),
        (None, Some(last_use)) => sentence!("Linked {linked}, last used {last_use}", linked, last_use),
        (Some(by), None) => sentence!("Linked {linked} by {by}, never used", linked, by),
        (Some(by), Some(last_use)) => {
            sentence!("Linked {linked} by {by}, last used {last_use}", linked, by, last_use)
        }
    };
    view! {
        <li>
            <div>
                <p>
                    <strong>{provider_name}</strong>
                    {(!label.is_empty()).then(|| format!(" {label}"))}
                    {is_gone.then(|| view! { " " <span class="mark-word role">{t!("no longer offered here")}</span> })}
                </p>
                {shows_details.then(|| view! { <p><code translate="no">{subject}</code></p> })}
                <p id=times class="quiet">{history}</p>
            </div>
            {end}
        </li>
    }
}
