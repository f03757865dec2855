//! Logging in with an account at a provider: the button for it, and what is shown if it failed. Works without script.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{action_button::ShownTo, visit::Visit};
use crate::{
    contract::{
        letter_case::capitalized,
        provider::{FailedLogin, ProviderView},
        redirect_target::{NEXT, OwnPage},
    },
    sentence, t,
};

/// A form with one button, which leads to a provider.
#[component]
pub fn ProviderForm(
    provider: ProviderView,
    /// The address of the form, without the key of the provider.
    action: &'static str,
    /// The label of the button, with the name of the provider.
    label: String,
    /// The page to show afterwards.
    #[prop(optional, into)]
    next: Option<OwnPage>,
    /// Whether the form is for the logged-in user.
    #[prop(optional)]
    is_of_user: bool,
    /// Whether to offer that the browser stays remembered, if the provider allows it.
    #[prop(optional)]
    offers_remember: bool,
) -> impl IntoView {
    let remember = (offers_remember && provider.can_remember).then(|| {
        view! {
            <label class="tick">
                <input name="remember" type="checkbox"/>
                {t!("Remember me after a login with {name}", name = provider.name)}
            </label>
        }
    });
    view! {
        <form class="provider" method="post" action=format!("{action}/{}", provider.key)>
            {is_of_user.then(|| view! { <ShownTo/> })}
            {next.map(|next| view! { <input type="hidden" name=NEXT value=next.to_string()/> })}
            {remember}
            <button class="button quiet" type="submit">{label}</button>
        </form>
    }
}

/// The failure in the query of the page, if any.
pub fn failed_login() -> Option<FailedLogin> {
    let query = use_query_map();
    FailedLogin::find(|name| query.read_untracked().get(name))
}

/// The name of a configured provider.
pub fn name_of(key: &str) -> Option<String> {
    let providers = Visit::current().site().providers;
    let provider = providers.into_iter().find(|provider| provider.key == key);
    provider.map(|provider| provider.name)
}

/// Shows the failure in the query of the page. It gets the focus, so that screen readers start with it.
#[component]
pub fn ProviderFailure() -> impl IntoView {
    failed_login().map(|failed| {
        let name = failed.provider.as_deref().and_then(name_of);
        let message = failed
            .failure
            .message(name.as_deref().unwrap_or(t!("the provider")))
            .to_string();
        let message = if name.is_none() { capitalized(&message) } else { message };
        view! {
            <div class="notice bad" role="alert" tabindex="-1" autofocus>
                <p>{message}</p>
                {failed.reference.map(|reference| view! {
                    <p>{sentence!("Reference: {reference}", reference = view! { <code translate="no">{reference}</code> })}</p>
                })}
            </div>
        }
    })
}
