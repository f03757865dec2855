//! The register of declared functions.
//!
//! [`#[function]`](crate::function) submits every declaration; here they are found again by name, with what follows from
//! them: the shape of the arguments, the view for pages, the schemas. A Leptos server function that was registered past
//! the macro has no declaration and hence no guard: [`check`] finds it, and the server refuses to start.

pub mod access;
pub mod call_log;
pub mod guard_matrix;
pub mod openapi;
pub mod pending_calls;
pub mod schema;

mod call;
mod declaration;

use std::{collections::BTreeMap, error::Error, sync::LazyLock};

use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use self::schema::NoDuplicateKeys;
pub use self::{
    call::{Admitted, call},
    declaration::{Declaration, Declared, Outcome},
};
use crate::{
    contract::{Refusal, function::FunctionView, json::JsonFault, shape::Shape},
    server::{
        auth::{caller::Caller, guard::Rule},
        telemetry::error::InternalError,
    },
};

/// A declared function, with all that follows from its declaration.
pub struct Function {
    declaration: &'static Declaration,
    rule: Rule,
    shape: Shape,
    view: FunctionView,
    has_secret_reply: bool,
}

impl Function {
    fn new(declaration: &'static Declaration) -> Result<Self, String> {
        let rule = (declaration.rule)();
        let arguments = (declaration.arguments)().to_value();
        let shape =
            schema::shape(&arguments).map_err(|why| format!("the arguments of `{}`: {why}", declaration.name))?;
        if !matches!(shape, Shape::Record(_) | Shape::Object) {
            return Err(format!("the arguments of `{}` are no JSON object", declaration.name));
        }
        let has_secret_reply = schema::check_reply(declaration.name, declaration.reply)?;
        let mut paragraphs = paragraphs(declaration.doc).into_iter();
        let view = FunctionView {
            name: declaration.name.to_owned(),
            summary: paragraphs.next().unwrap_or_default(),
            details: paragraphs.collect(),
            rule: rule.clone().view(),
            closed: None,
            group: crate::contract::function::Group::of(declaration.module),
            arguments: shape.clone(),
            example: schema::example(&shape).to_string(),
        };
        Ok(Self {
            declaration,
            rule,
            shape,
            view,
            has_secret_reply,
        })
    }

    /// The name, which ends the path.
    pub fn name(&self) -> &'static str {
        self.declaration.name
    }

    /// What the guard says of itself.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The refusals that the function makes itself.
    pub fn refusals(&self) -> Vec<Refusal> {
        (self.declaration.refusals)()
    }

    /// The schema of the arguments.
    pub fn arguments(&self) -> Value {
        (self.declaration.arguments)().to_value()
    }

    /// The shape of the arguments.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The schema of the reply, less the `ok` that stands before it.
    pub fn reply(&self, generator: &mut SchemaGenerator) -> Schema {
        (self.declaration.reply)(generator)
    }

    /// What the page shows, but for what changes while the server runs.
    pub fn view(&self) -> &FunctionView {
        &self.view
    }

    /// Whether a reply may hold a secret: then it is shown once, and kept nowhere.
    pub fn has_secret_reply(&self) -> bool {
        self.has_secret_reply
    }

    /// What the guard says to a caller.
    ///
    /// # Errors
    /// That it refuses, or could not be asked.
    pub async fn check(&self, caller: &Caller) -> Result<(), Refusal> {
        (self.declaration.admit)(caller).await.map(drop)
    }

    /// Says whether a body has the arguments that the function takes.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn check_arguments(&self, body: &str) -> Result<(), Refusal> {
        (self.declaration.decode)(self, body)
    }

    /// Reads the body of a call.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] where it is no JSON object; [`Refusal::InvalidArguments`] with all that is wrong with it.
    pub fn decode<T: DeserializeOwned>(&self, body: &str) -> Result<T, Refusal> {
        let malformed = |fault: JsonFault| Refusal::Malformed(fault.to_string());
        if self.shape == Shape::Object {
            return serde_json::from_str(body).map_err(|error| malformed(error.into()));
        }
        let NoDuplicateKeys(mut value) = read(body, malformed)?;
        if !value.is_object() {
            return Err(malformed(JsonFault::no_object()));
        }
        let faults = self.shape.faults(&value);
        if !faults.is_empty() {
            return Err(Refusal::InvalidArguments(faults));
        }
        schema::normalize_integers(&self.shape, &mut value);
        // What the shape does not know: what the types themselves demand.
        serde_path_to_error::deserialize(value).map_err(not_taken)
    }
}

/// Reads JSON in which no name comes twice, and nothing after it.
fn read(body: &str, malformed: impl Fn(JsonFault) -> Refusal) -> Result<NoDuplicateKeys, Refusal> {
    let mut json = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().is_data() {
            not_taken(error)
        } else {
            malformed(error.into_inner().into())
        }
    })?;
    json.end().map_err(|error| malformed(error.into()))?;
    Ok(value)
}

/// What a type says against the arguments, with the path of the field.
fn not_taken(error: serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let path = error.path().to_string();
    Refusal::of_argument(
        path.trim_matches('.'),
        without_values(&JsonFault::from(error.into_inner()).what),
    )
}

/// What a type says against a value, unless that would quote the value, which may be secret.
fn without_values(what: &str) -> String {
    let quotes = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
        "unknown field",
    ];
    if quotes.iter().any(|start| what.starts_with(start)) {
        "does not have the right form".to_owned()
    } else {
        what.to_owned()
    }
}

type Register = BTreeMap<&'static str, Function>;

static REGISTER: LazyLock<Result<Register, String>> = LazyLock::new(|| {
    let mut register = BTreeMap::new();
    for declaration in inventory::iter::<Declaration>() {
        if register.insert(declaration.name, Function::new(declaration)?).is_some() {
            return Err(format!(
                "two functions are declared under the name `{}`",
                declaration.name
            ));
        }
    }
    Ok(register)
});

/// The function of that name. None is found where a declaration is not sound.
pub fn find(name: &str) -> Option<&'static Function> {
    REGISTER.as_ref().ok()?.get(name)
}

/// All functions, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static Function> {
    REGISTER.iter().flat_map(BTreeMap::values)
}

/// Checks that the declarations are sound, and that every registered path has one.
///
/// # Errors
/// Says what is wrong with which.
pub fn check() -> Result<(), String> {
    let declared: Vec<&str> = REGISTER.as_ref().map_err(Clone::clone)?.keys().copied().collect();
    let registered: Vec<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path)
        .collect();
    check_paths(&registered, &declared)
}

fn check_paths(registered: &[&str], declared: &[&str]) -> Result<(), String> {
    let stray: Vec<&str> = registered
        .iter()
        .copied()
        .filter(|path| !path.strip_prefix("/api/").is_some_and(|name| declared.contains(&name)))
        .collect();
    if stray.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "these server functions have no declaration and so no guard: {}. Declare them with `#[function]`",
            stray.join(", ")
        ))
    }
}

/// Writes a reply as JSON, with `"ok":true` before its fields.
///
/// # Errors
/// A fault if the reply cannot be written as a JSON object.
fn encode(reply: &impl Serialize) -> Result<String, Refusal> {
    const START: &[u8] = br#"{"ok":true"#;
    let failure = |cause: Box<dyn Error + Send + Sync>| InternalError::new("writing a reply", cause);
    let mut text = START.to_vec();
    serde_json::to_writer(&mut text, reply).map_err(|error| failure(error.into()))?;
    match &text[START.len()..] {
        b"{}" => text.truncate(START.len() + 1),
        [b'{', ..] => {}
        _ => return Err(failure("it is no JSON object".into()).into()),
    }
    // The brace that the reply itself begins with, or both of an empty one.
    text[START.len()] = if text.len() == START.len() + 1 { b'}' } else { b',' };
    Ok(String::from_utf8(text).map_err(|error| failure(error.into()))?)
}

fn paragraphs(doc: &[&str]) -> Vec<String> {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    lines
        .split(|line| line.is_empty())
        .map(|paragraph| paragraph.join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
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
    fn doc_comments_become_paragraphs() {
        assert_eq!(paragraphs(&[" One", " line.", "", " Two."]), ["One line.", "Two."]);
    }

    #[test]
    fn every_example_is_taken_by_its_own_function() {
        for function in all() {
            let example: Value = serde_json::from_str(&function.view().example).unwrap();
            let faults = function.shape().faults(&example);
            // A secret is left for the caller to fill in, so it may be too short.
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
