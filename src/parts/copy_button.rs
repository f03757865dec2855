//! A button that copies a text. It appears only with script.

use leptos::prelude::*;

use super::browser::{copy_to_clipboard, hydrated};
use crate::t;

#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    /// What screen readers call the text, if a page has several.
    #[prop(optional, into)]
    label: String,
) -> impl IntoView {
    let (status, set_status) = signal(None::<&str>);
    let is_ready = hydrated();
    let on_copy = move |_| {
        // Cleared first, so that screen readers announce the same message again.
        set_status.set(None);
        copy_to_clipboard(text.get_untracked(), move |is_copied| {
            set_status.set(Some(if is_copied {
                t!("Copied")
            } else {
                t!("Your browser did not allow copying")
            }));
        });
    };
    view! {
        <span class="quiet" role="status">{status}</span>
        <button class="plain" type="button" class:waiting=move || !is_ready.get() on:click=on_copy>
            {t!("Copy")}
            {(!label.is_empty()).then(|| view! { <span class="unseen">{format!(": {label}")}</span> })}
        </button>
    }
}
