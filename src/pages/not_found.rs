//! The page for unknown paths.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{parts::visit::set_status, t};

/// Sets the status of the page to 404.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(404);
    view! {
        <Title text=t!("Not found")/>
        <div class="narrow">
            <h1>{t!("Page not found")}</h1>
            <p class="lead">{t!("Check the address, or start from the list of functions.")}</p>
            <p><a class="button" href="/">{t!("See all functions")}</a></p>
        </div>
    }
}
