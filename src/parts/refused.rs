//! What stands in place of something that could not be shown.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use super::visit::set_status;
use crate::contract::{Refusal, redirect_target::OwnPage};

/// Says why, with the way to log in where that helps, and gives the page the status that goes with it.
#[component]
pub fn Refused(
    /// Why.
    refusal: Refusal,
) -> impl IntoView {
    set_status(refusal.status());
    let location = use_location();
    let way = refusal.asks_for_login().then(|| {
        let target = move || format!("/login?next={}", OwnPage::or_home(Some(&here(&location))).escaped());
        view! { <p><a class="button" href=target>"Log in"</a></p> }
    });
    let said = match refusal {
        Refusal::NotLoggedIn => "Log in to see this page.".to_owned(),
        Refusal::PermissionRequired(what) => format!("You need {what} to see this page. Ask an administrator."),
        refusal => refusal.message(),
    };
    view! {
        <p role="alert">{said}</p>
        {way}
    }
}

/// The title of a page, which says first where what was sent was refused.
pub fn title_of(page: &str, is_refused: bool) -> String {
    if is_refused {
        format!("Error: {page}")
    } else {
        page.to_owned()
    }
}

/// What a filter has found, with the filter: also where it was filled in wrongly, so that it can be mended.
pub fn filtered<T>(found: Result<T, Refusal>, show: impl FnOnce(Result<T, Refusal>) -> AnyView) -> AnyView {
    match found {
        Err(refusal) if !matches!(refusal, Refusal::InvalidArguments(_)) => {
            view! { <Refused refusal=refusal/> }.into_any()
        }
        found => show(found),
    }
}

/// The path of the page that is shown, with its query, less what Leptos would add to it after a form that failed (`__err`).
pub fn here(location: &Location) -> String {
    let path = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    let pairs = search.trim_start_matches('?').split('&');
    let own: Vec<&str> = pairs
        .filter(|pair| !pair.is_empty() && !pair.starts_with("__"))
        .collect();
    if own.is_empty() {
        path
    } else {
        format!("{path}?{}", own.join("&"))
    }
}
