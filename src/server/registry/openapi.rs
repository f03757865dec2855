//! The OpenAPI 3.1 document of all functions, served at `/api/openapi.json`.
//!
//! It is generated from the declarations. The schemas come from the types that are deserialized and serialized. The
//! refusals are those of the guard, the HTTP layer, the decoder, and the function itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Function, schema};
use crate::{
    contract::{
        Language, Message, Refusal,
        json::JsonFault,
        shape::{FieldFault, Shape},
    },
    message,
    server::{auth::cookies::CookieName, config::origin::cookie_suffix, registry},
    t,
};

const REQUEST_ID: &str = "k3v9xabcm7t2q";

/// The document for a site at `origin` that accepts bodies of up to `body_bytes`, in the current language.
pub fn document(origin: &str, body_bytes: u64) -> Value {
    let mut generator = schema::of_replies();
    let mut paths = Map::new();
    for function in registry::all() {
        let reply = function.reply(&mut generator).to_value();
        paths.insert(
            function.view.path(),
            json!({ "post": operation(function, &reply, body_bytes) }),
        );
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Refusal".to_owned(), refusal_schema(&mut generator));
    schemas.extend(generator.take_definitions(true));
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Callgate",
            "summary": t!("Functions guarded by a login."),
            "description": t!(
                "Every function is called with POST and a JSON object. A reply has `ok: true`; a refusal has `ok: false`, a \
                 sentence for people, and a code for programs that never changes."
            ),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": origin }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": CookieName::Session.with(&cookie_suffix(origin)),
                    "description": t!("The session cookie that `login` sets."),
                },
            },
        },
    })
}

fn operation(function: &Function, reply: &Value, body_bytes: u64) -> Value {
    let view = &function.view;
    let example: Value = serde_json::from_str(&view.example).unwrap_or_default();
    let arguments = with_aliases(schema::for_document(function.arguments()));
    let mut description: Vec<String> = view.details.iter().map(Message::to_string).collect();
    description.push(t!("Who may call: {rule}.", rule = view.rule.words));
    json!({
        "operationId": view.name,
        "summary": view.summary,
        "description": description.join("\n\n"),
        "security": if view.rule.open { json!([]) } else { json!([{ "session": [] }]) },
        "x-guard": view.rule.guard,
        "requestBody": {
            "required": !function.shape().is_nothing(),
            "content": {
                "application/json": { "schema": arguments, "example": example },
            },
        },
        "responses": responses(function, reply, body_bytes),
    })
}

fn responses(function: &Function, reply: &Value, body_bytes: u64) -> Value {
    let mut responses = Map::new();
    let ok = json!({ "type": "object", "properties": { "ok": { "const": true } }, "required": ["ok"] });
    responses.insert(
        "200".to_owned(),
        json!({
            "description": t!("The reply of the function."),
            "content": { "application/json": { "schema": { "allOf": [ok, reply] } } },
        }),
    );
    let mut by_status: BTreeMap<u16, Vec<Refusal>> = BTreeMap::new();
    for refusal in refusals(function, body_bytes) {
        by_status.entry(refusal.status()).or_default().push(refusal);
    }
    for (status, refusals) in by_status {
        responses.insert(status.to_string(), refusal_response(&refusals));
    }
    Value::Object(responses)
}

/// An example of each refusal of a call: by the guard, the function, the HTTP layer, and the decoder.
fn refusals(function: &Function, body_bytes: u64) -> Vec<Refusal> {
    let not_json = JsonFault {
        what: message!("expected value"),
        position: Some((1, 1)),
    };
    let mut refusals = function.rule.refusals.clone();
    refusals.extend(function.refusals());
    refusals.extend([
        Refusal::CrossOrigin,
        Refusal::Malformed(not_json.message()),
        Refusal::MalformedRequest(message!("Host is missing")),
        Refusal::NotJson,
        Refusal::Encoded,
        Refusal::TooLarge { limit: body_bytes },
        Refusal::TooSlow,
        Refusal::Busy { retry_after: 1 },
        Refusal::CallTooSlow,
        Refusal::Internal {
            reference: REQUEST_ID.to_owned(),
        },
    ]);
    if *function.shape() != Shape::Object {
        refusals.push(Refusal::InvalidArguments(vec![FieldFault::new(
            "field",
            message!("is missing"),
        )]));
    }
    refusals
}

/// The body of a refusal. It is English in every language, as for programs that ask for none.
fn example(refusal: &Refusal) -> Value {
    let mut body = Language::En.with(|| json!(refusal));
    body["request_id"] = REQUEST_ID.into();
    body
}

/// The response object for all refusals with one status.
fn refusal_response(refusals: &[Refusal]) -> Value {
    let codes: BTreeSet<&str> = refusals.iter().map(Refusal::code).collect();
    let messages: Vec<String> = refusals.iter().map(|refusal| refusal.message().to_string()).collect();
    let examples: Map<String, Value> = refusals
        .iter()
        .map(|refusal| (refusal.code().to_owned(), json!({ "value": example(refusal) })))
        .collect();
    let code = json!({ "properties": { "code": { "type": "string", "enum": codes } } });
    let mut response = json!({
        "description": messages.join("\n\n"),
        "content": {
            "application/json": {
                "schema": { "allOf": [{ "$ref": "#/components/schemas/Refusal" }, code] },
                "examples": examples,
            },
        },
    });
    let has_retry_after = |refusal: &Refusal| matches!(refusal, Refusal::Busy { .. } | Refusal::TooManyAttempts { .. });
    if refusals.iter().any(has_retry_after) {
        response["headers"] = json!({
            "Retry-After": {
                "description": t!("Seconds to wait."),
                "required": refusals.iter().all(has_retry_after),
                "schema": { "type": "integer" },
            },
        });
    }
    response
}

/// The schema of a refusal, written by hand like its `Serialize` implementation. A test compares the two.
fn refusal_schema(generator: &mut schemars::SchemaGenerator) -> Value {
    let fault = generator.subschema_for::<FieldFault>().to_value();
    json!({
        "type": "object",
        "properties": {
            "ok": { "const": false },
            "error": { "type": "string", "description": t!("What went wrong and what to do, for people.") },
            "code": { "type": "string", "description": t!("What went wrong, for programs. It never changes.") },
            "detail": {
                "type": "string",
                "description": t!("Details, if there are any. For `not_found`, the kind of thing that does not exist, such as `user`."),
            },
            "faults": { "type": "array", "items": fault, "description": t!("The invalid fields, each with its problem.") },
            "retry_after": { "type": "integer", "description": t!("Seconds to wait.") },
            "limit": { "type": "integer", "description": t!("The limit, in bytes.") },
            "required": { "type": "string", "description": t!("The missing permission, or `role:` and the missing role.") },
            "alternatives": {
                "type": "array",
                "items": { "type": "string" },
                "description": t!("Other permissions or roles, any of which is sufficient instead."),
            },
            "reference": { "type": "string", "description": t!("The request id, to quote to the operator.") },
            "request_id": {
                "type": "string",
                "description": t!("The id of this request, to quote to the operator. It identifies the request in the log."),
            },
        },
        "required": ["ok", "error", "code", "request_id"],
        "additionalProperties": false,
    })
}

/// Adds each alias as a deprecated property. If the field is required, exactly one of the two names is required.
fn with_aliases(mut schema: Value) -> Value {
    let aliases: Vec<(String, String)> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, field)| Some((name.clone(), field.get("x-alias")?.as_str()?.to_owned())))
        .collect();
    for (name, alias) in aliases {
        let mut field = schema["properties"][&name].clone();
        field["deprecated"] = Value::Bool(true);
        schema["properties"][&alias] = field;
        if let Some(required) = schema["required"].as_array_mut()
            && required.iter().any(|required| *required == name)
        {
            required.retain(|required| *required != name);
            // Inside `allOf`, because client generators would take a `oneOf` next to `properties` for the whole schema.
            schema["allOf"] = json!([{ "oneOf": [{ "required": [name] }, { "required": [alias] }] }]);
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_an_operation_with_the_refusals_of_its_guard() {
        let document = document("https://calls.example", 1);
        for function in registry::all() {
            let operation = &document["paths"][function.view.path()]["post"];
            assert_eq!(operation["operationId"], function.name());
            for refusal in &function.rule.refusals {
                let response = &operation["responses"][refusal.status().to_string()];
                let codes = response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
                    .as_array();
                assert!(
                    codes.unwrap().iter().any(|code| code == refusal.code()),
                    "{}: {refusal:?}",
                    function.name()
                );
            }
        }
    }

    #[test]
    fn the_schema_of_a_refusal_has_every_serialized_field() {
        let schema = &document("", 1)["components"]["schemas"]["Refusal"];
        for refusal in registry::all().flat_map(|function| refusals(function, 1)) {
            let written = serde_json::to_value(&refusal).unwrap();
            for name in written.as_object().unwrap().keys() {
                assert!(schema["properties"].get(name).is_some(), "{name} of {refusal:?}");
            }
        }
    }

    fn each_object(value: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                visit(object);
                object.values().for_each(|value| each_object(value, visit));
            }
            Value::Array(items) => items.iter().for_each(|value| each_object(value, visit)),
            _ => {}
        }
    }

    #[test]
    fn no_enum_holds_a_value_twice_and_no_way_of_a_one_of_is_a_constant() {
        let mut enums = 0;
        each_object(&document("", 1), &mut |schema| {
            if let Some(values) = schema.get("enum").and_then(Value::as_array) {
                enums += 1;
                for (at, value) in values.iter().enumerate() {
                    assert!(!values[..at].contains(value), "{values:?}");
                }
            }
            let variants = schema.get("oneOf").and_then(Value::as_array);
            let is_constant = |variant: &Value| variant.get("const").is_some();
            assert!(
                !variants.is_some_and(|variants| variants.iter().any(is_constant)),
                "{schema:?}"
            );
        });
        assert!(enums > 100);
    }

    /// The keys of texts for people.
    const TEXTS: [&str; 3] = ["summary", "description", "title"];

    fn each_text(value: &mut Value, visit: &mut impl FnMut(&mut String)) {
        match value {
            Value::Object(object) => {
                // The example of a body may have fields with such names.
                let is_body = object.contains_key("schema");
                for (key, value) in object.iter_mut().filter(|(key, _)| !is_body || *key != "example") {
                    match value {
                        Value::String(text) if TEXTS.contains(&key.as_str()) => visit(text),
                        value => each_text(value, visit),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_text_for_people_has_a_translation_and_nothing_else_differs() {
        let mut english = document("https://calls.example", 1);
        let mut korean = Language::Ko.with(|| document("https://calls.example", 1));
        let is_hangul = |letter: char| ('가'..='힣').contains(&letter);
        let mut missing = BTreeSet::new();
        each_text(&mut korean, &mut |text| {
            let lines = text.lines().filter(|line| !line.is_empty() && *line != "Callgate");
            missing.extend(lines.filter(|line| !line.contains(is_hangul)).map(str::to_owned));
            text.clear();
        });
        assert!(missing.is_empty(), "add to locales/ko.po: {missing:#?}");
        each_text(&mut english, &mut String::clear);
        let [english, korean] = [english, korean].map(|document| serde_json::to_string_pretty(&document).unwrap());
        let different = english
            .lines()
            .zip(korean.lines())
            .find(|(english, korean)| english != korean);
        assert_eq!(different, None);
        assert_eq!(english.len(), korean.len());
    }

    #[test]
    fn every_schema_reference_resolves() {
        let document = document("", 1);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
