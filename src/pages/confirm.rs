//! The page that asks who is logged in for the password once more, so that the login is fresh.
//!
//! It works like the login page: without script the form posts to this page, with script it calls `confirm_login`.

use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    contract::{
        Refusal,
        form_data::SHOWN_TO,
        page::{NOT_YOUR_PASSWORD, RefusedLogin},
        redirect_target::OwnPage,
    },
    parts::{
        browser::{call, go},
        password_field::PasswordField,
        program::Program,
        refused::title_of,
        visit::Visit,
    },
};

/// The page.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let next = OwnPage::or_home(query.read_untracked().get_str("next"));
    let is_refused = visit.refused_login().is_some();
    view! {
        <Title text=title_of("Confirm it is you", is_refused)/>
        <div class="narrow">
            <h1>"Confirm it is you"</h1>
            <Suspense>
                {
                    let next = next.clone();
                    move || {
                        let next = next.clone();
                        Suspend::new(async move {
                            match visit.user().await {
                                Ok(Some(user)) => view! {
                                    <p>
                                        "You are logged in as " <strong>{user.user_id.clone()}</strong>
                                        ". Enter your password again to continue."
                                    </p>
                                    <ConfirmForm user_id=user.user_id next=next refused=visit.refused_login().unwrap_or_default()/>
                                    <Program/>
                                }
                                .into_any(),
                                Ok(None) => view! {
                                    <p>"You are not logged in. " <a href=format!("/login?next={}", next.escaped())>"Log in"</a> " first."</p>
                                }
                                .into_any(),
                                Err(refusal) => view! { <p role="alert">{refusal.message()}</p> }.into_any(),
                            }
                        })
                    }
                }
            </Suspense>
        </div>
    }
}

/// The form. What calls in place is in the file of such forms.
#[island(lazy)]
fn ConfirmForm(
    /// Who is logged in.
    user_id: String,
    /// Where it leads to.
    next: OwnPage,
    /// The password that was just refused.
    refused: RefusedLogin,
) -> impl IntoView {
    // A screen reader starts with the reason.
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
        // Where the same is said again, it is announced again.
        error.set(String::new());
        let (target, shown_to) = (target.clone(), shown_to.clone());
        spawn_local(async move {
            let body = serde_json::json!({ "password": password.value() }).to_string();
            let came = call("/api/confirm_login", body, Some(&shown_to)).await;
            // Also where the page is left now: that may be stopped, and the button must work again.
            is_sending.set(false);
            match came.refusal() {
                None if came.is_ok() => go(target.as_str()),
                Some(Refusal::NotLoggedIn) => go(&format!("/login?next={}", target.escaped())),
                refusal => {
                    let refusal = refusal.unwrap_or(Refusal::Unreachable);
                    is_outdated.set(refusal == Refusal::OtherUser);
                    is_wrong.set(matches!(refusal, Refusal::InvalidCredentials));
                    error.set(if is_wrong.get_untracked() {
                        NOT_YOUR_PASSWORD.to_owned()
                    } else {
                        refusal.message()
                    });
                    password.select();
                }
            }
        });
    };
    let said = move || Some(error.get()).filter(|error| !error.is_empty());
    let here = format!("/confirm?next={}", next.escaped());
    let action = here.clone();
    view! {
        <form class="panel" method="post" action=action on:submit=on_submit>
            <input type="hidden" name="next" value=next.to_string()/>
            // For password managers, which look for the name beside the password.
            <input type="text" name=SHOWN_TO value=user_id autocomplete="username" readonly hidden/>
            <p id="confirm-error" class="said bad" role="alert" tabindex="-1" autofocus=is_refused>{said}</p>
            {move || is_outdated.get().then(|| view! { <p><a class="button quiet" href=here.clone()>"Reload the page"</a></p> })}
            <PasswordField
                id="password".to_owned()
                name="password".to_owned()
                label="Password".to_owned()
                autocomplete="current-password".to_owned()
                required=true
                described_by="confirm-error"
                is_wrong=is_wrong
                element=password
            />
            <button class="button" type="submit" aria-disabled=move || is_sending.get().to_string()>"Confirm"</button>
        </form>
    }
}
