//! The editor for free-form JSON arguments. It checks the text while the user types and shows where it is invalid.

use leptos::prelude::*;

use super::prose::escaped;
use crate::{
    contract::{JsonObject, form_data::EDITOR},
    t,
};

#[component]
pub fn JsonEditor(text: RwSignal<String>) -> impl IntoView {
    let error = Memo::new(move |_| text.with(|text| JsonObject::parse(text).err().map(|fault| fault.to_string())));
    let message = move || match error.get() {
        Some(error) => t!("Not a JSON object yet: {error}", error),
        None => t!("Valid JSON object").to_owned(),
    };
    let markup = escaped(&text.get_untracked());
    view! {
        <label for="arguments">{t!("Arguments (JSON object)")}</label>
        <textarea
            id="arguments" name=EDITOR rows="7" spellcheck="false" autocapitalize="off"
            aria-describedby="arguments-said" aria-invalid=move || error.get().is_some().to_string()
            on:input:target=move |event| text.set(event.target().value()) inner_html=markup
        ></textarea>
        <p id="arguments-said" class="said" class:bad=move || error.get().is_some()>{message}</p>
    }
}
