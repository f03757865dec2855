//! Refusals on pages, and what pages need to report them.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use super::visit::{Visit, set_status};
use crate::{
    contract::{Refusal, redirect_target::OwnPage},
    sentence, t,
};

/// Stands in place of data that was refused: why, a way on, and the reference for the operator. Sets the status of the page.
#[component]
pub fn Refused(refusal: Refusal) -> impl IntoView {
    set_status(refusal.status());
    view! { <Explanation refusal=refusal/> }
}

/// [`Refused`] for a page that anyone may open, so that its status stays.
#[component]
pub fn Explanation(refusal: Refusal) -> impl IntoView {
    // The filter of the page is shown above it.
    if let Refusal::InvalidArguments(_) = refusal {
        return view! { <p role="alert">{refusal.message().to_string()}</p> }.into_any();
    }
    let page = current_page(&use_location());
    let next = OwnPage::or_home(Some(&page)).escaped();
    let (address, label) = match refusal {
        Refusal::NotLoggedIn => (format!("/login?next={next}"), t!("Log in")),
        Refusal::FreshLoginRequired => (format!("/confirm?next={next}"), t!("Confirm it is you")),
        _ if refusal.is_failure() => (page, t!("Try again")),
        _ => ("/".to_owned(), t!("See all functions")),
    };
    let class = if refusal.asks_for_login() {
        "button"
    } else {
        "button quiet"
    };
    let heading = heading_of(&refusal);
    // The message of an internal error contains it already.
    let has_reference = matches!(refusal, Refusal::NotLoggedIn | Refusal::Internal { .. });
    let reference = Visit::current().reference().filter(|_| !has_reference);
    let message = match refusal {
        Refusal::NotLoggedIn => t!("Log in to see this page.").to_owned(),
        Refusal::PermissionRequired(required) => {
            t!(
                "You need {required} to see this page. Ask an administrator.",
                required = required.words()
            )
        }
        refusal => refusal.message().to_string(),
    };
    view! {
        <section class="refused" aria-labelledby="refused">
            <h2 id="refused">{heading}</h2>
            <p role="alert">{message}</p>
            <p><a class=class href=address>{label}</a></p>
            {reference.map(|reference| view! {
                <p class="quiet">{sentence!("Reference: {reference}", reference = view! { <code>{reference}</code> })}</p>
            })}
        </section>
    }
    .into_any()
}

/// The heading above the message of a refusal.
pub fn heading_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotLoggedIn => t!("You are not logged in"),
        Refusal::FreshLoginRequired => t!("Confirm it is you"),
        Refusal::Forbidden(_) | Refusal::PermissionRequired(_) => t!("No access"),
        Refusal::NotFound(_) => t!("Not found"),
        Refusal::Busy { .. } => t!("Try again in a moment"),
        Refusal::CallTooSlow => t!("That took too long"),
        refusal if refusal.status() < 500 => t!("That did not work"),
        _ => t!("Something went wrong"),
    }
}

/// The title of a page. After a refused form it starts with "Error", so that screen readers announce that first.
pub fn title_of(page: &str, is_refused: bool) -> String {
    if is_refused {
        t!("Error: {page}", page)
    } else {
        page.to_owned()
    }
}

/// Shows a filter with its results. If a value of the filter is invalid, the filter is shown as well, so that the user can
/// correct it.
pub fn filtered<T>(found: Result<T, Refusal>, show: impl FnOnce(Result<T, Refusal>) -> AnyView) -> AnyView {
    match found {
        Err(refusal) if !matches!(refusal, Refusal::InvalidArguments(_)) => {
            view! { <Refused refusal=refusal/> }.into_any()
        }
        found => show(found),
    }
}

/// Path and query of the current page, without the parameters that Leptos adds after a failed form (`__err`, `__path`).
pub fn current_page(location: &Location) -> String {
    let path = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    let pairs = search.trim_start_matches('?').split('&');
    let own: Vec<&str> = pairs
        .filter(|pair| !pair.is_empty() && !pair.starts_with("__"))
        .collect();
    match own.join("&").as_str() {
        "" => path,
        query => format!("{path}?{query}"),
    }
}
