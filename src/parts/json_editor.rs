//! The editor for free-form JSON arguments. It checks the text while the user types and shows where it is invalid.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

use super::{browser::hydrated, prose::escaped};
use crate::{
    contract::{
        JsonObject,
        form_data::EDITOR,
        json::{JsonFault, pretty},
    },
    t,
};

#[component]
pub fn JsonEditor(text: RwSignal<String>) -> impl IntoView {
    let fault = Memo::new(move |_| text.with(|text| JsonObject::parse(text).err().map(|fault| in_words(&fault))));
    let message = move || fault.get().unwrap_or_else(|| t!("Valid JSON object").to_owned());
    let markup = escaped(&text.get_untracked());
    let is_ready = hydrated();
    let on_format = move |_| {
        let formatted = text.with_untracked(|text| pretty(text));
        let editor = document()
            .get_element_by_id("arguments")
            .map(JsCast::dyn_into::<HtmlTextAreaElement>);
        if let Some(Ok(editor)) = editor {
            editor.set_value(&formatted);
        }
        text.set(formatted);
    };
    view! {
        <div class="row">
            <label for="arguments">{t!("Arguments (JSON object)")}</label>
            <button class="plain" type="button" class:waiting=move || !is_ready.get() on:click=on_format>{t!("Format")}</button>
        </div>
        <textarea
            id="arguments" name=EDITOR rows="7" spellcheck="false" autocapitalize="off"
            aria-describedby="arguments-said" aria-invalid=move || fault.get().is_some().to_string()
            on:input:target=move |event| text.set(event.target().value()) inner_html=markup
        ></textarea>
        <p id="arguments-said" class="said" class:bad=move || fault.get().is_some()>{message}</p>
    }
}

/// What is missing in the text, or is there too much, and where.
fn in_words(JsonFault { what, position }: &JsonFault) -> String {
    let problem = match what.english() {
        "expected value" => t!("a value is missing"),
        "expected `:`" => t!("a colon is missing"),
        "expected `,` or `}`" => t!("a comma or a closing brace is missing"),
        "expected `,` or `]`" => t!("a comma or a closing bracket is missing"),
        "key must be a string" => t!("a name in double quotes is missing"),
        "trailing characters" => t!("there is more text after the end"),
        what if what.starts_with("EOF") => t!("the text ends too early"),
        _ => what.current(),
    };
    match position {
        Some((line, column)) => {
            t!(
                "Not a JSON object yet: {problem}, at line {line}, column {column}.",
                problem,
                line,
                column
            )
        }
        None => t!("Not a JSON object yet: {problem}.", problem),
    }
}
