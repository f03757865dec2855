//! The page of a one-time link, on which its user chooses a password or links an account at a provider.
//!
//! The code of the link is in the fragment, which browsers do not send to the server. The browser part reads it from there;
//! without script the user pastes the link. The user name in the query is only shown: the code determines the user.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    contract::user::is_user_id,
    parts::{
        function_form::FunctionForm,
        provider::{ProviderFailure, failed_login},
        refused::title_of,
        visit::Visit,
    },
    sentence, t,
};

#[component]
pub fn Welcome() -> impl IntoView {
    let query = use_query_map();
    let user = query.read_untracked().get("user").filter(|user| is_user_id(user));
    let name = user.as_ref().map(|user| format!("&user={user}")).unwrap_or_default();
    let then = format!("/login?done=password{name}&next=/account");
    let providers = Visit::current().site().providers.into_iter();
    let alternatives: Vec<(String, String)> = providers
        .map(|provider| {
            (
                format!("/welcome/with/{}", provider.key),
                t!("Continue with {name}"; "one-time link", name = provider.name),
            )
        })
        .collect();
    let choice = (!alternatives.is_empty()).then(|| view! { {t!("You can also use an account elsewhere.")} " " });
    let failed = failed_login().is_some();
    let instruction = match user.clone() {
        Some(user) => sentence!(
            "Choose a password for {user}.",
            user = view! { <strong>{user}</strong> }
        ),
        None => t!("Choose a password for your account.").into_any(),
    };
    view! {
        <Title text=title_of(t!("Choose a password"), failed)/>
        <div class="narrow">
            <h1>{t!("Choose a password")}</h1>
            <p>{instruction} " " {choice} {t!("Your link works only once.")}</p>
            <ProviderFailure/>
            {failed.then(|| view! { <p>{t!("Open your link again to try again.")}</p> })}
            <FunctionForm name="choose_password" button=t!("Set password") then=then user_id=user alternatives=alternatives/>
        </div>
    }
}
