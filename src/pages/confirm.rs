//! The page on which a logged-in user gets a fresh login: with the password, or by logging in again at a provider.
//!
//! Like on the login page, the form posts to this page without script and calls `confirm_login` with script.

use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::{
    contract::{
        Refusal,
        form_data::SHOWN_TO,
        identity::IdentityList,
        page::{RefusedLogin, WRONG_PASSWORD},
        provider::ProviderView,
        redirect_target::{NEXT, OwnPage},
    },
    functions::identities::my_identities,
    parts::{
        browser::{call, navigate},
        password_field::PasswordField,
        program::Program,
        provider::{ProviderFailure, ProviderForm, failed_login},
        refused::title_of,
        visit::{Visit, set_status},
    },
    sentence, t,
};

#[component]
pub fn ConfirmPage() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let next = OwnPage::or_home(query.read_untracked().get_str(NEXT));
    let is_refused = visit.refused_login().is_some() || failed_login().is_some();
    let ways = Resource::new_blocking(|| (), move |()| ways(visit));
    view! {
        <Title text=title_of(t!("Confirm it is you"), is_refused)/>
        <div class="narrow">
            <h1>{t!("Confirm it is you")}</h1>
            <Suspense>
                {move || {
                    let next = next.clone();
                    Suspend::new(async move {
                        match (visit.user().await, ways.await) {
                            (Ok(Some(user)), Ok(ways)) => view! { <Confirm user_id=user.user_id ways=ways next=next/> }.into_any(),
                            (Ok(None), _) | (_, Err(Refusal::NotLoggedIn)) => view! {
                                <p>
                                    {sentence!(
                                        "You are not logged in. {link} first.",
                                        link = view! { <a href=format!("/login?next={}", next.escaped())>{t!("Log in")}</a> },
                                    )}
                                </p>
                            }
                            .into_any(),
                            (Err(refusal), _) | (_, Err(refusal)) => view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any(),
                        }
                    })
                }}
            </Suspense>
        </div>
    }
}

/// The ways in which the user can confirm the login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ways {
    password: bool,
    providers: Vec<ProviderView>,
}

async fn ways(visit: Visit) -> Result<Ways, Refusal> {
    let mut providers = visit.site().providers;
    if providers.is_empty() || visit.user().await?.is_none() {
        return Ok(Ways {
            password: true,
            providers: Vec::new(),
        });
    }
    let IdentityList {
        identities,
        has_password,
    } = my_identities()
        .await
        .inspect_err(|refusal| set_status(refusal.status()))?;
    let is_linked = |key: &str| {
        identities
            .iter()
            .any(|identity| identity.provider.as_deref() == Some(key))
    };
    providers.retain(|provider| provider.can_confirm && is_linked(&provider.key));
    Ok(Ways {
        password: has_password,
        providers,
    })
}

#[component]
fn Confirm(user_id: String, ways: Ways, next: OwnPage) -> impl IntoView {
    let Ways { password, providers } = ways;
    let instruction = match (password, providers.is_empty()) {
        (true, true) => t!("Enter your password again to continue."),
        (true, false) => t!("Enter your password again, or log in again at your provider, to continue."),
        (false, false) => t!("Log in again at your provider to continue."),
        (false, true) => t!(
            "You have no password, and your provider cannot confirm that it is you. Ask an administrator for a link to \
             choose a password."
        ),
    };
    let has_both = password && !providers.is_empty();
    let waiting = Visit::current().waiting_function(&next).map(|function| {
        let function = view! { <code translate="no">{function}</code> };
        view! { <p>{sentence!("Confirm your login to go on with the call of {function}.", function)}</p> }
    });
    let refused = Visit::current().refused_login().unwrap_or_default();
    view! {
        {waiting}
        <p>
            {sentence!("You are logged in as {user}.", user = view! { <strong translate="no">{user_id.clone()}</strong> })}
            " " {instruction}
        </p>
        <ProviderFailure/>
        {password.then(|| view! {
            <ConfirmForm user_id=user_id next=next.clone() refused=refused/>
            <Program island="confirm_form"/>
        })}
        {has_both.then(|| view! { <p class="or">{t!("or")}</p> })}
        {providers
            .into_iter()
            .map(|provider| view! {
                <ProviderForm
                    label=t!("Confirm with {name}", name = provider.name) provider=provider action="/confirm/with" next=next.clone()
                    is_of_user=true
                />
            })
            .collect_view()}
    }
}

#[island(lazy)]
fn ConfirmForm(
    user_id: String,
    /// The page to show afterwards.
    next: OwnPage,
    /// The refusal to show, or the default.
    refused: RefusedLogin,
) -> impl IntoView {
    // The error gets the focus, so that screen readers start with it.
    let is_refused = !refused.error.is_empty();
    let (error, is_wrong) = (RwSignal::new(refused.error), RwSignal::new(refused.is_wrong));
    let is_outdated = RwSignal::new(false);
    let is_sending = RwSignal::new(false);
    let password = NodeRef::<html::Input>::new();
    let (target, shown_to) = (next.clone(), user_id.clone());
    let on_submit = move |event: web_sys::SubmitEvent| {
        let Some(password) = password.get_untracked() else {
            return;
        };
        event.prevent_default();
        if is_sending.get_untracked() {
            return;
        }
        is_sending.set(true);
        // Cleared first, so that screen readers announce the same error again.
        error.set(String::new());
        let (target, shown_to) = (target.clone(), shown_to.clone());
        spawn_local(async move {
            let body = serde_json::json!({ "password": password.value() }).to_string();
            let outcome = call("/api/confirm_login", body, Some(&shown_to), None).await;
            // Also before another page is loaded: the user may stop that, and the button must work again.
            is_sending.set(false);
            match outcome.refusal() {
                None if outcome.is_ok() => navigate(target.as_str()),
                Some(Refusal::NotLoggedIn) => navigate(&format!("/login?next={}", target.escaped())),
                refusal => {
                    let refusal = refusal.unwrap_or(Refusal::Unreachable);
                    is_outdated.set(refusal == Refusal::OtherUser);
                    let refused = RefusedLogin::new(&refusal, &WRONG_PASSWORD);
                    error.set(refused.error);
                    is_wrong.set(refused.is_wrong);
                    password.select();
                }
            }
        });
    };
    let message = move || Some(error.get()).filter(|error| !error.is_empty());
    let here = format!("/confirm?next={}", next.escaped());
    let action = here.clone();
    view! {
        <form class="panel" method="post" action=action data-focus="" on:submit=on_submit>
            <input type="hidden" name=NEXT value=next.to_string()/>
            // Password managers read the user name from it.
            <input type="text" name=SHOWN_TO value=user_id autocomplete="username" readonly hidden/>
            <p id="confirm-error" class="said bad" role="alert" tabindex="-1" autofocus=is_refused>{message}</p>
            {move || is_outdated.get().then(|| view! { <p><a class="button quiet" href=here.clone()>{t!("Reload the page")}</a></p> })}
            <PasswordField described_by="confirm-error" is_wrong=is_wrong element=password/>
            <button class="button" type="submit" aria-disabled=move || is_sending.get().to_string()>{t!("Confirm")}</button>
        </form>
    }
}
