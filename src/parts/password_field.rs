//! A password input. The password can be shown, pasted and filled in by password managers (NIST SP 800-63B).
//!
//! For a new password it shows the length while the user types. It never truncates or blocks input.

use leptos::{html, prelude::*};

use super::browser::{hydrated, password_chars};
use crate::{sentence, t};

/// The defaults are those of a field for the current password.
#[component]
pub fn PasswordField(
    #[prop(default = "password".to_owned())] id: String,
    #[prop(default = "password".to_owned())] name: String,
    #[prop(default = t!("Password").to_owned())] label: String,
    /// For password managers: `current-password` or `new-password`.
    #[prop(default = "current-password".to_owned())]
    autocomplete: String,
    #[prop(default = true)] required: bool,
    /// The ids of elements that describe the input.
    #[prop(into)]
    described_by: String,
    #[prop(into)] is_wrong: Signal<bool>,
    /// The minimum length of a new password, in characters.
    #[prop(optional)]
    min_chars: usize,
    /// Receives the input element.
    #[prop(optional)]
    element: NodeRef<html::Input>,
) -> impl IntoView {
    let is_shown = RwSignal::new(false);
    let is_ready = hydrated();
    let length = RwSignal::new(0_usize);
    let is_new = autocomplete == "new-password";
    let hint = format!("hint-{id}");
    let described_by = if is_new {
        format!("{hint} {described_by}")
    } else {
        described_by
    };
    let message = move || match length.get() {
        0 => t!("At least {min} characters.", min = min_chars),
        count if count < min_chars => t!("{count} of at least {min} characters.", count, min = min_chars),
        count => t!("{count} characters: long enough. Longer is stronger.", count),
    };
    let field = label.to_ascii_lowercase();
    view! {
        <label for=id.clone()>{label}</label>
        <div class="with-button">
            <input
                id=id.clone() name=name node_ref=element required=required
                type=move || if is_shown.get() { "text" } else { "password" }
                autocomplete=autocomplete autocapitalize="off" spellcheck="false" data-secret=""
                aria-describedby=described_by aria-invalid=move || is_wrong.get().to_string()
                on:input:target=move |event| length.set(password_chars(&event.target().value()))
            />
            <button
                class="plain" type="button" aria-controls=id aria-pressed=move || is_shown.get().to_string()
                class:waiting=move || !is_ready.get() on:click=move |_| is_shown.update(|shown| *shown = !*shown)
            >
                {sentence!("Show {field}", field = view! { <span class="unseen">{field}</span> })}
            </button>
        </div>
        {is_new.then(|| view! { <p id=hint class="help">{message}</p> })}
    }
}
