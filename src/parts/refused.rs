//! What stands in place of something that could not be shown.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::visit::set_status;
use crate::contract::{Refusal, next::OwnPage};

/// Says why, with the way to log in where that helps, and gives the page the status that goes with it.
#[component]
pub fn Refused(
    /// Why.
    refusal: Refusal,
) -> impl IntoView {
    set_status(refusal.status());
    let location = use_location();
    let here = move || {
        format!(
            "{}{}",
            location.pathname.get(),
            location.search.with(|search| query(search))
        )
    };
    let way = refusal.asks_for_login().then(|| {
        let target = move || format!("/login?next={}", OwnPage::or_home(Some(&here())).escaped());
        view! { <p><a class="button" href=target>"Log in"</a></p> }
    });
    let said = match refusal {
        Refusal::NotLoggedIn => "This page is for logged-in users.".to_owned(),
        Refusal::PermissionRequired(which) => {
            format!("This page wants the permission {which}. Ask an administrator for it.")
        }
        refusal => refusal.message(),
    };
    view! {
        <p role="alert">{said}</p>
        {way}
    }
}

/// The query of an address, with its mark.
fn query(search: &str) -> String {
    match search.trim_start_matches('?') {
        "" => String::new(),
        search => format!("?{search}"),
    }
}
