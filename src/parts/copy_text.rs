//! A text with a button that copies it.

use leptos::prelude::*;

use super::browser::{copy_to_clipboard, hydrated};
use crate::{contract::Language, t};

/// The button appears with script only.
#[island(lazy)]
pub fn CopyText(
    text: String,
    /// What screen readers call the text.
    label: String,
    /// The language of the text, if it has one.
    language: Option<Language>,
) -> impl IntoView {
    let status = RwSignal::new(None::<&str>);
    let is_ready = hydrated();
    let shown = text.clone();
    let on_copy = move |_| {
        // Cleared first, so that screen readers announce the same message again.
        status.set(None);
        copy_to_clipboard(text.clone(), move |is_copied| {
            status.set(Some(if is_copied {
                t!("Copied")
            } else {
                t!("Your browser did not allow copying")
            }));
        });
    };
    view! {
        <div class="copy">
            <pre tabindex="0" role="group" aria-label=label.clone() lang=language.map(Language::tag)><code>{shown}</code></pre>
            <button class="button quiet" type="button" class:waiting=move || !is_ready.get() on:click=on_copy>
                {t!("Copy")} <span class="unseen">{format!(": {label}")}</span>
            </button>
            <span class="quiet" role="status">{move || status.get()}</span>
        </div>
    }
}
