//! From Rust types to schemas (JSON Schema 2020-12), and from schemas to the
//! [`Shape`](crate::contract::shape::Shape) of arguments.
//!
//! What a schema says is held: a limit that the check of arguments does not know is an error at start-up, never a promise
//! that nobody keeps.

mod example;
mod shape;
mod unique;
mod whole;

use schemars::{
    JsonSchema, Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::{Value, json};

pub use self::{example::example, shape::shape, unique::Unique, whole::settle};

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
    SchemaGenerator::new(settings)
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
