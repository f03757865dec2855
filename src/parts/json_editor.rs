//! The editor for free-form JSON: it says at once whether what is typed is an object, and where it stops being one.

use leptos::prelude::*;

use super::prose::escaped;
use crate::contract::{JsonObject, form_data::EDITOR};

/// The editor.
#[component]
pub fn JsonEditor(
    /// What is typed.
    text: RwSignal<String>,
) -> impl IntoView {
    let fault = Memo::new(move |_| text.with(|text| JsonObject::parse(text).err().map(|fault| fault.to_string())));
    let said = move || match fault.get() {
        Some(fault) => format!("Not a JSON object yet: {fault}"),
        None => "This is a JSON object".to_owned(),
    };
    // As markup, because Leptos 0.8 writes the children of a textarea unescaped (leptos-rs/leptos#4819).
    let markup = escaped(&text.get_untracked());
    view! {
        <label for="arguments">"Arguments, a JSON object"</label>
        <textarea
            id="arguments"
            name=EDITOR
            rows="7"
            spellcheck="false"
            autocapitalize="off"
            aria-describedby="arguments-said"
            aria-invalid=move || fault.get().is_some().to_string()
            on:input:target=move |event| text.set(event.target().value())
            inner_html=markup
        ></textarea>
        <p id="arguments-said" class="said" class:bad=move || fault.get().is_some()>{said}</p>
    }
}
