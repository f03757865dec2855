//! The shape of a function's arguments, which defines its form and the check of its arguments.
//!
//! The server derives it once from the schema of the argument types and sends it to the browser, so both apply the same
//! check. A check reports all faults, each with the path of its field. It never quotes a value, which may be secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::EnumString;

use super::{
    language::Message,
    limits::{too_large, too_long, too_short, too_small},
};
use crate::message;

/// The maximum number of faults that one check reports.
pub const MAX_FAULTS: usize = 20;

/// The values that an argument accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A text.
    Text(TextShape),
    /// A whole number.
    #[serde(rename = "whole")]
    Integer(Range),
    /// A number.
    Number(Range),
    /// True or false.
    Flag,
    /// One of these texts.
    Choice(Vec<Choice>),
    /// A list.
    List(ListShape),
    /// An object with these fields and no others.
    Record(Vec<Field>),
    /// An object with any fields.
    Object,
    /// Any JSON. Only the decoder checks it.
    Any(AnyShape),
}

/// Properties of a value that may be any JSON. A named type, because client generators need a name for each object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnyShape {
    /// Whether it may contain a secret.
    pub secret: bool,
}

/// The limits and the format of a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextShape {
    /// The minimum length in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    /// The maximum length in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// The format of the text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: Format,
    /// Whether it is a secret, which is never shown again and never stored.
    #[serde(default, skip_serializing_if = "is_default")]
    pub secret: bool,
    /// The autofill name for browsers and password managers (HTML, autofill field names).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autocomplete: Option<String>,
}

/// The format of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Anything.
    #[default]
    Plain,
    /// A day, such as 2026-01-31 (RFC 3339, full-date).
    Date,
    /// An e-mail address.
    Email,
}

/// An inclusive range of numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// The minimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// One of the allowed texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// The value that is sent.
    pub value: String,
    /// The label on pages.
    pub label: Message,
}

/// The items and the length of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListShape {
    /// The shape of each item.
    pub item: Box<Shape>,
    /// The minimum number of items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    /// The maximum number of items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The name that older clients use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The label on pages.
    pub label: Message,
    /// The help text, from the doc comment.
    #[serde(default, skip_serializing_if = "Message::is_empty")]
    pub help: Message,
    /// The shape of its value.
    pub shape: Shape,
    /// Whether the field is required.
    pub required: bool,
    /// Whether it may be null, which has the same meaning as leaving it out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nullable: bool,
    /// The initial value in the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initially: Option<Value>,
    /// What its texts are names of. The form offers these to those who may list them.
    // The browser gets the choices themselves.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Choices>,
}

/// Things with names that the server can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Choices {
    /// Roles.
    Roles,
    /// Permissions.
    Permissions,
}

impl Field {
    /// Whether it is a checkbox: always true or false, never left out.
    pub fn is_checkbox(&self) -> bool {
        self.shape == Shape::Flag && (self.required || matches!(self.initially, Some(Value::Bool(_))))
    }

    /// Makes its text, or the items of its list of texts, one of `choices`.
    pub fn offer(&mut self, choices: Vec<Choice>) {
        let text = match &mut self.shape {
            Shape::List(list) => &mut *list.item,
            shape => shape,
        };
        if matches!(text, Shape::Text(_)) {
            *text = Shape::Choice(choices);
        }
    }
}

/// What is wrong with a field of the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFault {
    /// The path of the field, such as `contact.email` or `extras[2]`. Empty for the arguments as a whole.
    pub field: String,
    /// What is wrong, in words that continue the name of the field.
    pub problem: Message,
}

impl FieldFault {
    /// Creates a fault of the field at this path.
    pub fn new(field: impl Into<String>, problem: impl Into<Message>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// The rest of the path, if the fault is in the field at `path` or below it.
    pub fn below(&self, path: &str) -> Option<&str> {
        let rest = self.field.strip_prefix(path)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
    }
}

impl Shape {
    /// Checks `value` and returns up to [`MAX_FAULTS`] faults.
    pub fn faults(&self, value: &Value) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        self.check("", value, &mut faults);
        faults
    }

    fn check(&self, path: &str, value: &Value, faults: &mut Vec<FieldFault>) {
        if faults.len() >= MAX_FAULTS {
            return;
        }
        match (self, value) {
            (Self::List(list), Value::Array(items)) => list.check(path, items, faults),
            (Self::Record(fields), Value::Object(map)) => check_record(fields, path, map, faults),
            _ => {
                if let Some(problem) = self.problem(value) {
                    faults.push(FieldFault::new(path, problem));
                }
            }
        }
    }

    /// Checks a value that is neither a list nor a record.
    fn problem(&self, value: &Value) -> Option<Message> {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => text.problem(value),
            // In JSON Schema, 1.0 is an integer.
            (Self::Integer(range), Value::Number(number))
                if number.as_f64().is_some_and(|number| number.fract() == 0.0) =>
            {
                range.problem(number.as_f64()?)
            }
            (Self::Number(range), Value::Number(number)) => range.problem(number.as_f64()?),
            (Self::Choice(choices), Value::String(value)) if choices.iter().any(|choice| choice.value == *value) => {
                None
            }
            (Self::Flag, Value::Bool(_)) | (Self::Object, Value::Object(_)) | (Self::Any(_), _) => None,
            _ => Some(self.type_problem()),
        }
    }

    /// The problem of a value of the wrong type.
    fn type_problem(&self) -> Message {
        match self {
            Self::Text(text) => match text.format {
                Format::Plain => message!("must be text"),
                Format::Date => NOT_A_DATE,
                Format::Email => NOT_AN_EMAIL,
            },
            Self::Integer(_) => message!("must be a whole number"),
            Self::Number(_) => message!("must be a number"),
            Self::Flag => message!("must be true or false"),
            Self::Choice(choices) => {
                let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
                message!("must be one of {values}", values = values.join(", "))
            }
            Self::List(_) => message!("must be a list"),
            Self::Record(_) | Self::Object => message!("must be an object"),
            Self::Any(_) => message!("is not valid"),
        }
    }

    /// Whether a part of it is secret.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Text(text) => text.secret,
            Self::List(list) => list.item.has_secret(),
            Self::Record(fields) => fields.iter().any(|field| field.shape.has_secret()),
            Self::Any(any) => any.secret,
            Self::Integer(_) | Self::Number(_) | Self::Flag | Self::Choice(_) | Self::Object => false,
        }
    }

    /// Whether there are no arguments.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Record(fields) if fields.is_empty())
    }
}

const NOT_A_DATE: Message = message!("must be a date such as 2026-01-31");
const NOT_AN_EMAIL: Message = message!("must be an e-mail address");

impl TextShape {
    /// Whether it is a password, which is masked while it is typed. Other secrets, such as a one-time link, stay
    /// readable.
    pub fn is_password(&self) -> bool {
        self.secret && self.autocomplete.as_deref() != Some("off")
    }

    fn problem(&self, value: &str) -> Option<Message> {
        let count = value.chars().count();
        match (self.min, self.max, self.format) {
            (Some(1), ..) | (.., Format::Date) if count == 0 => Some(message!("must not be empty")),
            (Some(min), ..) if count < min => Some(too_short(min)),
            (_, Some(max), _) if count > max => Some(too_long(max)),
            (.., Format::Date) if !is_date(value) => Some(NOT_A_DATE),
            (.., Format::Email) if !is_email(value) => Some(NOT_AN_EMAIL),
            _ => None,
        }
    }
}

impl Range {
    fn problem(&self, value: f64) -> Option<Message> {
        let small = self.min.filter(|min| value < *min).map(too_small);
        small.or_else(|| self.max.filter(|max| value > *max).map(too_large))
    }
}

impl ListShape {
    fn check(&self, path: &str, items: &[Value], faults: &mut Vec<FieldFault>) {
        if let Some(min) = self.min.filter(|min| items.len() < *min) {
            faults.push(FieldFault::new(path, message!("must have at least {min} items", min)));
        }
        if let Some(max) = self.max.filter(|max| items.len() > *max) {
            faults.push(FieldFault::new(path, message!("must have at most {max} items", max)));
            return;
        }
        for (at, item) in items.iter().enumerate() {
            self.item.check(&format!("{path}[{at}]"), item, faults);
        }
    }
}

fn check_record(fields: &[Field], path: &str, map: &Map<String, Value>, faults: &mut Vec<FieldFault>) {
    for field in fields {
        let alias = field.alias.as_deref().and_then(|alias| map.get(alias));
        let path = joined(path, &field.name);
        match (map.get(&field.name), alias) {
            (Some(_), Some(_)) => faults.push(FieldFault::new(
                path,
                message!("is given twice, under both of its names"),
            )),
            (Some(Value::Null), None) | (None, Some(Value::Null)) if field.nullable => {}
            (None, None) if !field.required => {}
            (Some(value), None) | (None, Some(value)) => field.shape.check(&path, value, faults),
            (None, None) => faults.push(FieldFault::new(path, message!("is missing"))),
        }
    }
    for name in map.keys() {
        let is_known = |field: &Field| field.name == *name || field.alias.as_ref() == Some(name);
        if !fields.iter().any(is_known) {
            let short: String = name.chars().take(80).collect();
            faults.push(FieldFault::new(
                joined(path, &short),
                message!("is not an argument here"),
            ));
        }
    }
    faults.truncate(MAX_FAULTS);
}

/// The path of the field `name` in the record at `path`.
pub fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Whether the text is an existing day in the format of RFC 3339 (full-date). The parser of `jiff` accepts other formats,
/// too, and would make the browser part larger.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_format = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !has_format {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Whether there is text before and after an `@`, and no white space. Only sending mail could check more.
fn is_email(text: &str) -> bool {
    let sides = text.rsplit_once('@');
    sides.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) && !text.contains(char::is_whitespace)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
