//! Refusals on pages, and what pages need to report them.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use super::visit::set_status;
use crate::{
    contract::{Refusal, redirect_target::OwnPage},
    t,
};

/// Shows why data could not be loaded, links to the login if that helps, and sets the status of the page.
#[component]
pub fn Refused(refusal: Refusal) -> impl IntoView {
    set_status(refusal.status());
    let location = use_location();
    let login = refusal.asks_for_login().then(|| {
        let target = move || {
            let next = OwnPage::or_home(Some(&current_page(&location)));
            format!("/login?next={}", next.escaped())
        };
        view! { <p><a class="button" href=target>{t!("Log in")}</a></p> }
    });
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
        <p role="alert">{message}</p>
        {login}
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
