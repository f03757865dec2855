//! An input for a password: it can be shown, is filled in by managers, and takes what is pasted.
//!
//! For a new password it says how far the length goes. It only says so: nothing that is typed is ever held back.

use leptos::{html, prelude::*};

use super::browser::{hydrated, password_chars};

/// The input with its label, and a button that shows what is typed.
#[component]
pub fn PasswordField(
    /// Its id on the page.
    id: String,
    /// The name of the field.
    name: String,
    /// What it is called.
    label: String,
    /// What password managers fill in: `current-password` or `new-password`.
    autocomplete: String,
    /// Whether it must be filled in.
    required: bool,
    /// The ids of what describes it.
    #[prop(into)]
    described_by: String,
    /// Whether what was typed was refused.
    #[prop(into)]
    is_wrong: Signal<bool>,
    /// The fewest characters of a new password.
    #[prop(optional)]
    wanted: usize,
    /// The element, for those who read or select it.
    #[prop(optional)]
    element: NodeRef<html::Input>,
) -> impl IntoView {
    let is_shown = RwSignal::new(false);
    let is_ready = hydrated();
    let typed = RwSignal::new(0_usize);
    let is_new = autocomplete == "new-password";
    let hint = format!("hint-{id}");
    let described_by = if is_new {
        format!("{hint} {described_by}")
    } else {
        described_by
    };
    let said = move || match typed.get() {
        0 => format!("At least {wanted} characters."),
        count if count < wanted => format!("{count} of at least {wanted} characters."),
        count => format!("{count} characters: long enough. Longer is stronger."),
    };
    let what = format!(" {}", label.to_ascii_lowercase());
    view! {
        <label for=id.clone()>{label}</label>
        <div class="with-button">
            <input
                id=id.clone()
                name=name
                node_ref=element
                required=required
                type=move || if is_shown.get() { "text" } else { "password" }
                autocomplete=autocomplete
                autocapitalize="off"
                spellcheck="false"
                data-secret=""
                aria-describedby=described_by
                aria-invalid=move || is_wrong.get().to_string()
                on:input:target=move |event| typed.set(password_chars(&event.target().value()))
            />
            <button
                class="plain"
                type="button"
                aria-controls=id
                aria-pressed=move || is_shown.get().to_string()
                class:waiting=move || !is_ready.get()
                on:click=move |_| is_shown.update(|shown| *shown = !*shown)
            >
                "Show"
                <span class="unseen">{what}</span>
            </button>
        </div>
        {is_new.then(|| view! { <p id=hint class="help">{said}</p> })}
    }
}
