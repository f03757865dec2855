//! The inputs for the arguments of a function: fields, or an editor for free-form JSON.

use leptos::{html, prelude::*};
use serde_json::{Map, Value};

use crate::contract::{
    JsonObject,
    function::{Field, FieldKind, Form},
};

/// What is typed into a form, as the body of a call.
#[derive(Clone, Copy)]
pub struct Typed {
    text: RwSignal<String>,
    editor: NodeRef<html::Textarea>,
}

impl Typed {
    /// Starts with a text for the JSON editor.
    pub fn new(text: String) -> Self {
        Self {
            text: RwSignal::new(text),
            editor: NodeRef::new(),
        }
    }

    /// The text of the editor.
    pub fn text(self) -> RwSignal<String> {
        self.text
    }

    /// The body of the call that `form` asks for, if what is typed can be one. The element is the form itself.
    pub fn body(self, form: &Form, element: &web_sys::HtmlFormElement) -> Option<String> {
        match form {
            Form::Nothing => Some("{}".to_owned()),
            Form::Json { .. } => {
                let text = self.text.get_untracked();
                if JsonObject::parse(&text).is_ok() {
                    return Some(text);
                }
                if let Some(editor) = self.editor.get_untracked() {
                    // Where focusing fails, the message beside the editor still says what is wrong.
                    let _ = editor.focus();
                }
                None
            }
            Form::Fields(fields) => fields_as_json(fields, element),
        }
    }
}

fn fields_as_json(fields: &[Field], element: &web_sys::HtmlFormElement) -> Option<String> {
    let data = web_sys::FormData::new_with_form(element).ok()?;
    let arguments: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let value = match field.kind {
                FieldKind::Tick => Value::Bool(data.has(&field.name)),
                FieldKind::UserName | FieldKind::Password => {
                    data.get(&field.name).as_string().unwrap_or_default().into()
                }
            };
            (field.name.clone(), value)
        })
        .collect();
    Some(Value::Object(arguments).to_string())
}

/// The inputs for `form`.
#[component]
pub fn Arguments(
    /// What the function takes.
    form: Form,
    /// What is typed.
    typed: Typed,
) -> impl IntoView {
    match form {
        Form::Nothing => view! { <p class="quiet">"This function takes no arguments."</p> }.into_any(),
        Form::Json { .. } => view! { <JsonEditor typed=typed/> }.into_any(),
        Form::Fields(fields) => fields
            .into_iter()
            .map(|field| view! { <Input field=field/> })
            .collect_view()
            .into_any(),
    }
}

#[component]
fn JsonEditor(typed: Typed) -> impl IntoView {
    let text = typed.text;
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
            name="arguments"
            node_ref=typed.editor
            rows="7"
            spellcheck="false"
            autocomplete="off"
            autocapitalize="off"
            aria-describedby="arguments-said"
            aria-invalid=move || fault.get().is_some().to_string()
            on:input:target=move |event| text.set(event.target().value())
            inner_html=markup
        ></textarea>
        <p id="arguments-said" class="said" class:bad=move || fault.get().is_some() role="status">{said}</p>
    }
}

#[component]
fn Input(field: Field) -> impl IntoView {
    let Field { name, label, kind } = field;
    let id = format!("argument-{name}");
    match kind {
        FieldKind::Tick => view! {
            <label class="tick">
                <input id=id name=name type="checkbox"/>
                {label}
            </label>
        }
        .into_any(),
        FieldKind::UserName | FieldKind::Password => {
            let (input_type, autocomplete) = match kind {
                FieldKind::Password => ("password", "current-password"),
                FieldKind::UserName | FieldKind::Tick => ("text", "username"),
            };
            view! {
                <label for=id.clone()>{label}</label>
                <input id=id name=name type=input_type autocomplete=autocomplete autocapitalize="off" required/>
            }
            .into_any()
        }
    }
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
