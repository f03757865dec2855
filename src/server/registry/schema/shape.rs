//! Converts the schema of arguments to a [`Shape`].

use serde_json::{Map, Value};

use crate::{
    contract::{
        Message,
        letter_case::capitalized,
        shape::{AnyShape, Choice, Field, Format, ListShape, Range, Shape, TextShape},
    },
    server::registry::translations,
};

/// Schema keywords that may be ignored because they limit nothing.
const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "default",
    "examples",
    "example",
    "writeOnly",
    "readOnly",
    "deprecated",
    "x-alias",
    "x-autocomplete",
    "x-form-starts-with",
    "x-choices",
    "format",
    "type",
    "$schema",
    "$comment",
];

/// Converts a schema, unless it has a limit that the argument check does not support.
pub fn shape(schema: &Value) -> Result<Shape, String> {
    let Some(object) = schema.as_object() else {
        return Ok(Shape::Any(AnyShape { secret: false }));
    };
    if let Some(choices) = choices(object) {
        return Ok(Shape::Choice(choices));
    }
    let (kind, known): (&str, &[&str]) = match type_of(object) {
        Some("string") => ("string", &["minLength", "maxLength"]),
        Some("integer") => ("integer", &["minimum", "maximum"]),
        Some("number") => ("number", &["minimum", "maximum"]),
        Some("boolean") => ("boolean", &[]),
        Some("array") => ("array", &["items", "minItems", "maxItems"]),
        Some("object") => ("object", &["properties", "required", "additionalProperties"]),
        _ => return any_of(schema, object),
    };
    let combinators = ["anyOf", "oneOf", "allOf", "$ref"];
    if combinators.iter().any(|key| object.contains_key(*key)) {
        return any_of(schema, object);
    }
    let is_known = |key: &str| ANNOTATIONS.contains(&key) || known.contains(&key);
    if let Some(unknown) = object.keys().find(|key| !is_known(key)) {
        return Err(format!(
            "the limit `{unknown}` is not supported; use a type that enforces it when it is deserialized"
        ));
    }
    let count = |key: &str| -> Option<usize> { object.get(key)?.as_u64()?.try_into().ok() };
    let number = |key: &str| object.get(key).and_then(Value::as_f64);
    let range = || Range {
        min: number("minimum"),
        max: number("maximum"),
    };
    Ok(match kind {
        "string" => Shape::Text(TextShape {
            min: count("minLength"),
            max: count("maxLength"),
            format: match object.get("format").and_then(Value::as_str) {
                Some("date") => Format::Date,
                Some("email") => Format::Email,
                _ => Format::Plain,
            },
            secret: is_secret(object),
            autocomplete: object.get("x-autocomplete").and_then(Value::as_str).map(str::to_owned),
        }),
        "integer" => Shape::Integer(range()),
        "number" => Shape::Number(range()),
        "boolean" => Shape::Flag,
        "array" => Shape::List(ListShape {
            item: Box::new(match object.get("items") {
                Some(items) => shape(items)?,
                None => Shape::Any(AnyShape { secret: false }),
            }),
            min: count("minItems"),
            max: count("maxItems"),
        }),
        _ => match (object.get("properties"), object.get("additionalProperties")) {
            (Some(Value::Object(properties)), _) => Shape::Record(record(object, properties)?),
            (_, Some(Value::Bool(false))) => Shape::Record(Vec::new()),
            (_, None | Some(Value::Bool(true))) => Shape::Object,
            _ => any(schema),
        },
    })
}

/// The only type of a schema, apart from `null`.
fn type_of(schema: &Map<String, Value>) -> Option<&str> {
    match schema.get("type")? {
        Value::String(one) => Some(one),
        Value::Array(types) => {
            let mut others = types.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            let first = others.next()?;
            others.next().is_none().then_some(first)
        }
        _ => None,
    }
}

fn is_nullable(schema: &Value) -> bool {
    let is_null = |kind: &Value| kind == "null";
    let kinds = schema.get("type").and_then(Value::as_array);
    let variants = schema.get("anyOf").and_then(Value::as_array);
    kinds.is_some_and(|kinds| kinds.iter().any(is_null))
        || variants.is_some_and(|variants| variants.iter().any(|variant| variant.get("type").is_some_and(is_null)))
}

/// The choices, if the schema is an `enum` or `oneOf` of strings.
fn choices(schema: &Map<String, Value>) -> Option<Vec<Choice>> {
    let choice = |value: &str, label: Option<Message>| Choice {
        value: value.to_owned(),
        label: label.unwrap_or_else(|| label_of(value)),
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null());
        return values.map(|value| Some(choice(value.as_str()?, None))).collect();
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let mut choices = Vec::new();
    for variant in variants {
        match (
            variant.get("const").and_then(Value::as_str),
            variant.get("enum").and_then(Value::as_array),
        ) {
            (Some(value), _) => {
                let text = |key: &str| variant.get(key).and_then(Value::as_str);
                let meaning = |text| translations::doc(text, " ").map(|text| text.trim_end_matches('.').to_owned());
                let label = text("title").map(translations::label);
                choices.push(choice(value, label.or_else(|| text("description").map(meaning))));
            }
            (None, Some(values)) => {
                for value in values {
                    choices.push(choice(value.as_str()?, None));
                }
            }
            (None, None) => return None,
        }
    }
    Some(choices)
}

/// An `anyOf` of a schema and `null` has the shape of that schema: schemars generates it for `Option`. Anything else is
/// [`Shape::Any`], which only the decoder checks.
fn any_of(schema: &Value, object: &Map<String, Value>) -> Result<Shape, String> {
    if let Some([one, other]) = object.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
        && other.get("type").and_then(Value::as_str) == Some("null")
    {
        return shape(one);
    }
    Ok(any(schema))
}

fn any(schema: &Value) -> Shape {
    Shape::Any(AnyShape {
        secret: has_secret(schema),
    })
}

fn is_secret(schema: &Map<String, Value>) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").is_some_and(|format| format == "password")
}

fn has_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(object) => is_secret(object) || object.values().any(has_secret),
        Value::Array(items) => items.iter().any(has_secret),
        _ => false,
    }
}

fn record(schema: &Map<String, Value>, properties: &Map<String, Value>) -> Result<Vec<Field>, String> {
    let is_required = |name: &String| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let field = |(name, schema): (&String, &Value)| {
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        Ok(Field {
            name: name.clone(),
            alias: text("x-alias").map(str::to_owned),
            label: text("title").map_or_else(|| label_of(name), translations::label),
            help: translations::doc(text("description").unwrap_or_default(), " "),
            shape: shape(schema).map_err(|problem| format!("{name}: {problem}"))?,
            required: is_required(name),
            nullable: is_nullable(schema),
            initially: ["x-form-starts-with", "default"]
                .iter()
                .find_map(|key| schema.get(*key))
                .filter(|value| !value.is_null())
                .cloned(),
            choices: match text("x-choices") {
                None => None,
                Some(kind) => Some(
                    kind.parse()
                        .map_err(|_| format!("{name}: the choices `{kind}` are unknown"))?,
                ),
            },
        })
    };
    properties.iter().map(field).collect()
}

/// The label for a name: `first_name` becomes "First name".
fn label_of(name: &str) -> Message {
    translations::label(&capitalized(&name.trim_matches('_').replace('_', " ")))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;
    use crate::{
        contract::{JsonObject, RangedInt, Text, login::LoginArguments},
        server::registry::schema::of_arguments,
    };

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Everything {
        /// How many
        /// of them.
        number_of: RangedInt<1, 8>,
        small: u8,
        large: i32,
        share: f64,
        name: Text<1, 40>,
        nick: Option<Text<0, 20>>,
        day: jiff::civil::Date,
        yes: bool,
        maybe: Option<bool>,
        tags: Vec<Text<1, 10>>,
        color: Color,
        hue: Option<Color>,
        inner: Inner,
        other: Option<Inner>,
        free: JsonObject,
        odd: Odd,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Color {
        /// Deep red.
        Red,
        DarkBlue,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Inner {
        #[schemars(range(min = 0.5, max = 1.5))]
        ratio: f64,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Odd {
        Number(u8),
        Login(LoginArguments),
    }

    fn fields<T: JsonSchema>() -> Vec<Field> {
        match shape(of_arguments::<T>().as_value()).unwrap() {
            Shape::Record(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    fn range(min: f64, max: f64) -> Range {
        Range {
            min: Some(min),
            max: Some(max),
        }
    }

    #[test]
    fn every_kind_of_argument_has_a_shape() {
        let fields = fields::<Everything>();
        let shape = |name: &str| fields.iter().find(|field| field.name == name).unwrap().shape.clone();
        assert_eq!(shape("number_of"), Shape::Integer(range(1.0, 8.0)));
        assert_eq!(shape("small"), Shape::Integer(range(0.0, 255.0)));
        assert_eq!(
            shape("large"),
            Shape::Integer(range(f64::from(i32::MIN), f64::from(i32::MAX)))
        );
        assert_eq!(shape("share"), Shape::Number(Range::default()));
        assert!(matches!(shape("nick"), Shape::Text(TextShape { max: Some(20), .. })));
        assert!(matches!(
            shape("day"),
            Shape::Text(TextShape {
                format: Format::Date,
                ..
            })
        ));
        assert_eq!((shape("yes"), shape("maybe")), (Shape::Flag, Shape::Flag));
        assert!(matches!(shape("tags"), Shape::List(list) if matches!(*list.item, Shape::Text(_))));
        assert!(matches!(shape("inner"), Shape::Record(inner) if inner[0].shape == Shape::Number(range(0.5, 1.5))));
        assert!(matches!(shape("other"), Shape::Record(_)));
        assert_eq!(shape("free"), Shape::Object);
        assert_eq!(shape("odd"), Shape::Any(AnyShape { secret: true }));
        let Shape::Choice(choices) = shape("color") else {
            panic!("{:?}", shape("color"))
        };
        let label = |value: &str| {
            choices
                .iter()
                .find(|choice| choice.value == value)
                .unwrap()
                .label
                .to_string()
        };
        assert_eq!(
            (label("Red"), label("DarkBlue")),
            ("Deep red".to_owned(), "DarkBlue".to_owned())
        );
        assert_eq!(shape("hue"), shape("color"));
    }

    #[test]
    fn labels_and_help_come_from_names_and_doc_comments() {
        let fields = fields::<Everything>();
        assert_eq!(fields[0].label.english(), "Number of");
        assert_eq!(fields[0].help.english(), "How many of them.");
        let optional: Vec<&str> = fields
            .iter()
            .filter(|field| !field.required)
            .map(|field| &*field.name)
            .collect();
        assert_eq!(optional, ["nick", "maybe", "hue", "other"]);
    }

    #[test]
    fn the_password_of_a_login_is_secret_and_has_an_alias() {
        let fields = fields::<LoginArguments>();
        assert!(matches!(&fields[1].shape, Shape::Text(text) if text.secret));
        assert_eq!(fields[1].alias.as_deref(), Some("passwd_hash"));
        assert_eq!(fields[2].initially, Some(Value::Bool(false)));
    }

    #[test]
    fn an_unsupported_limit_is_an_error() {
        let error = shape(&json!({ "type": "string", "pattern": "a+" })).unwrap_err();
        assert!(error.contains("`pattern`"), "{error}");
    }
}
