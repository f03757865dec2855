//! What was typed into the form of a function, and the arguments that it stands for.
//!
//! A form is sent as names and texts, by a browser without script as by one with it; the shape of the arguments says what
//! each text means. Nothing is judged here but what cannot be written as JSON at all: the rest is for
//! [`Shape::faults`]. What is secret can be taken out, so that it is never kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::shape::{Field, FieldFault, ListShape, Shape, joined};

/// The name of the one input where the arguments are free-form JSON.
pub const EDITOR: &str = "arguments";

/// The name of the hidden input, and of the header of a call by script, that says which user the page was loaded for. The call is
/// refused where another user is logged in by now. Programs send none.
pub const SHOWN_TO: &str = "shown-to";

/// The name of the hidden input that says which call that waits was shown.
pub const WAITING: &str = "call";

/// The name of the hidden input that says which page to show after a call that was answered, where that is not the page of
/// the function.
pub const THEN: &str = "then-page";

/// The name of the hidden input that says which page the form stands on, where that is not the page of the function: it shows
/// what was refused, and a login leads back to it.
pub const FORM_PAGE: &str = "form-page";

/// The names and texts of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// Takes the pairs of a form that was sent.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first text under that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, text)| text.as_str())
    }

    /// All texts under that name: boxes that were ticked.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, text)| text.as_str())
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much it is, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(name, text)| name.len() + text.len()).sum()
    }

    /// What belongs to a form of `shape`, less what is secret, with the pages that it stands on and leads to.
    #[must_use]
    pub fn without_secrets(&self, shape: &Shape) -> Self {
        let names = names(shape, false);
        let kept = |name: &String| [THEN, FORM_PAGE].contains(&name.as_str()) || names.contains(name);
        let kept = self.0.iter().filter(|(name, _)| kept(name));
        Self(kept.cloned().collect())
    }

    /// The arguments as the body of a call, with what could not be read. For free-form arguments that is the text itself.
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
            Shape::Text(text) if text.secret => self
                .get(path)
                .filter(|text| required || !text.is_empty())
                .map(Value::from),
            Shape::Text(_) => self
                .get(path)
                .map(|text| text.replace("\r\n", "\n"))
                .filter(|text| required || !text.is_empty())
                .map(Value::from),
            shape => scalar(shape, self.get(path)?, path, faults),
        }
    }

    fn record(&self, fields: &[Field], path: &str, required: bool, faults: &mut Vec<FieldFault>) -> Option<Value> {
        let map: Map<String, Value> = fields
            .iter()
            .filter_map(|field| {
                let required = field.required || field.is_box();
                let value = self.value(&field.shape, &joined(path, &field.name), required, faults)?;
                Some((field.name.clone(), value))
            })
            .collect();
        // Boxes that are not ticked say nothing about a record that may be left out.
        let is_filled = map
            .values()
            .any(|value| !matches!(value, Value::Bool(false)) && *value != "");
        (required || is_filled).then_some(Value::Object(map))
    }

    fn list(&self, list: &ListShape, path: &str, required: bool, faults: &mut Vec<FieldFault>) -> Option<Value> {
        let items: Vec<Value> = match &*list.item {
            Shape::Choice(_) => self.all(path).map(Value::from).collect(),
            // Lines of one input, or boxes of one name.
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

/// Whether items of that shape are written one per line.
pub fn is_line(item: &Shape) -> bool {
    match item {
        Shape::Text(text) => !text.secret,
        Shape::Integer(_) | Shape::Number(_) | Shape::Choice(_) => true,
        _ => false,
    }
}

/// A text as the value that it stands for. One that stands for none stays a text, and is told so by the check.
fn scalar(shape: &Shape, text: &str, path: &str, faults: &mut Vec<FieldFault>) -> Option<Value> {
    match shape {
        Shape::Any(_) | Shape::Object | Shape::List(_) => json(text, path, faults),
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

/// A number as JSON writes it, or as browsers may: `.5`, `03` (HTML, valid floating-point number).
fn number(text: &str) -> Option<Number> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let loose = || text.parse().ok().filter(|_| is_number).and_then(Number::from_f64);
    text.parse().ok().or_else(loose)
}

fn json(text: &str, path: &str, faults: &mut Vec<FieldFault>) -> Option<Value> {
    if text.trim().is_empty() {
        return None;
    }
    serde_json::from_str(text)
        .map_err(|error| {
            faults.push(FieldFault::new(
                path,
                format!(
                    "must be valid JSON: there is an error at line {}, column {}",
                    error.line(),
                    error.column()
                ),
            ));
        })
        .ok()
}

/// The names of all inputs of a form: with those for secrets, or without.
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
