//! What may be told of a declared function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::Shape;

/// Who may call a function, as its guard says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleView {
    /// The name of the guard, as it stands in the declaration.
    pub guard: String,
    /// The same in words, for people.
    pub words: String,
    /// Whether everybody may call, logged in or not.
    pub open: bool,
    /// Whether it takes a permission or a role, which an administrator gives.
    #[serde(default)]
    pub by_permission: bool,
}

/// A declared function as its page and `list_functions` show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionView {
    /// Its name, which is also the end of its path.
    pub name: String,
    /// The first paragraph of its doc comment.
    pub summary: String,
    /// The paragraphs after the first.
    pub details: Vec<String>,
    /// Who may call it.
    pub rule: RuleView,
    /// What it takes.
    pub arguments: Shape,
    /// A body that it takes. Secrets are left to be filled in.
    pub example: String,
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
}

/// The reply of `list_functions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionList {
    /// The declared functions, in the order of their names.
    pub functions: Vec<FunctionView>,
}
