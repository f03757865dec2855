//! From Rust types to schemas (JSON Schema 2020-12), and from schemas to the
//! [`Shape`](crate::contract::shape::Shape) of arguments.
//!
//! What a schema says is held: a limit that the check of arguments does not know is an error at start-up, never a promise
//! that nobody keeps.

mod example;
pub mod no_duplicate_keys;
pub mod ranged_int;
mod shape;

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Value, json};

pub use self::{example::example, no_duplicate_keys::NoDuplicateKeys, ranged_int::normalize_integers, shape::shape};

/// Where OpenAPI keeps schemas that have a name.
const COMPONENTS: &str = "/components/schemas";

/// The schema of a type that is decoded: closed, so that what is not known is not taken.
pub fn of_arguments<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.remove("title");
    RecursiveTransform(close).transform(&mut schema);
    RecursiveTransform(bound).transform(&mut schema);
    schema
}

/// A generator for the types of replies, which are kept under their names.
pub fn of_replies() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.meta_schema = None;
    settings.definitions_path = COMPONENTS.into();
    SchemaGenerator::new(settings.with_transform(RecursiveTransform(enumerate)))
}

/// The schema of arguments with its choices as an `enum` each.
pub fn with_enums(mut arguments: Value) -> Value {
    if let Ok(schema) = <&mut Schema>::try_from(&mut arguments) {
        RecursiveTransform(enumerate).transform(schema);
    }
    arguments
}

/// Writes a choice between texts as an `enum`, and what each of them means into the description. schemars writes a `oneOf` of
/// constants, which generators of clients do not take. Where there is something else to choose, the texts are one way among those.
fn enumerate(schema: &mut Schema) {
    let (mut values, mut meanings, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for way in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        match (way.get("const"), way.get("enum").and_then(Value::as_array)) {
            (Some(Value::String(value)), _) => {
                values.push(json!(value));
                let meaning = way.get("description").and_then(Value::as_str);
                meanings.extend(meaning.map(|meaning| format!("- `{value}`: {}", meaning.replace('\n', " "))));
            }
            (None, Some(more)) if way["type"] == "string" => values.extend(more.iter().cloned()),
            _ => others.push(way.clone()),
        }
    }
    if values.is_empty() {
        return;
    }
    let texts = json!({ "type": "string", "enum": values });
    if !others.is_empty() {
        others.insert(0, texts);
        schema.insert("oneOf".to_owned(), Value::Array(others));
    } else if let Value::Object(texts) = texts {
        schema.remove("oneOf");
        schema.ensure_object().extend(texts);
    }
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("{description}\n\n{}", meanings.join("\n"));
    schema.insert("description".to_owned(), json!(description.trim()));
}

/// Objects take no fields but those that they name, unless they say so.
fn close(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "object") && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// Whole numbers have the limits of their Rust type.
fn bound(schema: &mut Schema) {
    let limits = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => [json!(i32::MIN), json!(i32::MAX)],
        Some("uint32") => [json!(u32::MIN), json!(u32::MAX)],
        Some("int64" | "int") => [json!(i64::MIN), json!(i64::MAX)],
        Some("uint64" | "uint") => [json!(u64::MIN), json!(u64::MAX)],
        _ => return,
    };
    for (name, limit) in ["minimum", "maximum"].into_iter().zip(limits) {
        if schema.get(name).is_none() {
            schema.insert(name.to_owned(), limit);
        }
    }
}

/// Checks that the reply of a function has room for `ok`, and says whether a field of it is secret.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_reply(function: &str, reply: fn(&mut SchemaGenerator) -> Schema) -> Result<bool, String> {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    let schema = reply(&mut SchemaGenerator::new(settings));
    let fields = schema.get("properties").and_then(Value::as_object);
    let has_ok = fields.is_some_and(|fields| fields.contains_key("ok"));
    let is_secret = |field: &Value| field.get("format").is_some_and(|format| format == "password");
    match schema.get("type").and_then(Value::as_str) {
        Some("object") if !has_ok => Ok(fields.is_some_and(|fields| fields.values().any(is_secret))),
        Some("object") => Err(format!(
            "the reply of `{function}` has a field `ok`, which every reply gets by itself"
        )),
        _ => Err(format!(
            "the reply of `{function}` is no struct, so it has no place for `ok`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    /// How it is sent.
    enum Way {
        /// By ship,
        /// slowly.
        Sea,
        Air,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Parcel {
        way: Option<Way>,
        /// What comes after it.
        next: Way,
    }

    #[test]
    fn a_choice_is_described_as_an_enum_that_says_what_each_value_means() {
        let schema = with_enums(of_arguments::<Parcel>().to_value());
        let way = |meaning: &str| {
            json!({
                "type": "string",
                "enum": ["Air", "Sea"],
                "description": format!("{meaning}\n\n- `Sea`: By ship, slowly."),
            })
        };
        assert_eq!(schema["properties"]["way"]["anyOf"][0], way("How it is sent."));
        assert_eq!(schema["properties"]["next"], way("What comes after it."));
    }
}
