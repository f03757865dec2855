//! Example arguments of a function, for its page and its `curl` line.

use serde_json::{Value, json};

use crate::contract::shape::{Format, Range, Shape, TextShape};

/// Example arguments of that shape. An ellipsis stands for each secret, which the user has to fill in.
pub fn example(shape: &Shape) -> Value {
    match shape {
        Shape::Text(text) => text_example(text).into(),
        Shape::Integer(range) | Shape::Number(range) => number_example(range),
        Shape::Flag => Value::Bool(false),
        Shape::Choice(choices) => choices
            .first()
            .map_or(Value::Null, |choice| choice.value.clone().into()),
        Shape::List(list) => {
            let count = list.min.unwrap_or_default().max(1).min(list.max.unwrap_or(usize::MAX));
            Value::Array(vec![example(&list.item); count])
        }
        Shape::Record(fields) => fields
            .iter()
            .filter(|field| field.required || field.initially.is_some())
            .map(|field| {
                let value = field.initially.clone().unwrap_or_else(|| example(&field.shape));
                (field.name.clone(), value)
            })
            .collect(),
        Shape::Object => json!({ "hello": "world" }),
        Shape::Any(_) => Value::Null,
    }
}

fn text_example(text: &TextShape) -> String {
    match text.format {
        _ if text.secret => "…".repeat(text.min.unwrap_or(1)),
        Format::Date => "2026-01-31".to_owned(),
        Format::Email => "ada@example.org".to_owned(),
        Format::Plain => {
            let min = text.min.unwrap_or_default();
            // Also valid as a user or role name.
            let words = "some-text-".repeat(min / 10 + 1);
            let length = min.max(9).min(text.max.unwrap_or(usize::MAX));
            words.chars().take(length).collect::<String>()
        }
    }
}

fn number_example(range: &Range) -> Value {
    let min = range.min.unwrap_or(f64::NEG_INFINITY);
    let max = range.max.unwrap_or(f64::INFINITY);
    let number = 1.0_f64.max(min).min(max);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number has no fraction and is within limits of that type"
    )]
    if number.fract() == 0.0 {
        json!(number as i64)
    } else {
        json!(number)
    }
}
