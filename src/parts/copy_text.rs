//! A text with a button that copies it.

use leptos::prelude::*;

use super::copy_button::CopyButton;
use crate::contract::Language;

/// The button appears with script only.
#[island(lazy)]
pub fn CopyText(
    text: String,
    /// What screen readers call the text.
    label: String,
    /// The language of the text, if it has one.
    language: Option<Language>,
) -> impl IntoView {
    let copied = text.clone();
    view! {
        <div class="copy">
            <pre tabindex="0" role="group" aria-label=label.clone() lang=language.map(Language::tag)><code>{text}</code></pre>
            <CopyButton text=Signal::derive(move || copied.clone()) label=label/>
        </div>
    }
}
