//! The head of every page: where one is, who one is, and the way in or out.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{mark::Mark, visit::Visit};
use crate::contract::{Refusal, user::UserView};

/// The head of every page.
#[component]
pub fn Header() -> impl IntoView {
    let visit = Visit::current();
    visit.forget_when_leaving();
    view! {
        <header class="site">
            <a class="brand" href="/">
                <Mark/>
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
                <a href="/account">{user.user_id}</a>
            </span>
            <form method="post" action="/logout">
                <button class="plain" type="submit">"Log out"</button>
            </form>
        }
        .into_any(),
        Ok(None) => view! { <LogIn/> }.into_any(),
        Err(refusal) => view! { <span class="user" role="alert">{refusal.message()}</span> }.into_any(),
    }
}

#[component]
fn LogIn() -> impl IntoView {
    let here = use_location().pathname;
    let target = move || match here.get().as_str() {
        "" | "/" | "/login" | "/confirm" => "/login".to_owned(),
        here => format!("/login?next={here}"),
    };
    view! { <a class="button quiet" href=target aria-current=move || (here.get() == "/login").then_some("page")>"Log in"</a> }
}
