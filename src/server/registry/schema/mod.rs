//! Converts Rust types to schemas (JSON Schema 2020-12), and schemas to [`Shape`](crate::contract::shape::Shape)s.
//!
//! Every limit in a schema is enforced. A limit that the argument check does not support is an error at start-up.

mod example;
pub mod ranged_int;
mod shape;

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Value, json};

pub use self::{example::example, ranged_int::normalize_integers, shape::shape};
use super::translations;

/// Where OpenAPI has named schemas.
const COMPONENTS: &str = "/components/schemas";

/// The schema of an argument type. Objects are closed: unknown fields are refused.
pub fn of_arguments<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.remove("title");
    RecursiveTransform(close_objects).transform(&mut schema);
    RecursiveTransform(add_integer_limits).transform(&mut schema);
    schema
}

/// A generator for reply types, which become named components.
pub fn of_replies() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.meta_schema = None;
    settings.definitions_path = COMPONENTS.into();
    let settings = settings.with_transform(RecursiveTransform(translate));
    SchemaGenerator::new(settings.with_transform(RecursiveTransform(use_enums)))
}

/// The schema of arguments as in the OpenAPI document: in the current language, and with each choice as an `enum`.
pub fn for_document(mut arguments: Value) -> Value {
    if let Ok(schema) = <&mut Schema>::try_from(&mut arguments) {
        RecursiveTransform(translate).transform(schema);
        RecursiveTransform(use_enums).transform(schema);
    }
    arguments
}

/// Puts title and description into the current language.
fn translate(schema: &mut Schema) {
    if let Some(Value::String(title)) = schema.get_mut("title") {
        *title = translations::label(title).into();
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = translations::doc(description, "\n\n").into();
    }
}

/// Turns a `oneOf` of string constants, as schemars generates it, into an `enum`, because client generators do not
/// support the former. Adds the meaning of each value to the description. Other variants stay beside the `enum`.
fn use_enums(schema: &mut Schema) {
    let (mut values, mut meanings, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for variant in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
            (Some(Value::String(value)), _) => {
                values.push(json!(value));
                let meaning = variant.get("description").and_then(Value::as_str);
                meanings.extend(meaning.map(|meaning| format!("- `{value}`: {}", meaning.replace("\n\n", " "))));
            }
            (None, Some(more)) if variant["type"] == "string" => values.extend(more.iter().cloned()),
            _ => others.push(variant.clone()),
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

/// Forbids unknown fields, unless the schema allows them explicitly.
fn close_objects(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "object") && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// Gives integers the limits of their Rust type.
fn add_integer_limits(schema: &mut Schema) {
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

/// Checks that the field `ok` can be added to a reply, and returns whether the reply has a secret field.
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
            "the reply of `{function}` has a field `ok`, which is reserved: it is added to every reply"
        )),
        _ => Err(format!(
            "the reply of `{function}` is not a struct, so the field `ok` cannot be added"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    /// How it is sent.
    enum Route {
        /// By ship,
        /// slowly.
        Sea,
        Air,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Parcel {
        route: Option<Route>,
        /// The second leg.
        next: Route,
    }

    #[test]
    fn a_choice_is_described_as_an_enum_with_the_meaning_of_each_value() {
        let schema = for_document(of_arguments::<Parcel>().to_value());
        let route = |meaning: &str| {
            json!({
                "type": "string",
                "enum": ["Air", "Sea"],
                "description": format!("{meaning}\n\n- `Sea`: By ship, slowly."),
            })
        };
        assert_eq!(schema["properties"]["route"]["anyOf"][0], route("How it is sent."));
        assert_eq!(schema["properties"]["next"], route("The second leg."));
    }
}
