//! The inputs for the arguments of a function, generated from their shape, with and without script.
//!
//! Each input has a label, limits, help from the doc comment, and a message for its faults. The name of an input is the path of
//! its field, which is also how faults name it. No input has a `maxlength`, because browsers silently cut off what is longer.

use std::fmt::Display;

use leptos::{
    attr::{Attribute, custom::custom_attribute},
    prelude::*,
};
use serde_json::Value;

use super::{
    json_editor::JsonEditor,
    password_field::PasswordField,
    prose::{escaped, prose},
};
use crate::{
    contract::{
        form_data::{Typed, is_line},
        letter_case::capitalized,
        shape::{Choice, Field, FieldFault, Format, Range, Shape, TextShape, joined},
    },
    message, t,
};

/// A text that may be longer than this, in characters, gets a textarea.
const LONG_TEXT: usize = 200;

#[derive(Clone, Copy)]
struct Inputs {
    typed: StoredValue<Option<Typed>>,
    faults: Signal<Vec<FieldFault>>,
    min_password_chars: usize,
}

#[component]
pub fn Arguments(
    shape: Shape,
    /// What was submitted before. `None` if nothing was, so that inputs start with their defaults.
    typed: Option<Typed>,
    #[prop(into)] faults: Signal<Vec<FieldFault>>,
    /// The text of the JSON editor, for free-form arguments.
    text: RwSignal<String>,
    /// The minimum length of a new password, in characters.
    password_chars: usize,
) -> impl IntoView {
    let inputs = Inputs {
        typed: StoredValue::new(typed),
        faults,
        min_password_chars: password_chars,
    };
    match shape {
        Shape::Record(fields) if fields.is_empty() => {
            view! { <p class="quiet">{t!("This function takes no arguments.")}</p> }.into_any()
        }
        Shape::Record(fields) => inputs.fields(&fields, ""),
        _ => view! { <JsonEditor text=text/> }.into_any(),
    }
}

impl Inputs {
    fn fields(self, fields: &[Field], path: &str) -> AnyView {
        fields
            .iter()
            .map(|field| self.field(field, joined(path, &field.name)))
            .collect_view()
            .into_any()
    }

    /// A field with label, help, input and message.
    fn field(self, field: &Field, name: String) -> AnyView {
        let label = if field.required || field.shape == Shape::Flag {
            field.label.to_string()
        } else {
            t!("{label} (optional)", label = field.label)
        };
        if let Shape::List(list) = &field.shape
            && let Shape::Choice(choices) = &*list.item
        {
            return self.group(label, field, &name, self.checkboxes(choices, &name, field));
        }
        match &field.shape {
            Shape::Record(fields) => self.group(label, field, &name, self.fields(fields, &name)),
            Shape::Flag if field.is_checkbox() => self.checkbox(label, field, name),
            Shape::Text(text) if text.is_password() => self.password(label, field, text, name),
            _ => {
                let control = self.control(field, &name);
                view! {
                    <div class="field">
                        <label for=id_of(&name) lang=field.label.lang()>{label}</label>
                        {help(field, &name)}
                        {control}
                        {self.message(field, name)}
                    </div>
                }
                .into_any()
            }
        }
    }

    /// Several inputs under one legend.
    fn group(self, label: String, field: &Field, name: &str, inputs: AnyView) -> AnyView {
        let message = self.message(field, name.to_owned());
        view! {
            <fieldset aria-describedby=described_by(field, name)>
                <legend lang=field.label.lang()>{label}</legend>
                {help(field, name)}
                {inputs}
                {message}
            </fieldset>
        }
        .into_any()
    }

    fn checkbox(self, label: String, field: &Field, name: String) -> AnyView {
        let checked = self.typed.with_value(|typed| match typed {
            None => field.initially == Some(Value::Bool(true)),
            Some(typed) => typed.get(&name).is_some(),
        });
        view! {
            <div class="field">
                <label class="tick" lang=field.label.lang()>
                    <input id=id_of(&name) name=name.clone() type="checkbox" checked=checked aria-describedby=described_by(field, &name)/>
                    {label}
                </label>
                {help(field, &name)}
                {self.message(field, name)}
            </div>
        }
        .into_any()
    }

    fn checkboxes(self, choices: &[Choice], name: &str, field: &Field) -> AnyView {
        let is_checked = |value: &str| {
            self.typed.with_value(|typed| match typed {
                None => {
                    let initially = field.initially.as_ref().and_then(Value::as_array);
                    initially.is_some_and(|values| values.iter().any(|initial| initial == value))
                }
                Some(typed) => typed.all(name).any(|typed| typed == value),
            })
        };
        let is_wrong = self.is_wrong(name.to_owned());
        choices
            .iter()
            .map(|choice| {
                view! {
                    <label class="tick" lang=choice.label.lang()>
                        <input
                            name=name.to_owned() type="checkbox" value=choice.value.clone() checked=is_checked(&choice.value)
                            aria-invalid=move || is_wrong.get().to_string()
                        />
                        {choice.label.to_string()}
                    </label>
                }
            })
            .collect_view()
            .into_any()
    }

    fn password(self, label: String, field: &Field, text: &TextShape, name: String) -> AnyView {
        let is_wrong = self.is_wrong(name.clone());
        view! {
            <div class="field">
                <PasswordField
                    id=id_of(&name) name=name.clone() label=label required=field.required
                    autocomplete=text.autocomplete.clone().unwrap_or_else(|| "off".to_owned())
                    described_by=described_by(field, &name) is_wrong=is_wrong min_chars=self.min_password_chars
                />
                {help(field, &name)}
                {self.message(field, name)}
            </div>
        }
        .into_any()
    }

    fn control(self, field: &Field, name: &str) -> AnyView {
        let value = self.initial_value(field, name);
        match &field.shape {
            Shape::Text(text) if !text.secret && text.max.is_some_and(|max| max > LONG_TEXT) => {
                let must_be_filled = field.required && text.min.is_some_and(|min| min > 0);
                self.textarea(field, name, &value, must_be_filled)
            }
            Shape::Text(text) => self.text_input(field, text, name, value),
            Shape::Integer(range) => self.number_input(field, range, "1", name, value),
            Shape::Number(range) => self.number_input(field, range, "any", name, value),
            Shape::Choice(choices) => self.select(field, choices, name, &value),
            Shape::Flag => {
                let choices = [("true", message!("Yes")), ("false", message!("No"))].map(|(value, label)| Choice {
                    value: value.to_owned(),
                    label,
                });
                self.select(field, &choices, name, &value)
            }
            _ => self.textarea(field, name, &value, false),
        }
    }

    fn text_input(self, field: &Field, text: &TextShape, name: &str, value: String) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        let kind = match text.format {
            Format::Plain => "text",
            Format::Date => "date",
            Format::Email => "email",
        };
        let must_be_filled = field.required && (text.format != Format::Plain || text.min.is_some_and(|min| min > 0));
        view! {
            <input
                id=id_of(name) name=name.to_owned() type=kind value=value required=must_be_filled
                minlength=text.min.filter(|min| *min > 1)
                autocomplete=text.autocomplete.clone() autocapitalize="off" {..no_autocorrect()} spellcheck="false"
                data-secret=text.secret.then_some("")
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            />
        }
        .into_any()
    }

    fn number_input(self, field: &Field, range: &Range, step: &'static str, name: &str, value: String) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        view! {
            <input
                id=id_of(name) name=name.to_owned() type="number" value=value required=field.required
                min=range.min.map(|min| min.to_string()) max=range.max.map(|max| max.to_string()) step=step
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            />
        }
        .into_any()
    }

    fn select(self, field: &Field, choices: &[Choice], name: &str, selected: &str) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        let options = choices
            .iter()
            .map(|choice| {
                view! {
                    <option value=choice.value.clone() selected=choice.value == selected lang=choice.label.lang()>
                        {choice.label.to_string()}
                    </option>
                }
            })
            .collect_view();
        view! {
            <select
                id=id_of(name) name=name.to_owned() required=field.required
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            >
                <option value="">{if field.required { t!("Choose one") } else { t!("Not specified") }}</option>
                {options}
            </select>
        }
        .into_any()
    }

    fn textarea(self, field: &Field, name: &str, value: &str, required: bool) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        view! {
            <textarea
                id=id_of(name) name=name.to_owned() rows="4" spellcheck="false" required=required
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
                inner_html=escaped(value)
            ></textarea>
        }
        .into_any()
    }

    /// What was submitted before, or the default of the field.
    fn initial_value(self, field: &Field, name: &str) -> String {
        let typed = |typed: &Typed| typed.get(name).unwrap_or_default().to_owned();
        if let Some(typed) = self.typed.with_value(|submitted| submitted.as_ref().map(typed)) {
            return typed;
        }
        match &field.initially {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) if matches!(&field.shape, Shape::List(list) if is_line(&list.item)) => {
                let lines: Vec<String> = items
                    .iter()
                    .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                    .collect();
                lines.join("\n")
            }
            Some(value) => value.to_string(),
        }
    }

    /// The faults of an input as a message. Always rendered, so that screen readers announce changes. Faults of a record's fields
    /// are shown beside those fields.
    fn message(self, field: &Field, name: String) -> AnyView {
        let id = format!("said-{}", id_of(&name));
        let faults = self.faults;
        let is_record = matches!(field.shape, Shape::Record(_));
        let instruction = instruction(&field.shape);
        let message = move || {
            let sentences: Vec<String> = faults
                .read()
                .iter()
                .filter_map(|fault| Some((fault.below(&name)?, &fault.problem)))
                .filter(|(rest, _)| rest.is_empty() || !is_record)
                .map(|(rest, problem)| {
                    let is_empty =
                        rest.is_empty() && [t!("is missing"), t!("must not be empty")].contains(&problem.current());
                    if is_empty {
                        instruction.to_owned()
                    } else {
                        sentence(rest, problem)
                    }
                })
                .collect();
            sentences.join(" ")
        };
        view! { <p id=id class="said bad" aria-live="polite">{message}</p> }.into_any()
    }

    fn is_wrong(self, name: String) -> Signal<bool> {
        let faults = self.faults;
        Signal::derive(move || faults.read().iter().any(|fault| fault.below(&name).is_some()))
    }
}

/// What to do about a field that is empty and must not be.
fn instruction(shape: &Shape) -> &'static str {
    match shape {
        Shape::Choice(_) | Shape::Flag => t!("Choose one."),
        Shape::Integer(_) | Shape::Number(_) => t!("Enter a number."),
        Shape::Text(text) if text.format == Format::Date => t!("Choose a date."),
        _ => t!("Fill in this field."),
    }
}

/// A fault of a field, or of its part at the path `rest`, as a sentence.
fn sentence(rest: &str, problem: &impl Display) -> String {
    let sentence = match rest {
        "" => format!("{problem}."),
        rest => t!("{part} {problem}.", part = part_in_words(rest), problem),
    };
    capitalized(&sentence)
}

/// The path of a part in words: `[1]` is "item 2".
fn part_in_words(rest: &str) -> String {
    let item = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match item.and_then(|(at, rest)| Some((at.parse::<usize>().ok()?, rest))) {
        Some((at, rest)) => t!("item {n}{rest}", n = at + 1, rest),
        None => rest.trim_start_matches('.').to_owned(),
    }
}

/// The doc comment of a field and the syntax of its value.
fn help_text(field: &Field) -> String {
    let syntax = match &field.shape {
        Shape::List(list) if matches!(*list.item, Shape::Choice(_)) => "",
        Shape::List(list) if is_line(&list.item) => t!("One per line."),
        Shape::List(_) => t!("A JSON list."),
        Shape::Object => t!("A JSON object."),
        Shape::Any { .. } => t!("Any JSON value."),
        _ => "",
    };
    format!("{} {syntax}", field.help).trim().to_owned()
}

fn help(field: &Field, name: &str) -> AnyView {
    let (id, text) = (format!("help-{}", id_of(name)), help_text(field));
    (!text.is_empty())
        .then(|| view! { <p id=id class="help" lang=field.help.lang()>{prose(&text)}</p> })
        .into_any()
}

/// The id of an input. The prefix keeps arguments apart from other elements of the page.
fn id_of(name: &str) -> String {
    format!("argument-{name}")
}

fn described_by(field: &Field, name: &str) -> String {
    let id = id_of(name);
    if help_text(field).is_empty() {
        format!("said-{id}")
    } else {
        format!("help-{id} said-{id}")
    }
}

/// Turns off autocorrection on phones. A custom attribute, because Leptos has no `autocorrect`.
pub fn no_autocorrect() -> impl Attribute {
    custom_attribute("autocorrect", "off")
}
