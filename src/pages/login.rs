//! The login page.
//!
//! Without script the form posts to this page, and the server redirects or shows the form again. With script it calls `login`
//! and shows a refusal without loading a page.

use leptos::{html, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::{
    contract::{
        login::{LoginArguments, Password},
        page::{RefusedLogin, WRONG_LOGIN},
        redirect_target::{NEXT, OwnPage},
        user::is_user_id,
    },
    functions::login::login,
    parts::{
        arguments::no_autocorrect,
        browser::navigate,
        password_field::PasswordField,
        program::Program,
        provider::{ProviderFailure, ProviderForm, failed_login},
        refused::title_of,
        visit::Visit,
    },
    sentence, t,
};

#[component]
pub fn LoginPage() -> impl IntoView {
    let visit = Visit::current();
    let query = use_query_map();
    let next = OwnPage::or_home(query.read_untracked().get_str(NEXT));
    let refused = visit.refused_login().unwrap_or_else(|| RefusedLogin {
        user_id: query
            .read_untracked()
            .get("user")
            .filter(|user| is_user_id(user))
            .unwrap_or_default(),
        ..RefusedLogin::default()
    });
    let is_refused = !refused.error.is_empty() || failed_login().is_some();
    let target = StoredValue::new(next.clone());
    let has_new_password = query.read_untracked().get_str("done") == Some("password");
    view! {
        <Title text=title_of(t!("Log in"), is_refused)/>
        <div class="narrow">
            <h1>{t!("Log in")}</h1>
            {has_new_password.then(|| view! {
                <p class="you" role="status">{t!("Your password is set. You can now log in.")}</p>
            })}
            <Suspense>
                {move || Suspend::new(async move {
                    match visit.user().await {
                        Ok(Some(user)) => view! {
                            <p class="you">
                                {sentence!(
                                    "You are logged in as {user}. Log in here to switch to another user.",
                                    user = view! { <strong translate="no">{user.user_id}</strong> },
                                )}
                            </p>
                        }
                        .into_any(),
                        _ if has_new_password => ().into_any(),
                        _ => target.with_value(|next| reason(visit, next)),
                    }
                })}
            </Suspense>
            <ProviderFailure/>
            <LoginForm next=next.clone() refused=refused/>
            <Providers next=next.clone()/>
            {visit.site().registration_open.then(|| view! {
                <p>
                    {sentence!(
                        "New here? {link}.",
                        link = view! { <a href=format!("/register?next={}", next.escaped())>{t!("Register")}</a> },
                    )}
                </p>
            })}
            <DemoUsers/>
        </div>
        <Program/>
    }
}

/// Why somebody is here who has not asked for the login page.
fn reason(visit: Visit, next: &OwnPage) -> AnyView {
    if let Some(function) = visit.waiting_function(next) {
        let function = view! { <code translate="no">{function}</code> };
        return view! { <p>{sentence!("Log in to go on with the call of {function}.", function)}</p> }.into_any();
    }
    (*next != OwnPage::home())
        .then(|| view! { <p>{t!("Log in to continue.")}</p> })
        .into_any()
}

#[island]
fn LoginForm(
    /// The page to show afterwards.
    next: OwnPage,
    /// The refused login to show, or the initial values.
    refused: RefusedLogin,
) -> impl IntoView {
    // The error gets the focus, so that screen readers start with it.
    let is_refused = !refused.error.is_empty();
    let (error, is_wrong) = (RwSignal::new(refused.error), RwSignal::new(refused.is_wrong));
    let is_sending = RwSignal::new(false);
    let node = NodeRef::<html::Input>::new;
    let (user, password, checkbox) = (node(), node(), node());
    let target = next.clone();
    let on_submit = move |event: web_sys::SubmitEvent| {
        let (Some(user), Some(password), Some(checkbox)) =
            (user.get_untracked(), password.get_untracked(), checkbox.get_untracked())
        else {
            return;
        };
        event.prevent_default();
        if is_sending.get_untracked() {
            return;
        }
        is_sending.set(true);
        // Cleared first, so that screen readers announce the same error again.
        error.set(String::new());
        let target = target.clone();
        spawn_local(async move {
            let arguments = LoginArguments {
                user_id: user.value(),
                password: Password::new(password.value()),
                remember: checkbox.checked(),
            };
            let reply = login(arguments).await;
            // Also before another page is loaded: the user may stop that, and the button must work again.
            is_sending.set(false);
            match reply {
                // A full page load, so that no state from before the login remains.
                Ok(_) => navigate(target.as_str()),
                Err(refusal) => {
                    let refused = RefusedLogin::new(&refusal, &WRONG_LOGIN);
                    error.set(refused.error);
                    is_wrong.set(refused.is_wrong);
                    password.select();
                }
            }
        });
    };
    let message = move || Some(error.get()).filter(|error| !error.is_empty());
    view! {
        // `next` is in the address as well, so that the page after a refusal still has it.
        <form class="panel" method="post" action=format!("/login?next={}", next.escaped()) data-focus="" on:submit=on_submit>
            <input type="hidden" name=NEXT value=next.to_string()/>
            <p id="login-error" class="said bad" role="alert" tabindex="-1" autofocus=is_refused>{message}</p>
            <label for="user_id">{t!("User"; "login field")}</label>
            <input
                id="user_id" name="user_id" node_ref=user value=refused.user_id required
                autocomplete="username" autocapitalize="off" {..no_autocorrect()} spellcheck="false"
                aria-describedby="login-error" aria-invalid=move || is_wrong.get().to_string()
            />
            <PasswordField described_by="login-error" is_wrong=is_wrong element=password/>
            <label class="tick">
                <input name="remember" type="checkbox" node_ref=checkbox checked=refused.remember/>
                {t!("Remember me on this device")}
            </label>
            <button class="button" type="submit" aria-disabled=move || is_sending.get().to_string()>{t!("Log in")}</button>
        </form>
    }
}

/// A button for each provider.
#[component]
fn Providers(next: OwnPage) -> impl IntoView {
    let providers = Visit::current().site().providers;
    (!providers.is_empty()).then(|| {
        view! {
            <p class="or">{t!("or")}</p>
            {providers
                .into_iter()
                .map(|provider| view! {
                    <ProviderForm
                        label=t!("Continue with {name}", name = provider.name) provider=provider action="/login/with" next=next.clone()
                        offers_remember=true
                    />
                })
                .collect_view()}
        }
    })
}

/// The logins of the demo users, if the server runs as a demo.
#[component]
fn DemoUsers() -> impl IntoView {
    let users = Visit::current().site().demo_users;
    (!users.is_empty()).then(|| {
        view! {
            <section class="demo" aria-labelledby="demo">
                <h2 id="demo">{t!("This is a demo")}</h2>
                <p class="quiet">{t!("Log in as one of these users. The passwords are public.")}</p>
                <ul>
                    {users
                        .into_iter()
                        .map(|(user, password)| view! {
                            <li>
                                {sentence!(
                                    "{user} with password {password}",
                                    user = view! { <code translate="no">{user}</code> },
                                    password = view! { <code translate="no">{password}</code> },
                                )}
                            </li>
                        })
                        .collect_view()}
                </ul>
            </section>
        }
    })
}
