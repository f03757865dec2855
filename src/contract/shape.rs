//! The shape of a function's arguments: what its form shows, and what every argument is checked against.
//!
//! It is made on the server from the schema of the argument types, once, and travels to the browser, so both sides check
//! the same. A check finds all faults, each with the path of its field; it never quotes a value, which may be secret.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::{too_large, too_long, too_short, too_small};

/// The most faults that are reported at once.
pub const MOST_FAULTS: usize = 20;

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A text.
    Text(TextShape),
    /// A whole number.
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
    /// An object with whatever fields.
    Object,
    /// Any JSON. What it must be is known to the decoder only.
    Any(AnyShape),
}

/// What is known of a value that may be any JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnyShape {
    /// Whether there may be a secret in it.
    pub secret: bool,
}

/// What a text may be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TextShape {
    /// The fewest characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    /// The most characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// What is written in it.
    #[serde(default, skip_serializing_if = "Format::is_plain")]
    pub format: Format,
    /// Whether it is a secret: never shown again, never kept.
    #[serde(default, skip_serializing_if = "is_false")]
    pub secret: bool,
    /// What browsers and password managers fill in (HTML, autofill field names).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autocomplete: Option<String>,
}

/// What is written in a text.
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

impl Format {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// Between which numbers, both included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// The smallest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// One of the texts to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What it is called on the page.
    pub label: String,
}

/// What a list may hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListShape {
    /// What each item may be.
    pub item: Box<Shape>,
    /// The fewest items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    /// The most items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Another name that old clients know it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// What it is called on the page.
    pub label: String,
    /// What it is for, from its doc comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// What it may be.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be null, which is as if it were not there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
    /// What the form starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initially: Option<Value>,
}

impl Field {
    /// Whether it is a box to tick: true or false, and never neither.
    pub fn is_box(&self) -> bool {
        self.shape == Shape::Flag && (self.required || matches!(self.initially, Some(Value::Bool(_))))
    }
}

/// What is wrong with a field of the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFault {
    /// The path of the field, such as `contact.email` or `extras[2]`. Empty for the arguments as a whole.
    pub field: String,
    /// What is wrong with it, in words that go after the name of the field.
    pub problem: String,
}

impl FieldFault {
    /// A fault of the field at that path.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// The rest of the path, if this is a fault of the field at `path` or of something in it.
    pub fn below(&self, path: &str) -> Option<&str> {
        let rest = self.field.strip_prefix(path)?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
    }
}

impl Shape {
    /// What is wrong with `value`: nothing, or up to [`MOST_FAULTS`] faults.
    pub fn faults(&self, value: &Value) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        self.check("", value, &mut faults);
        faults
    }

    fn check(&self, path: &str, value: &Value, faults: &mut Vec<FieldFault>) {
        if faults.len() >= MOST_FAULTS {
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

    /// What is wrong with a value that has no parts of its own.
    fn problem(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => text.problem(value),
            // JSON Schema counts 1.0 as whole.
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
            _ => Some(self.wanted()),
        }
    }

    /// What a value of another kind is told.
    fn wanted(&self) -> String {
        match self {
            Self::Text(text) => match text.format {
                Format::Plain => "must be a text".into(),
                Format::Date => NO_DATE.into(),
                Format::Email => NO_EMAIL.into(),
            },
            Self::Integer(_) => "must be a whole number".into(),
            Self::Number(_) => "must be a number".into(),
            Self::Flag => "must be true or false".into(),
            Self::Choice(choices) => {
                let values: Vec<&str> = choices.iter().map(|choice| choice.value.as_str()).collect();
                format!("must be one of {}", values.join(", "))
            }
            Self::List(_) => "must be a list".into(),
            Self::Record(_) | Self::Object => "must be an object".into(),
            Self::Any(_) => "must be something else".into(),
        }
    }

    /// Whether there is a secret in it.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Text(text) => text.secret,
            Self::List(list) => list.item.has_secret(),
            Self::Record(fields) => fields.iter().any(|field| field.shape.has_secret()),
            Self::Any(any) => any.secret,
            Self::Integer(_) | Self::Number(_) | Self::Flag | Self::Choice(_) | Self::Object => false,
        }
    }

    /// Whether there is nothing to fill in.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Record(fields) if fields.is_empty())
    }
}

const NO_DATE: &str = "must be a date such as 2026-01-31";
const NO_EMAIL: &str = "must be an e-mail address";

impl TextShape {
    /// Whether it is a password, which nobody is to read over one's shoulder. Other secrets, such as a one-time code, are read off.
    pub fn is_password(&self) -> bool {
        self.secret && self.autocomplete.as_deref() != Some("off")
    }

    fn problem(&self, value: &str) -> Option<String> {
        let count = value.chars().count();
        if let Some(min) = self.min.filter(|min| count < *min) {
            return Some(match min {
                1 => "must not be empty".to_owned(),
                min => too_short(min),
            });
        }
        if let Some(max) = self.max.filter(|max| count > *max) {
            return Some(too_long(max));
        }
        match self.format {
            Format::Date if !is_date(value) => Some(NO_DATE.to_owned()),
            Format::Email if !is_email(value) => Some(NO_EMAIL.to_owned()),
            Format::Plain | Format::Date | Format::Email => None,
        }
    }
}

impl Range {
    fn problem(&self, value: f64) -> Option<String> {
        if let Some(min) = self.min.filter(|min| value < *min) {
            return Some(too_small(min));
        }
        self.max.filter(|max| value > *max).map(too_large)
    }
}

impl ListShape {
    fn check(&self, path: &str, items: &[Value], faults: &mut Vec<FieldFault>) {
        if let Some(min) = self.min.filter(|min| items.len() < *min) {
            faults.push(FieldFault::new(path, format!("must have at least {min} items")));
        }
        if let Some(max) = self.max.filter(|max| items.len() > *max) {
            faults.push(FieldFault::new(path, format!("must have at most {max} items")));
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
            (Some(_), Some(_)) => faults.push(FieldFault::new(path, "is given twice, under both of its names")),
            (Some(Value::Null), None) | (None, Some(Value::Null)) if field.nullable => {}
            (None, None) if !field.required => {}
            (Some(value), None) | (None, Some(value)) => field.shape.check(&path, value, faults),
            (None, None) => faults.push(FieldFault::new(path, "is missing")),
        }
    }
    for name in map.keys() {
        let is_known = |field: &Field| field.name == *name || field.alias.as_ref() == Some(name);
        if !fields.iter().any(is_known) {
            let short: String = name.chars().take(80).collect();
            faults.push(FieldFault::new(joined(path, &short), "is not an argument here"));
        }
    }
    faults.truncate(MOST_FAULTS);
}

/// The path of a field in a record.
pub fn joined(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// A day that exists, as RFC 3339 writes it (full-date).
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let has_form = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or_default();
    let (year, month, day) = (number(&text[..4]), number(&text[5..7]), number(&text[8..]));
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Something before and after one `@`, without white space. Whether mail arrives there is not for a form to know.
fn is_email(text: &str) -> bool {
    let sides = text.rsplit_once('@');
    sides.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) && !text.contains(char::is_whitespace)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests;
