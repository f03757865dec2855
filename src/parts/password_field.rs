//! A password input. The password can be shown, pasted and filled in by password managers (NIST SP 800-63B).
//!
//! For a new password it shows the length while the user types. It points out what makes people type another password than
//! they mean: Caps Lock, and Hangul, which a keyboard writes as soon as the field shows its text. It never truncates or blocks
//! input.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast as _;

use super::browser::{has_hangul, hydrated, password_chars};
use crate::t;

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
    let (is_caps_lock, is_hangul) = (RwSignal::new(false), RwSignal::new(false));
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
    let warning = move || {
        if is_caps_lock.get() {
            Some(t!("Caps Lock is on."))
        } else if is_shown.get() && is_hangul.get() {
            Some(t!("This contains Hangul. Check the language of your keyboard."))
        } else {
            None
        }
    };
    let on_input = move |text: String| {
        length.set(password_chars(&text));
        is_hangul.set(has_hangul(&text));
    };
    // Password managers send events of that name that are of no key.
    let on_key = move |event: web_sys::KeyboardEvent| {
        if let Some(key) = event.dyn_ref::<web_sys::KeyboardEvent>() {
            is_caps_lock.set(key.get_modifier_state("CapsLock"));
        }
    };
    let field = label.to_ascii_lowercase();
    let action = move || {
        if is_shown.get() {
            t!("Hide {field}", field)
        } else {
            t!("Show {field}", field)
        }
    };
    view! {
        <label for=id.clone()>{label}</label>
        <div class="with-button">
            <input
                id=id.clone() name=name node_ref=element required=required
                type=move || if is_shown.get() { "text" } else { "password" }
                autocomplete=autocomplete autocapitalize="off" spellcheck="false" data-secret=""
                aria-describedby=described_by aria-invalid=move || is_wrong.get().to_string()
                on:input:target=move |event| on_input(event.target().value()) on:keyup=on_key
            />
            <button
                class="plain" type="button" aria-controls=id aria-label=action
                class:waiting=move || !is_ready.get() on:click=move |_| is_shown.update(|shown| *shown = !*shown)
            >
                {move || if is_shown.get() { t!("Hide"; "password") } else { t!("Show"; "password") }}
            </button>
        </div>
        {is_new.then(|| view! { <p id=hint class="help">{message}</p> })}
        <p class="help warning" aria-live="polite">{warning}</p>
    }
}
