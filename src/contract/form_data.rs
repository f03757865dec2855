//! The data of a submitted form, and its conversion to the arguments of a function.
//!
//! A form arrives as pairs of name and text, with or without script. The shape of the arguments says how to read each
//! text. The conversion reports only text that must be JSON and is not; [`Shape::faults`] checks everything else.
//! Secrets can be removed, so that they are never stored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::shape::{Field, FieldFault, ListShape, Shape, joined};
use crate::message;

/// The name of the only input, if the arguments are free-form JSON.
pub const EDITOR: &str = "arguments";

/// The name of the hidden input, and of the header of a call by script, with the user whom the page was loaded for. The
/// call is refused if another user has logged in since. Programs do not send it.
pub const SHOWN_TO: &str = "shown-to";

/// The name of the hidden input with the id of the pending call that the page showed.
pub const WAITING: &str = "call";

/// The name of the hidden input with the page to show after a successful call, if that is not the function's page. A secret
/// reply is not stored, so that page is rendered with it at once.
pub const THEN: &str = "then-page";

/// The name of the hidden input with the page that contains the form, if that is not the function's page. A refusal is
/// shown there, and a login leads back to it.
pub const FORM_PAGE: &str = "form-page";

/// The names and texts of a submitted form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// Wraps the decoded pairs of a form.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first text with that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All texts with that name, such as the ticked checkboxes of a list.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let pairs = self.0.iter().filter(move |(key, _)| key == name);
        pairs.map(|(_, text)| text.as_str())
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The size of all names and texts, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, text)| name.len() + text.len()).sum()
    }

    /// The inputs that belong to a form of `shape` and are not secret, plus [`THEN`] and [`FORM_PAGE`].
    #[must_use]
    pub fn without_secrets(&self, shape: &Shape) -> Self {
        let names = names(shape, false);
        let is_kept = |name: &String| [THEN, FORM_PAGE].contains(&name.as_str()) || names.contains(name);
        let pairs = self.0.iter().filter(|(name, _)| is_kept(name));
        Self(pairs.cloned().collect())
    }

    /// The arguments as the JSON body of a call, and the texts that are not valid JSON. For free-form arguments, the
    /// body is the text itself, unchecked.
    pub fn body(&self, shape: &Shape) -> (String, Vec<FieldFault>) {
        if *shape == Shape::Object {
            return (self.get(EDITOR).unwrap_or_default().to_owned(), Vec::new());
        }
        let mut faults = Vec::new();
        let value = self.value(shape, "", true, &mut faults);
        (value.unwrap_or_else(|| Value::Object(Map::new())).to_string(), faults)
    }

    fn value(&self, shape: &Shape, path: &str, required: bool, faults: &mut Vec<FieldFault>) -> Option<Value> {
        match shape {
            Shape::Record(fields) => self.record(fields, path, required, faults),
            Shape::List(list) => self.list(list, path, required, faults),
            Shape::Flag if required => Some(Value::Bool(self.get(path).is_some())),
            Shape::Text(shape) => {
                let text = self.get(path).filter(|text| required || !text.is_empty())?;
                Some(if shape.secret {
                    text.into()
                } else {
                    text.replace("\r\n", "\n").into()
                })
            }
            shape => scalar(shape, self.get(path)?, path, faults),
        }
    }

    fn record(&self, fields: &[Field], path: &str, required: bool, faults: &mut Vec<FieldFault>) -> Option<Value> {
        let map: Map<String, Value> = fields
            .iter()
            .filter_map(|field| {
                let required = field.required || field.is_checkbox();
                let value = self.value(&field.shape, &joined(path, &field.name), required, faults)?;
                Some((field.name.clone(), value))
            })
            .collect();
        // An optional record is left out if all its fields are empty texts or unticked checkboxes.
        let is_filled = map
            .values()
            .any(|value| !matches!(value, Value::Bool(false)) && *value != "");
        (required || is_filled).then_some(Value::Object(map))
    }

    fn list(&self, list: &ListShape, path: &str, required: bool, faults: &mut Vec<FieldFault>) -> Option<Value> {
        let items: Vec<Value> = match &*list.item {
            Shape::Choice(_) => self.all(path).map(Value::from).collect(),
            // One item per line.
            item if is_line(item) => self
                .all(path)
                .flat_map(str::lines)
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .filter_map(|line| scalar(item, line, path, faults))
                .collect(),
            _ => return json(self.get(path)?, path, faults),
        };
        (required || !items.is_empty()).then_some(Value::Array(items))
    }
}

/// Whether a list of such items is written one item per line.
pub fn is_line(item: &Shape) -> bool {
    matches!(item, Shape::Text(text) if !text.secret)
        || matches!(item, Shape::Integer(_) | Shape::Number(_) | Shape::Choice(_))
}

/// Converts a text to a value of `shape`. A text that does not fit stays a string, which [`Shape::faults`] reports.
fn scalar(shape: &Shape, text: &str, path: &str, faults: &mut Vec<FieldFault>) -> Option<Value> {
    match shape {
        Shape::Any { .. } | Shape::Object | Shape::List(_) => json(text, path, faults),
        Shape::Text(_) => Some(Value::from(text)),
        _ if text.trim().is_empty() => None,
        Shape::Integer(_) | Shape::Number(_) => {
            Some(number(text.trim()).map_or_else(|| Value::from(text), Value::Number))
        }
        Shape::Flag => Some(match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => Value::from(other),
        }),
        Shape::Choice(_) | Shape::Record(_) => Some(Value::from(text)),
    }
}

/// Parses a number as JSON writes it, or as browsers may send it: `.5`, `03` (HTML, valid floating-point number).
fn number(text: &str) -> Option<Number> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let browser_number = || text.parse().ok().filter(|_| is_number).and_then(Number::from_f64);
    text.parse().ok().or_else(browser_number)
}

fn json(text: &str, path: &str, faults: &mut Vec<FieldFault>) -> Option<Value> {
    if text.trim().is_empty() {
        return None;
    }
    serde_json::from_str(text)
        .map_err(|error| {
            let problem = message!(
                "must be valid JSON: there is an error at line {line}, column {column}",
                line = error.line(),
                column = error.column()
            );
            faults.push(FieldFault::new(path, problem));
        })
        .ok()
}

/// The names of all inputs of a form, with or without those for secrets.
pub fn names(shape: &Shape, with_secrets: bool) -> Vec<String> {
    let mut names = Vec::new();
    add_names(shape, "", with_secrets, &mut names);
    names
}

fn add_names(shape: &Shape, path: &str, with_secrets: bool, names: &mut Vec<String>) {
    match shape {
        Shape::Record(fields) => {
            for field in fields {
                add_names(&field.shape, &joined(path, &field.name), with_secrets, names);
            }
        }
        Shape::Object if path.is_empty() => names.push(EDITOR.to_owned()),
        shape if shape.has_secret() && !with_secrets => {}
        _ => names.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests;
