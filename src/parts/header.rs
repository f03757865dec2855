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
        <Suspense>
            {move || Suspend::new(async move { view! { <Administration permissions=visit.permissions().await/> } })}
        </Suspense>
    }
}

/// The pages for those who manage, as far as their permissions go.
#[component]
fn Administration(permissions: Vec<String>) -> impl IntoView {
    let here = use_location().pathname;
    let pages = [
        ("users.read", "/users", "Users"),
        ("users.read", "/roles", "Roles"),
        ("users.read", "/access", "Access"),
        ("audit.read", "/audit", "Audit trail"),
        ("audit.read", "/calls", "Calls"),
    ];
    let links = pages
        .into_iter()
        .filter(|(permission, ..)| permissions.iter().any(|held| held == permission))
        .map(|(_, path, name)| {
            view! { <li><a href=path aria-current=move || (here.get() == path).then_some("page")>{name}</a></li> }
        })
        .collect::<Vec<_>>();
    (!links.is_empty()).then(|| view! { <nav class="manage" aria-label="Administration"><ul>{links}</ul></nav> })
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
