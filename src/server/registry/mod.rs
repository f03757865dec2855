//! The registry of declared functions.
//!
//! [`#[function]`](crate::function) submits every declaration. The registry finds functions by name and derives the
//! shape of the arguments, the view for pages, and the schemas. A Leptos server function that was registered without
//! the macro has no declaration and so no guard. [`check`] detects it, and the server refuses to start.

pub mod access;
pub mod call_log;
pub mod guard_matrix;
pub mod openapi;
pub mod pending_calls;
pub mod responses;
pub mod schema;
pub mod translations;

mod call;
mod declaration;

use std::{collections::BTreeMap, error::Error, sync::LazyLock};

use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use self::{
    call::{AuthorizedCall, call},
    declaration::{Declaration, Declared, Outcome},
};
use crate::{
    contract::{
        Message, Refusal,
        function::{FunctionView, Group},
        json::JsonFault,
        shape::Shape,
    },
    message,
    server::{
        auth::{caller::Caller, guard::Rule},
        model::no_duplicate_keys::NoDuplicateKeys,
        telemetry::error::InternalError,
    },
};

/// A declared function and what is derived from its declaration.
pub struct Function {
    declaration: &'static Declaration,
    pub rule: Rule,
    /// The data for pages, without anything that changes while the server runs.
    pub view: FunctionView,
    /// Whether the reply may hold a secret. Such a reply is shown once and never stored.
    pub has_secret_reply: bool,
}

impl Function {
    fn new(declaration: &'static Declaration) -> Result<Self, String> {
        let rule = (declaration.rule)();
        let arguments = (declaration.arguments)().to_value();
        let shape = schema::shape(&arguments)
            .map_err(|problem| format!("the arguments of `{}`: {problem}", declaration.name))?;
        if !matches!(shape, Shape::Record(_) | Shape::Object) {
            return Err(format!("the arguments of `{}` are not a JSON object", declaration.name));
        }
        let has_secret_reply = schema::check_reply(declaration.name, declaration.reply)?;
        let mut paragraphs = translations::paragraphs(declaration.doc.iter().copied()).into_iter();
        let view = FunctionView {
            name: declaration.name.to_owned(),
            summary: paragraphs.next().unwrap_or_default(),
            details: paragraphs.collect(),
            rule: rule.clone().view(),
            closed: None,
            group: Group::of(declaration.module),
            example: schema::example(&shape).to_string(),
            arguments: shape,
        };
        Ok(Self {
            declaration,
            rule,
            view,
            has_secret_reply,
        })
    }

    /// The last segment of the path.
    pub fn name(&self) -> &'static str {
        self.declaration.name
    }

    /// An example of each refusal that the body returns itself.
    pub fn refusals(&self) -> Vec<Refusal> {
        (self.declaration.refusals)()
    }

    /// The schema of the arguments.
    pub fn arguments(&self) -> Value {
        (self.declaration.arguments)().to_value()
    }

    pub fn shape(&self) -> &Shape {
        &self.view.arguments
    }

    /// The schema of the reply, without the field `ok`.
    pub fn reply(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.declaration.reply)(generator)
    }

    /// Checks the guard, without calling the function.
    pub async fn check(&self, caller: &Caller) -> Result<(), Refusal> {
        (self.declaration.authorize)(caller).await.map(drop)
    }

    /// Checks that a body holds valid arguments.
    pub fn check_arguments(&self, body: &str) -> Result<(), Refusal> {
        (self.declaration.decode)(self, body)
    }

    /// Decodes the body of a call.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] if it is not a JSON object; [`Refusal::InvalidArguments`] with all faults.
    pub fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, Refusal> {
        if *self.shape() == Shape::Object {
            return serde_json::from_str(body).map_err(malformed);
        }
        let NoDuplicateKeys(mut value) = parse(body)?;
        if !value.is_object() {
            return Err(malformed(JsonFault::not_an_object()));
        }
        let faults = self.shape().faults(&value);
        if !faults.is_empty() {
            return Err(Refusal::InvalidArguments(faults));
        }
        schema::normalize_integers(self.shape(), &mut value);
        // The types may enforce more than the shape can express.
        serde_path_to_error::deserialize(value).map_err(invalid_argument)
    }
}

/// Parses a whole body as JSON and rejects duplicate keys.
fn parse(body: &str) -> Result<NoDuplicateKeys, Refusal> {
    let mut json = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() {
            invalid_argument(error)
        } else {
            malformed(error.into_inner())
        }
    })?;
    json.end().map_err(malformed)?;
    Ok(value)
}

fn malformed(fault: impl Into<JsonFault>) -> Refusal {
    Refusal::Malformed(fault.into().message())
}

/// The refusal for an error of a type, with the path of the field.
fn invalid_argument(error: serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let path = error.path().to_string();
    Refusal::of_argument(
        path.trim_matches('.'),
        without_values(JsonFault::from(error.into_inner()).what),
    )
}

/// Replaces messages of serde that quote the value, because it may be a secret.
fn without_values(problem: Message) -> Message {
    let english = problem.english();
    let quoting = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
        "unknown field",
    ];
    let twice = english.strip_prefix("duplicate field `");
    if quoting.iter().any(|start| english.starts_with(start)) {
        message!("has the wrong format")
    } else if let Some(field) = twice.and_then(|rest| rest.strip_suffix('`')) {
        message!("duplicate field `{field}`", field)
    } else {
        problem
    }
}

type Registry = BTreeMap<&'static str, Function>;

static REGISTRY: LazyLock<Result<Registry, String>> = LazyLock::new(|| {
    let mut registry = BTreeMap::new();
    for declaration in inventory::iter::<Declaration>() {
        if registry.insert(declaration.name, Function::new(declaration)?).is_some() {
            return Err(format!("two functions have the name `{}`", declaration.name));
        }
    }
    Ok(registry)
});

/// Finds a function by name. Finds none if any declaration is invalid; [`check`] then prevents the start.
pub fn find(name: &str) -> Option<&'static Function> {
    REGISTRY.as_ref().ok()?.get(name)
}

/// All functions, sorted by name.
pub fn all() -> impl Iterator<Item = &'static Function> {
    REGISTRY.iter().flat_map(BTreeMap::values)
}

/// Checks that all declarations are valid and that every registered path has one. The error names the functions.
pub fn check() -> Result<(), String> {
    let declared: Vec<&str> = REGISTRY.as_ref().map_err(Clone::clone)?.keys().copied().collect();
    let registered: Vec<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path)
        .collect();
    check_paths(&registered, &declared)
}

fn check_paths(registered: &[&str], declared: &[&str]) -> Result<(), String> {
    let undeclared: Vec<&str> = registered
        .iter()
        .copied()
        .filter(|path| !path.strip_prefix("/api/").is_some_and(|name| declared.contains(&name)))
        .collect();
    if undeclared.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "these server functions have no declaration and so no guard: {}. Declare them with `#[function]`",
            undeclared.join(", ")
        ))
    }
}

/// Serializes a reply as a JSON object with `"ok":true` before its fields.
fn encode(reply: &impl Serialize) -> Result<String, Refusal> {
    const START: &[u8] = br#"{"ok":true"#;
    let failure = |cause: Box<dyn Error + Send + Sync>| InternalError::new("serializing a reply", cause);
    let mut text = START.to_vec();
    serde_json::to_writer(&mut text, reply).map_err(|error| failure(error.into()))?;
    match &text[START.len()..] {
        b"{}" => text.truncate(START.len() + 1),
        [b'{', ..] => {}
        _ => return Err(failure("it is not a JSON object".into()).into()),
    }
    // Overwrite the opening brace of the reply: with `}` if the reply has no fields, otherwise with `,`.
    text[START.len()] = if text.len() == START.len() + 1 { b'}' } else { b',' };
    Ok(String::from_utf8(text).map_err(|error| failure(error.into()))?)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_function_is_declared() {
        check().unwrap();
    }

    #[test]
    fn a_path_without_a_declaration_is_named() {
        let error = check_paths(&["/api/login", "/api/stray"], &["login"]).unwrap_err();
        assert!(error.contains("/api/stray") && !error.contains("/api/login"), "{error}");
        assert!(check_paths(&["/elsewhere/login"], &["login"]).is_err());
    }

    #[test]
    fn every_example_is_valid_for_its_function() {
        for function in all() {
            let example: Value = serde_json::from_str(&function.view.example).unwrap();
            let faults = function.shape().faults(&example);
            // Examples have placeholders in place of secrets, which may be too short.
            assert!(
                function.shape().has_secret() || faults.is_empty(),
                "{}: {faults:?}",
                function.name()
            );
        }
    }

    #[test]
    fn a_reply_is_written_with_ok_before_its_fields() {
        assert_eq!(encode(&serde_json::json!({ "a": 1 })).unwrap(), r#"{"ok":true,"a":1}"#);
        assert_eq!(encode(&serde_json::json!({})).unwrap(), r#"{"ok":true}"#);
        assert!(matches!(encode(&1), Err(Refusal::Internal { .. })));
    }
}
