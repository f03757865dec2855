//! The head of every page: where one is, who one is, and the way in or out.

use leptos::{mount::mount_to_renderer, prelude::*};
use leptos_router::hooks::use_location;

use super::{mark::Mark, refused::here, visit::Visit};
use crate::contract::{
    Refusal,
    form_data::SHOWN_TO,
    redirect_target::OwnPage,
    role::{MANAGE_ROLES, MANAGE_USERS, READ_AUDIT, SEE_USERS},
    user::{UserView, WhoAmI},
};

/// The id of the element that the head is in.
const HEAD: &str = "head";

/// The head of every page.
#[component]
pub fn Header() -> impl IntoView {
    let visit = Visit::current();
    let location = use_location();
    view! {
        <div id=HEAD>
            <Suspense>
                {move || {
                    let here = here(&location);
                    Suspend::new(async move { view! { <Head who=visit.who().await here=here/> } })
                }}
            </Suspense>
        </div>
    }
}

/// Shows the head anew in a page that stays, at the path `here`, after a call that changed who is logged in.
pub fn show_anew(who: Result<Option<WhoAmI>, Refusal>, here: String) {
    if let Some(head) = document().get_element_by_id(HEAD) {
        head.replace_children_with_node_0();
        mount_to_renderer(&head, move || view! { <Head who=who here=here/> }).forget();
    }
}

#[component]
fn Head(
    /// Who is logged in.
    who: Result<Option<WhoAmI>, Refusal>,
    /// The path of this page, with its query.
    here: String,
) -> impl IntoView {
    let (user, permissions) = match who {
        Ok(Some(who)) => (Ok(Some(who.user)), who.permissions),
        Ok(None) => (Ok(None), Vec::new()),
        Err(refusal) => (Err(refusal), Vec::new()),
    };
    view! {
        <header class="site">
            <a class="brand" href="/">
                <Mark/>
                "Callgate"
            </a>
            <div class="who">{visitor(user, &here)}</div>
        </header>
        {administration(&permissions, path_of(&here))}
    }
}

/// The pages for those who manage, as far as their permissions go.
fn administration(permissions: &[String], here: &str) -> Option<AnyView> {
    let pages = [
        (&[SEE_USERS, MANAGE_USERS][..], "/users", "Users"),
        (&[SEE_USERS, MANAGE_USERS, MANAGE_ROLES], "/roles", "Roles"),
        (&[SEE_USERS], "/access", "Access"),
        (&[READ_AUDIT], "/audit", "Audit trail"),
        (&[READ_AUDIT], "/calls", "Calls"),
    ];
    let links = pages
        .into_iter()
        .filter(|(one_of, ..)| permissions.iter().any(|held| one_of.contains(&held.as_str())))
        .map(|(_, path, name)| view! { <li><a href=path aria-current=is_here(path, here)>{name}</a></li> })
        .collect::<Vec<_>>();
    (!links.is_empty())
        .then(|| view! { <nav class="manage" aria-label="Administration"><ul>{links}</ul></nav> }.into_any())
}

fn visitor(user: Result<Option<UserView>, Refusal>, here: &str) -> AnyView {
    match user {
        Ok(Some(user)) => view! {
            <span class="user">
                <span class="quiet">"Logged in as "</span>
                <a href="/account">{user.user_id.clone()}</a>
            </span>
            <form method="post" action="/logout">
                <input type="hidden" name=SHOWN_TO value=user.user_id/>
                <button class="plain" type="submit">"Log out"</button>
            </form>
        }
        .into_any(),
        Ok(None) => {
            let target = match path_of(here) {
                "" | "/" | "/login" | "/confirm" => "/login".to_owned(),
                _ => format!("/login?next={}", OwnPage::or_home(Some(here)).escaped()),
            };
            view! { <a class="button quiet" href=target aria-current=is_here("/login", path_of(here))>"Log in"</a> }
                .into_any()
        }
        Err(refusal) => view! { <span class="user" role="alert">{refusal.message()}</span> }.into_any(),
    }
}

/// The path of an address, without its query.
fn path_of(here: &str) -> &str {
    here.split_once('?').map_or(here, |(path, _)| path)
}

/// What marks the link to the page that one is at.
fn is_here(path: &str, here: &str) -> Option<&'static str> {
    (path == here).then_some("page")
}
