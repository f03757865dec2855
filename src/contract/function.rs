//! What may be told of a declared function.

use serde::{Deserialize, Serialize};

/// Who may call a function, as its guard says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Everybody, logged in or not.
    Anyone,
    /// Whoever is logged in.
    LoggedIn,
}

impl Rule {
    /// The rule in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Anyone => "Open to anyone",
            Self::LoggedIn => "For logged-in users",
        }
    }

    /// Whether everybody may call.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Anyone)
    }
}

/// What a function takes, as far as its form must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Nothing.
    Nothing,
    /// A JSON object, written in an editor that starts with this example.
    Json {
        /// What the editor starts with.
        example: String,
    },
    /// These fields.
    Fields(Vec<Field>),
}

impl Form {
    /// Whether a password is typed into it: calling such a function may change who one is.
    pub fn asks_for_password(&self) -> bool {
        match self {
            Self::Nothing | Self::Json { .. } => false,
            Self::Fields(fields) => fields.iter().any(|field| field.kind == FieldKind::Password),
        }
    }
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name of the argument.
    pub name: String,
    /// What it is called on the page.
    pub label: String,
    /// What is typed into it.
    pub kind: FieldKind,
}

/// What is typed into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// The name of a user.
    UserName,
    /// A password. It is never shown again and never kept.
    Password,
    /// A box to tick.
    Tick,
}

/// A declared function as its page and `list_functions` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionView {
    /// Its name, which is also the end of its path.
    pub name: String,
    /// The first paragraph of its doc comment.
    pub summary: String,
    /// The paragraphs after the first.
    pub details: Vec<String>,
    /// Who may call it.
    pub guard: Rule,
    /// What it takes.
    pub form: Form,
}

impl FunctionView {
    /// The path to call it at.
    pub fn path(&self) -> String {
        format!("/api/{}", self.name)
    }

    /// The path of its page.
    pub fn page(&self) -> String {
        format!("/functions/{}", self.name)
    }

    /// What its editor starts with, or an example of what a program sends.
    pub fn example(&self) -> String {
        match &self.form {
            Form::Nothing => "{}".to_owned(),
            Form::Json { example } => example.clone(),
            Form::Fields(fields) => {
                let arguments: Vec<_> = fields
                    .iter()
                    .map(|field| match field.kind {
                        FieldKind::Tick => format!("\"{}\":false", field.name),
                        FieldKind::UserName | FieldKind::Password => {
                            format!("\"{}\":\"…\"", field.name)
                        }
                    })
                    .collect();
                format!("{{{}}}", arguments.join(","))
            }
        }
    }
}

/// The reply of `list_functions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionList {
    ok: bool,
    /// The declared functions, in the order of their names.
    pub functions: Vec<FunctionView>,
}

impl FunctionList {
    /// The reply that lists `functions`.
    pub fn new(functions: Vec<FunctionView>) -> Self {
        Self { ok: true, functions }
    }
}
