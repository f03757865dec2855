//! Proptest strategies: any JSON, any shape, and arguments that fit a shape.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Number, Value};

use super::{
    Message,
    shape::{AnyShape, Choice, Field, Format, ListShape, Range, Shape, TextShape},
};

/// Any JSON.
pub fn json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has finite numbers only", |number| Number::from_f64(number)
            .map(Value::Number)),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let fields = vec((any::<String>(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
    .boxed()
}

/// Any JSON object.
pub fn object() -> BoxedStrategy<Map<String, Value>> {
    vec((any::<String>(), json()), 0..6)
        .prop_map(|fields| fields.into_iter().collect())
        .boxed()
}

/// Any shape.
pub fn shape() -> BoxedStrategy<Shape> {
    let range = || {
        (any::<Option<i16>>(), any::<Option<i16>>()).prop_map(|(min, max)| Range {
            min: min.map(f64::from),
            max: max.map(f64::from),
        })
    };
    let format = select(vec![Format::Plain, Format::Date, Format::Email]);
    let text = (any::<Option<u8>>(), any::<Option<u8>>(), format, any::<bool>());
    let leaf = prop_oneof![
        text.prop_map(|(min, max, format, secret)| Shape::Text(TextShape {
            min: min.map(usize::from),
            max: max.map(usize::from),
            format,
            secret,
            autocomplete: None,
        })),
        range().prop_map(Shape::Integer),
        range().prop_map(Shape::Number),
        Just(Shape::Flag),
        vec("[a-z]{1,4}", 1..4).prop_map(|values| Shape::Choice(
            values
                .into_iter()
                .map(|value| Choice {
                    label: value.clone().into(),
                    value
                })
                .collect()
        )),
        Just(Shape::Object),
        any::<bool>().prop_map(|secret| Shape::Any(AnyShape { secret })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let list = (inner.clone(), any::<Option<u8>>(), any::<Option<u8>>());
        let field = ("[a-z]{1,3}", any::<Option<bool>>(), inner, any::<[bool; 2]>());
        let field = field.prop_map(|(name, initially, shape, [required, nullable])| Field {
            alias: Some(format!("{name}_old")),
            label: name.clone().into(),
            help: Message::default(),
            name,
            shape,
            required,
            nullable,
            initially: initially.map(Value::Bool),
            choices: None,
        });
        prop_oneof![
            list.prop_map(|(item, min, max)| Shape::List(ListShape {
                item: Box::new(item),
                min: min.map(usize::from),
                max: max.map(usize::from),
            })),
            vec(field, 0..4).prop_map(Shape::Record),
        ]
    })
    .boxed()
}

/// Arguments that fit `shape`.
pub fn fitting(shape: &Shape) -> BoxedStrategy<Value> {
    match shape {
        Shape::Text(text) => fitting_text(text).prop_map(Value::from).boxed(),
        Shape::Integer(range) => {
            let (min, max) = (range.min.unwrap_or(-1e6), range.max.unwrap_or(1e6));
            #[expect(clippy::cast_possible_truncation, reason = "limits of whole numbers are whole")]
            let limits = min as i64..=max as i64;
            limits.prop_map(Value::from).boxed()
        }
        Shape::Number(range) => (range.min.unwrap_or(-1e6)..=range.max.unwrap_or(1e6))
            .prop_map(Value::from)
            .boxed(),
        Shape::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Choice(choices) => {
            let values: Vec<Value> = choices.iter().map(|choice| choice.value.as_str().into()).collect();
            select(values).boxed()
        }
        Shape::List(list) => {
            let min = list.min.unwrap_or(0);
            let max = list.max.unwrap_or(usize::MAX).min(min + 4);
            vec(fitting(&list.item), min..=max).prop_map(Value::from).boxed()
        }
        Shape::Record(fields) => {
            let fields: Vec<_> = fields.iter().map(fitting_field).collect();
            fields
                .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect()))
                .boxed()
        }
        Shape::Object => object().prop_map(Value::Object).boxed(),
        Shape::Any { .. } => json(),
    }
}

/// A field with its name, or `None` if it is optional.
fn fitting_field(field: &Field) -> BoxedStrategy<Option<(String, Value)>> {
    let name = field.name.clone();
    let present = fitting(&field.shape).prop_map(move |value| Some((name.clone(), value)));
    if field.required {
        present.boxed()
    } else {
        prop_oneof![Just(None), present].boxed()
    }
}

/// A text without white space, which forms and lists of lines do not preserve.
fn fitting_text(text: &TextShape) -> BoxedStrategy<String> {
    match text.format {
        Format::Date => (1..=9999, 1..=12, 1..=28)
            .prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
            .boxed(),
        Format::Email => "[a-zé+._-]{1,8}@[a-z.]{1,8}".boxed(),
        Format::Plain => {
            let min = text.min.unwrap_or(0);
            let max = text.max.unwrap_or(usize::MAX).min(min + 12);
            let letter = any::<char>().prop_map(|letter| if letter.is_whitespace() { '漢' } else { letter });
            vec(letter, min..=max).prop_map(String::from_iter).boxed()
        }
    }
}
