//! The register of declared functions.
//!
//! [`function!`](crate::function) submits every declaration; here they are found again by name, with what follows from
//! them: the shape of the arguments, the view for pages, the schemas. A Leptos server function that was registered past
//! the macro has no declaration and hence no guard: [`check`] finds it, and the server refuses to start.

use std::{collections::BTreeMap, error::Error, future::Future, pin::Pin, sync::LazyLock};

use futures::{FutureExt as _, future::Either};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    caller::Caller,
    fault::{Fault, caught},
    guard::{self, Guard, Rule},
    schema::{self, Unique},
};
use crate::contract::{Refusal, function::FunctionView, json::JsonFault, shape::Shape};

/// A call under way: the reply as JSON, or why there is none.
pub type Call = Pin<Box<dyn Future<Output = Result<String, Refusal>> + Send>>;

type Admission<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// What [`function!`](crate::function) says of a function.
pub struct Declaration {
    name: &'static str,
    module: &'static str,
    doc: &'static [&'static str],
    rule: fn() -> Rule,
    refusals: fn() -> Vec<Refusal>,
    arguments: fn() -> Schema,
    reply: fn(&mut SchemaGenerator) -> Schema,
    check: for<'a> fn(&'a Caller) -> Admission<'a>,
    call: fn(&'static Function, String) -> Call,
}

inventory::collect!(Declaration);

/// What a function gives back: a reply, or a refusal.
pub trait Outcome {
    /// The reply.
    type Reply: JsonSchema;
}

impl<T: JsonSchema> Outcome for Result<T, Refusal> {
    type Reply = T;
}

impl Declaration {
    /// A declaration in `module`, guarded by `G`, taking `A` and giving `O`. Only [`function!`](crate::function) calls this.
    pub const fn new<G: Guard, A: JsonSchema, O: Outcome>(
        name: &'static str,
        module: &'static str,
        doc: &'static [&'static str],
        refusals: fn() -> Vec<Refusal>,
        call: fn(&'static Function, String) -> Call,
    ) -> Self {
        Self {
            name,
            module,
            doc,
            rule: G::rule,
            refusals,
            arguments: schema::of_arguments::<A>,
            reply: |generator| generator.subschema_for::<O::Reply>(),
            check: |caller| Box::pin(async move { G::check(caller).await.map(drop) }),
            call,
        }
    }
}

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
        (self.declaration.check)(caller).await
    }

    /// Asks the guard, before anything of a body is read, and tells where it turns a user away. The guard is asked again
    /// inside the function.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        let asked = caller.work(self.name(), self.check(caller)).await;
        if let Err(refusal) = &asked {
            Box::pin(guard::tell(caller, self.name(), &self.rule, refusal)).await;
        }
        asked
    }

    /// Calls the function with the body of a request, for the caller that [`Caller::over`] has set.
    pub fn call(&'static self, body: String) -> Call {
        (self.declaration.call)(self, body)
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
        let Unique(mut value) = read(body, malformed)?;
        if !value.is_object() {
            return Err(malformed(JsonFault::no_object()));
        }
        let faults = self.shape.faults(&value);
        if !faults.is_empty() {
            return Err(Refusal::InvalidArguments(faults));
        }
        schema::settle(&self.shape, &mut value);
        // What the shape does not know: what the types themselves demand.
        serde_path_to_error::deserialize(value).map_err(not_taken)
    }
}

/// Runs a function from its guard on. A panic in it is a failure of this call alone: Leptos runs the calls of a page that is
/// being rendered in tasks of their own, and the page would wait for ever for one that is gone. It ends in time, too, whoever
/// waits for it.
///
/// # Errors
/// Those of the function; [`Refusal::CallTooSlow`].
pub fn run<T>(
    name: &'static str,
    body: impl Future<Output = Result<T, Refusal>>,
) -> impl Future<Output = Result<T, Refusal>> {
    let body = caught(body).map(Result::flatten);
    match Caller::current() {
        Some(caller) => Either::Left(caller.work(name, body)),
        // Its guard refuses.
        None => Either::Right(body),
    }
}

/// Reads JSON in which no name comes twice, and nothing after it.
fn read(body: &str, malformed: impl Fn(JsonFault) -> Refusal) -> Result<Unique, Refusal> {
    let mut json = serde_json::Deserializer::from_str(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| match error.inner().is_data() {
        true => not_taken(error),
        false => malformed(error.into_inner().into()),
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
    match quotes.iter().any(|start| what.starts_with(start)) {
        true => "does not have the right form".to_owned(),
        false => what.to_owned(),
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
    match stray.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "these server functions have no declaration and so no guard: {}. Declare them with `function!`",
            stray.join(", ")
        )),
    }
}

/// Whether the name before a function is the one in it. Compared while compiling.
pub const fn is_named(endpoint: &str, name: &str) -> bool {
    let (endpoint, name) = (endpoint.as_bytes(), name.as_bytes());
    let mut same = endpoint.len() == name.len();
    let mut at = 0;
    while same && at < name.len() {
        same = endpoint[at] == name[at];
        at += 1;
    }
    same
}

/// Writes a reply as JSON, with `"ok":true` before its fields.
///
/// # Errors
/// The function's own refusal, or a fault if the reply cannot be written as a JSON object.
pub fn encode(reply: Result<impl Serialize, Refusal>) -> Result<String, Refusal> {
    const START: &[u8] = br#"{"ok":true"#;
    let failure = |cause: Box<dyn Error + Send + Sync>| Fault::new("writing a reply", cause);
    let reply = reply?;
    let mut text = START.to_vec();
    serde_json::to_writer(&mut text, &reply).map_err(|error| failure(error.into()))?;
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
        assert_eq!(
            encode(Ok(serde_json::json!({ "a": 1 }))).unwrap(),
            r#"{"ok":true,"a":1}"#
        );
        assert_eq!(encode(Ok(serde_json::json!({}))).unwrap(), r#"{"ok":true}"#);
        assert!(matches!(encode(Ok(1)), Err(Refusal::Internal { .. })));
    }
}
