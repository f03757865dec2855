//! The head of every page: where one is, who one is, and the way in or out.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::visit::Visit;
use crate::contract::{Refusal, user::UserView};

/// The head of every page.
#[component]
pub fn Header() -> impl IntoView {
    let visit = Visit::current();
    visit.forget_when_leaving();
    view! {
        <header class="site">
            <a class="brand" href="/">
                <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
                    <path d="M6 27V14a10 10 0 0 1 20 0v13" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/>
                    <circle cx="16" cy="19" r="3.5" fill="currentColor"/>
                </svg>
                "Callgate"
            </a>
            <div class="who">
                <Suspense>
                    {move || Suspend::new(async move { who(visit.user().await) })}
                </Suspense>
            </div>
        </header>
    }
}

fn who(user: Result<Option<UserView>, Refusal>) -> AnyView {
    match user {
        Ok(Some(user)) => view! {
            <span class="user">
                <span class="quiet">"Logged in as "</span>
                <strong>{user.user_id}</strong>
            </span>
            <form method="post" action="/logout">
                <button class="plain" type="submit">"Log out"</button>
            </form>
        }
        .into_any(),
        Ok(None) => view! { <LogIn/> }.into_any(),
        Err(refusal) => {
            view! { <span class="user" role="alert">{refusal.message()}</span> }.into_any()
        }
    }
}

#[component]
fn LogIn() -> impl IntoView {
    let here = use_location().pathname;
    let target = move || match here.get().as_str() {
        "" | "/" | "/login" => "/login".to_owned(),
        here => format!("/login?next={here}"),
    };
    view! { <a class="button quiet" href=target>"Log in"</a> }
}
