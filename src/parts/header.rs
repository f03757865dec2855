//! The header of every page: logo, user, login or logout, and links for administrators.

use leptos::{mount::mount_to_renderer, prelude::*};
use leptos_router::hooks::use_location;

use super::{refused::current_page, visit::Visit};
use crate::{
    contract::{
        Refusal,
        form_data::SHOWN_TO,
        redirect_target::OwnPage,
        role::{MANAGE_ROLES, MANAGE_USERS, READ_AUDIT, SEE_USERS},
        user::WhoAmI,
    },
    t,
};

const HEAD: &str = "head";

/// The header. Its login link leads back to the current page.
#[component]
pub fn Header() -> impl IntoView {
    let visit = Visit::current();
    let location = use_location();
    view! {
        <div id=HEAD>
            <Suspense>
                {move || {
                    let page = current_page(&location);
                    Suspend::new(async move { view! { <Head whoami=visit.whoami().await page=page/> } })
                }}
            </Suspense>
        </div>
    }
}

/// Renders the header again in the browser, after a call has changed who is logged in.
pub fn render_again(whoami: Result<Option<WhoAmI>, Refusal>, page: String) {
    if let Some(head) = document().get_element_by_id(HEAD) {
        head.replace_children_with_node_0();
        mount_to_renderer(&head, move || view! { <Head whoami=whoami page=page/> }).forget();
    }
}

/// The logo: a person in a gate. It is hidden from screen readers, because the name stands beside it.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M6 27V14a10 10 0 0 1 20 0v13" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/>
            <circle cx="16" cy="19" r="3.5" fill="currentColor"/>
        </svg>
    }
}

#[component]
fn Head(
    whoami: Result<Option<WhoAmI>, Refusal>,
    /// Path and query of the current page.
    page: String,
) -> impl IntoView {
    let permissions: &[String] = match &whoami {
        Ok(Some(whoami)) => &whoami.permissions,
        _ => &[],
    };
    view! {
        <header class="site">
            <a class="brand" href="/" translate="no">
                <Mark/>
                "Callgate"
            </a>
            <div class="who">{visitor(&whoami, &page)}</div>
        </header>
        {administration(permissions, path_of(&page))}
    }
}

/// Links to the pages that the user's permissions allow. Any one of the listed permissions is enough.
fn administration(permissions: &[String], current: &str) -> Option<AnyView> {
    let pages = [
        (&[SEE_USERS, MANAGE_USERS][..], "/users", t!("Users")),
        (&[SEE_USERS, MANAGE_USERS, MANAGE_ROLES], "/roles", t!("Roles")),
        (&[SEE_USERS], "/access", t!("Access")),
        (&[READ_AUDIT], "/audit", t!("Audit log")),
        (&[READ_AUDIT], "/calls", t!("Call log")),
    ];
    let links = pages
        .into_iter()
        .filter(|(one_of, ..)| permissions.iter().any(|held| one_of.contains(&held.as_str())))
        .map(|(_, path, name)| view! { <li><a href=path aria-current=aria_current(path, current)>{name}</a></li> })
        .collect::<Vec<_>>();
    (!links.is_empty())
        .then(|| view! { <nav class="manage" aria-label=t!("Administration")><ul>{links}</ul></nav> }.into_any())
}

fn visitor(whoami: &Result<Option<WhoAmI>, Refusal>, page: &str) -> AnyView {
    match whoami {
        Ok(Some(WhoAmI { user, .. })) => view! {
            <span class="user">
                <span class="quiet">{t!("Logged in as ")}</span>
                <a href="/account" translate="no" aria-current=aria_current("/account", path_of(page))>
                    {user.display_name.clone().map(|name| view! { {name} " " })}
                    {user.user_id.clone()}
                </a>
            </span>
            <form method="post" action="/logout">
                <input type="hidden" name=SHOWN_TO value=user.user_id.clone()/>
                <button class="plain" type="submit">{t!("Log out")}</button>
            </form>
        }
        .into_any(),
        Ok(None) => {
            let target = match path_of(page) {
                "" | "/" | "/login" | "/logged-out" | "/confirm" => "/login".to_owned(),
                _ => format!("/login?next={}", OwnPage::or_home(Some(page)).escaped()),
            };
            view! { <a class="button quiet" href=target aria-current=aria_current("/login", path_of(page))>{t!("Log in")}</a> }
                .into_any()
        }
        Err(refusal) => view! { <span class="user" role="alert">{refusal.message().to_string()}</span> }.into_any(),
    }
}

fn path_of(page: &str) -> &str {
    page.split_once('?').map_or(page, |(path, _)| path)
}

/// The value of `aria-current`, which marks the link to the current page.
fn aria_current(path: &str, current: &str) -> Option<&'static str> {
    (path == current).then_some("page")
}
