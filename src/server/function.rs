//! The register of declared functions.
//!
//! [`function!`](crate::function) submits every declaration; here they are found again by name. A Leptos server
//! function that was registered past the macro has no declaration and hence no guard: [`check`] finds it, and the
//! server refuses to start.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::LazyLock};

use serde::Serialize;

use super::{caller::Caller, fault::Fault, guard::Guard};
use crate::contract::{
    Refusal,
    function::{Form, FunctionView, Rule},
};

/// A call under way: the reply as JSON, or why there is none.
pub type Call = Pin<Box<dyn Future<Output = Result<String, Refusal>> + Send>>;

type Admission<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// What the server knows of a declared function.
pub struct Declaration {
    name: &'static str,
    doc: &'static [&'static str],
    guard: Rule,
    form: fn() -> Form,
    admit: for<'a> fn(&'a Caller) -> Admission<'a>,
    call: fn(String) -> Call,
}

inventory::collect!(Declaration);

impl Declaration {
    /// A declaration guarded by `G`. Only [`function!`](crate::function) calls this.
    pub const fn new<G: Guard>(
        name: &'static str,
        doc: &'static [&'static str],
        form: fn() -> Form,
        call: fn(String) -> Call,
    ) -> Self {
        Self {
            name,
            doc,
            guard: G::RULE,
            form,
            admit: |caller| Box::pin(async move { G::check(caller).await.map(drop) }),
            call,
        }
    }

    /// The name, which ends the path.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Who may call.
    pub fn guard(&self) -> Rule {
        self.guard
    }

    /// The form.
    pub fn form(&self) -> Form {
        (self.form)()
    }

    /// Asks the guard, before anything of a body is read. The guard is asked again inside the function.
    ///
    /// # Errors
    /// What the guard says.
    pub async fn admit(&self, caller: &Caller) -> Result<(), Refusal> {
        (self.admit)(caller).await
    }

    /// Calls the function with the body of a request, within the Leptos context of its caller.
    pub fn call(&self, body: String) -> Call {
        (self.call)(body)
    }

    /// What the page shows.
    pub fn view(&self) -> FunctionView {
        let mut paragraphs = paragraphs(self.doc).into_iter();
        FunctionView {
            name: self.name.to_owned(),
            summary: paragraphs.next().unwrap_or_default(),
            details: paragraphs.collect(),
            guard: self.guard,
            form: self.form(),
        }
    }
}

static DECLARED: LazyLock<BTreeMap<&'static str, &'static Declaration>> = LazyLock::new(|| {
    inventory::iter::<Declaration>()
        .map(|declaration| (declaration.name, declaration))
        .collect()
});

/// The declaration of that name.
pub fn find(name: &str) -> Option<&'static Declaration> {
    DECLARED.get(name).copied()
}

/// All declarations, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static Declaration> {
    DECLARED.values().copied()
}

/// All declarations, as pages show them.
pub fn views() -> Vec<FunctionView> {
    all().map(Declaration::view).collect()
}

/// Checks that every registered path is declared, and that no name is declared twice.
///
/// # Errors
/// Names the paths that are not.
pub fn check() -> Result<(), String> {
    let registered: Vec<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path)
        .collect();
    check_paths(&registered, &all().map(Declaration::name).collect::<Vec<_>>())?;
    let submitted = inventory::iter::<Declaration>().count();
    match submitted == DECLARED.len() {
        true => Ok(()),
        false => {
            Err("two functions are declared under one name: `callgate function list` shows only one of them".to_owned())
        }
    }
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

/// The form of a function whose arguments are named.
pub fn form_of(arguments: &[&str]) -> Form {
    if arguments.is_empty() {
        return Form::Nothing;
    }
    let pairs: Vec<String> = arguments.iter().map(|name| format!("  \"{name}\": null")).collect();
    Form::Json {
        example: format!("{{\n{}\n}}", pairs.join(",\n")),
    }
}

/// Writes a reply as JSON.
///
/// # Errors
/// The function's own refusal, or a fault if the reply cannot be written as JSON.
pub fn encode(reply: Result<impl Serialize, Refusal>) -> Result<String, Refusal> {
    let reply = reply?;
    serde_json::to_string(&reply).map_err(|error| Fault::new("writing a reply", error).into())
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
}
