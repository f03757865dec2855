//! What may be told of a declared function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

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
}

/// What a function belongs to, by where it is declared. Pages show the groups in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Group {
    /// What the program is there for: every function that is in none of the other groups.
    Functions,
    /// Logging in, and one's own account.
    Account,
    /// Users, roles, and what happened.
    Administration,
}

impl Group {
    /// What the functions of a module belong to. Those of a module that is new are what somebody uses the program for.
    pub fn of(module: &str) -> Self {
        // Without the name of the crate, which may be changed.
        let mut path = module.split("::").skip(1);
        match (path.next(), path.next()) {
            (Some("functions"), Some("account" | "login" | "welcome")) => Self::Account,
            (Some("functions"), Some("audit" | "roles" | "users")) => Self::Administration,
            _ => Self::Functions,
        }
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What pages call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Functions => "Functions",
            Self::Account => "Your account",
            Self::Administration => "Administration",
        }
    }
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
    /// Why it refuses everybody for now, whatever its guard says. `None` where it does not.
    pub closed: Option<String>,
    /// What it belongs to.
    pub group: Group,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_among_those_that_the_program_is_for_unless_its_module_is_known() {
        for (module, group) in [
            ("callgate::functions::welcome", Group::Account),
            ("renamed::functions::users", Group::Administration),
            ("callgate::functions::users::links", Group::Administration),
            ("callgate::functions::stay", Group::Functions),
            ("callgate::functions::rooms", Group::Functions),
            ("callgate::rooms::users", Group::Functions),
            ("another_crate", Group::Functions),
        ] {
            assert_eq!(Group::of(module), group, "{module}");
        }
        for group in Group::VARIANTS {
            assert_eq!(serde_json::to_value(group).unwrap(), group.name());
        }
    }
}
