//! The inputs for the arguments of a function, made from their shape: the same with script and without.
//!
//! Each input has its label, its limits, its help from the doc comment, and beside it what is wrong with it. The name of
//! an input is the path of its field, so a fault finds it. No input cuts off what is too long for it: that is said, and nothing of
//! it is lost.

use leptos::{
    attr::{Attribute, custom::custom_attribute},
    prelude::*,
};
use serde_json::Value;

use super::{json_editor::JsonEditor, password_field::PasswordField, prose::prose};
use crate::{
    contract::{
        form_data::{Typed, is_line},
        letter_case::capitalized,
        shape::{Choice, Field, FieldFault, Format, Range, Shape, TextShape, joined},
    },
    parts::prose::escaped,
};

/// A text longer than this is written in several lines.
const LONG_TEXT: usize = 200;

/// What the inputs of one form share.
#[derive(Clone, Copy)]
struct Inputs {
    typed: StoredValue<Option<Typed>>,
    faults: Signal<Vec<FieldFault>>,
    password_chars: usize,
}

/// The inputs for arguments of a shape.
#[component]
pub fn Arguments(
    /// What the function takes.
    shape: Shape,
    /// What was typed before, if the form was sent before: it may well hold nothing then.
    typed: Option<Typed>,
    /// What is wrong with it.
    #[prop(into)]
    faults: Signal<Vec<FieldFault>>,
    /// The text of the editor, for free-form arguments.
    text: RwSignal<String>,
    /// The fewest characters of a new password.
    password_chars: usize,
) -> impl IntoView {
    let inputs = Inputs {
        typed: StoredValue::new(typed),
        faults,
        password_chars,
    };
    match shape {
        Shape::Record(fields) if fields.is_empty() => {
            view! { <p class="quiet">"This function takes no arguments."</p> }.into_any()
        }
        Shape::Record(fields) => inputs.all(&fields, ""),
        _ => view! { <JsonEditor text=text/> }.into_any(),
    }
}

impl Inputs {
    fn all(self, fields: &[Field], path: &str) -> AnyView {
        fields
            .iter()
            .map(|field| self.one(field, joined(path, &field.name)))
            .collect_view()
            .into_any()
    }

    /// One field with all that belongs to it.
    fn one(self, field: &Field, name: String) -> AnyView {
        let label = if field.required || field.shape == Shape::Flag {
            field.label.clone()
        } else {
            format!("{} (optional)", field.label)
        };
        if let Shape::List(list) = &field.shape
            && let Shape::Choice(choices) = &*list.item
        {
            return self.group(label, field, &name, self.boxes(choices, &name, field));
        }
        match &field.shape {
            Shape::Record(fields) => self.group(label, field, &name, self.all(fields, &name)),
            Shape::Flag if field.is_box() => self.tick(label, field, name),
            Shape::Text(text) if text.is_password() => self.secret(label, field, text, name),
            _ => {
                let control = self.control(field, &name);
                view! {
                    <div class="field">
                        <label for=id_of(&name)>{label}</label>
                        {help(field, &name)}
                        {control}
                        {self.said(name, false)}
                    </div>
                }
                .into_any()
            }
        }
    }

    /// Several inputs under one heading.
    fn group(self, label: String, field: &Field, name: &str, inputs: AnyView) -> AnyView {
        let said = self.said(name.to_owned(), matches!(field.shape, Shape::Record(_)));
        view! {
            <fieldset aria-describedby=described_by(field, name)>
                <legend>{label}</legend>
                {help(field, name)}
                {inputs}
                {said}
            </fieldset>
        }
        .into_any()
    }

    fn tick(self, label: String, field: &Field, name: String) -> AnyView {
        let checked = self.typed.with_value(|typed| match typed {
            None => field.initially == Some(Value::Bool(true)),
            Some(typed) => typed.get(&name).is_some(),
        });
        view! {
            <div class="field">
                <label class="tick">
                    <input id=id_of(&name) name=name.clone() type="checkbox" checked=checked aria-describedby=described_by(field, &name)/>
                    {label}
                </label>
                {help(field, &name)}
                {self.said(name, false)}
            </div>
        }
        .into_any()
    }

    fn boxes(self, choices: &[Choice], name: &str, field: &Field) -> AnyView {
        let is_ticked = |value: &str| {
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
                    <label class="tick">
                        <input
                            name=name.to_owned() type="checkbox" value=choice.value.clone() checked=is_ticked(&choice.value)
                            aria-invalid=move || is_wrong.get().to_string()
                        />
                        {choice.label.clone()}
                    </label>
                }
            })
            .collect_view()
            .into_any()
    }

    fn secret(self, label: String, field: &Field, text: &TextShape, name: String) -> AnyView {
        let is_wrong = self.is_wrong(name.clone());
        view! {
            <div class="field">
                <PasswordField
                    id=id_of(&name)
                    name=name.clone()
                    label=label
                    autocomplete=text.autocomplete.clone().unwrap_or_else(|| "off".to_owned())
                    required=field.required
                    described_by=described_by(field, &name)
                    is_wrong=is_wrong
                    wanted=self.password_chars
                />
                {help(field, &name)}
                {self.said(name, false)}
            </div>
        }
        .into_any()
    }

    /// The control for a field that has just one.
    fn control(self, field: &Field, name: &str) -> AnyView {
        let initially = self.initially(field, name);
        match &field.shape {
            Shape::Text(text) if !text.secret && text.max.is_some_and(|max| max > LONG_TEXT) => self.lines(
                field,
                name,
                initially,
                field.required && text.min.is_some_and(|min| min > 0),
            ),
            Shape::Text(text) => self.line(field, text, name, initially),
            Shape::Integer(range) => self.number(field, range, "1", name, initially),
            Shape::Number(range) => self.number(field, range, "any", name, initially),
            Shape::Choice(choices) => self.choice(field, choices, name, &initially),
            Shape::Flag => {
                let choices = [("true", "Yes"), ("false", "No")].map(|(value, label)| Choice {
                    value: value.to_owned(),
                    label: label.to_owned(),
                });
                self.choice(field, &choices, name, &initially)
            }
            _ => self.lines(field, name, initially, false),
        }
    }

    fn line(self, field: &Field, text: &TextShape, name: &str, initially: String) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        let kind = match text.format {
            Format::Plain => "text",
            Format::Date => "date",
            Format::Email => "email",
        };
        let must_be_filled = field.required && (text.format != Format::Plain || text.min.is_some_and(|min| min > 0));
        view! {
            <input
                id=id_of(name) name=name.to_owned() type=kind value=initially required=must_be_filled
                minlength=text.min.filter(|min| *min > 1)
                autocomplete=text.autocomplete.clone() autocapitalize="off" {..no_autocorrect()} spellcheck="false"
                data-secret=text.secret.then_some("")
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            />
        }
        .into_any()
    }

    fn number(self, field: &Field, range: &Range, step: &'static str, name: &str, initially: String) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        view! {
            <input
                id=id_of(name) name=name.to_owned() type="number" value=initially required=field.required
                min=range.min.map(|min| min.to_string()) max=range.max.map(|max| max.to_string()) step=step
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            />
        }
        .into_any()
    }

    fn choice(self, field: &Field, choices: &[Choice], name: &str, initially: &str) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        let options = choices
            .iter()
            .map(|choice| {
                view! { <option value=choice.value.clone() selected=choice.value == initially>{choice.label.clone()}</option> }
            })
            .collect_view();
        view! {
            <select
                id=id_of(name) name=name.to_owned() required=field.required
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
            >
                <option value="">{if field.required { "Choose one" } else { "Not specified" }}</option>
                {options}
            </select>
        }
        .into_any()
    }

    fn lines(self, field: &Field, name: &str, initially: String, required: bool) -> AnyView {
        let is_wrong = self.is_wrong(name.to_owned());
        view! {
            <textarea
                id=id_of(name) name=name.to_owned() rows="4" spellcheck="false" required=required
                aria-describedby=described_by(field, name) aria-invalid=move || is_wrong.get().to_string()
                inner_html=escaped(&initially)
            ></textarea>
        }
        .into_any()
    }

    /// What an input starts with: what was typed before, or what the field starts with.
    fn initially(self, field: &Field, name: &str) -> String {
        let typed = |typed: &Typed| typed.get(name).unwrap_or_default().to_owned();
        if let Some(typed) = self.typed.with_value(|before| before.as_ref().map(typed)) {
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

    /// What is wrong with an input, reactive, always there, so that a screen reader hears of it. What is wrong with a part of a
    /// record is said beside that part.
    fn said(self, name: String, is_record: bool) -> AnyView {
        let id = format!("said-{}", id_of(&name));
        let faults = self.faults;
        let said = move || {
            let said: Vec<String> = faults
                .read()
                .iter()
                .filter_map(|fault| Some((fault.below(&name)?, &fault.problem)))
                .filter(|(rest, _)| rest.is_empty() || !is_record)
                .map(|(rest, problem)| sentence(rest, problem))
                .collect();
            said.join(" ")
        };
        view! { <p id=id class="said bad" aria-live="polite">{said}</p> }.into_any()
    }

    fn is_wrong(self, name: String) -> Signal<bool> {
        let faults = self.faults;
        Signal::derive(move || faults.read().iter().any(|fault| fault.below(&name).is_some()))
    }
}

/// A fault of a field, or of the part of it at `rest`, as a sentence of its own.
fn sentence(rest: &str, problem: &str) -> String {
    let what = match rest {
        "" => problem.to_owned(),
        rest => format!("{} {problem}", part(rest)),
    };
    format!("{}.", capitalized(&what))
}

/// A part of a field as people call it: `[1]` is item 2.
fn part(rest: &str) -> String {
    let item = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match item.and_then(|(at, rest)| Some((at.parse::<usize>().ok()?, rest))) {
        Some((at, rest)) => format!("item {}{rest}", at + 1),
        None => rest.trim_start_matches('.').to_owned(),
    }
}

/// What helps to fill a field in: its doc comment, and how its value is written.
fn help_text(field: &Field) -> String {
    let how = match &field.shape {
        Shape::List(list) if matches!(*list.item, Shape::Choice(_)) => "",
        Shape::List(list) if is_line(&list.item) => "One per line.",
        Shape::List(_) => "A JSON list.",
        Shape::Object => "A JSON object.",
        Shape::Any(_) => "Any JSON value.",
        _ => "",
    };
    format!("{} {how}", field.help).trim().to_owned()
}

fn help(field: &Field, name: &str) -> AnyView {
    let (id, text) = (format!("help-{}", id_of(name)), help_text(field));
    (!text.is_empty())
        .then(|| view! { <p id=id class="help">{prose(&text)}</p> })
        .into_any()
}

/// The id of an input, and what those of what is said of it end with. An argument may be named like another part of the page.
fn id_of(name: &str) -> String {
    format!("argument-{name}")
}

/// The ids of what describes an input.
fn described_by(field: &Field, name: &str) -> String {
    let id = id_of(name);
    if help_text(field).is_empty() {
        format!("said-{id}")
    } else {
        format!("help-{id} said-{id}")
    }
}

/// Keeps a phone's keyboard from correcting what is typed. (Leptos knows no such attribute.)
pub fn no_autocorrect() -> impl Attribute {
    custom_attribute("autocorrect", "off")
}
