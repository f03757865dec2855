//! Arguments that a function takes: what its page shows first, and what the `curl` line sends.

use serde_json::{Map, Value, json};

use crate::contract::shape::{Field, Format, ListShape, Range, Shape, TextShape};

/// Arguments of that shape. A secret is left to be filled in: dots stand for it.
pub fn example(shape: &Shape) -> Value {
    match shape {
        Shape::Text(text) => text_of(text).into(),
        Shape::Integer(range) | Shape::Number(range) => number_of(range),
        Shape::Flag => Value::Bool(false),
        Shape::Choice(choices) => choices
            .first()
            .map_or(Value::Null, |choice| choice.value.clone().into()),
        Shape::List(list) => list_of(list),
        Shape::Record(fields) => record_of(fields),
        Shape::Object => json!({ "hello": "world" }),
        Shape::Any(_) => Value::Null,
    }
}

fn text_of(text: &TextShape) -> String {
    match text.format {
        _ if text.secret => "…".repeat(text.min.unwrap_or(1)),
        Format::Date => "2026-01-31".to_owned(),
        Format::Email => "ada@example.org".to_owned(),
        Format::Plain => {
            let least = text.min.unwrap_or_default();
            // That is a name, too, where a text is to be one.
            let words = "some-text-".repeat(least / 10 + 1);
            let length = least.max(9).min(text.max.unwrap_or(usize::MAX));
            words.chars().take(length).collect::<String>()
        }
    }
}

fn number_of(range: &Range) -> Value {
    let least = range.min.unwrap_or(f64::NEG_INFINITY);
    let most = range.max.unwrap_or(f64::INFINITY);
    let number = 1.0_f64.max(least).min(most);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it has no fraction and lies between limits of that type"
    )]
    if number.fract() == 0.0 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

fn list_of(list: &ListShape) -> Value {
    let count = list.min.unwrap_or_default().max(1).min(list.max.unwrap_or(usize::MAX));
    Value::Array(vec![example(&list.item); count])
}

fn record_of(fields: &[Field]) -> Value {
    let map: Map<String, Value> = fields
        .iter()
        .filter(|field| field.required || field.initially.is_some())
        .map(|field| {
            let value = field.initially.clone().unwrap_or_else(|| example(&field.shape));
            (field.name.clone(), value)
        })
        .collect();
    Value::Object(map)
}
