//! Declared functions, as clients see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use super::{
    Refusal,
    language::Message,
    shape::{Field, Shape},
};
use crate::message;

/// Who may call a function, according to its guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleView {
    /// The guard, as written in the declaration.
    pub guard: String,
    /// The same in words, for people.
    pub words: Message,
    /// Whether anyone may call, logged in or not.
    pub open: bool,
    /// What the guard requires: all of these, and of each list any one. `login`, `fresh_login`, the name of a permission,
    /// or `role:` and the name of a role. Empty if anyone may call, or if only `words` can say what is required.
    pub requires: Vec<Vec<String>>,
}

/// In [`RuleView::requires`]: a login.
pub const LOGIN: &str = "login";
/// In [`RuleView::requires`]: a fresh login.
pub const FRESH_LOGIN: &str = "fresh_login";

/// The group of a function, derived from the module that declares it. Pages show the groups in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Group {
    /// The functions of the application: all that are in no other group.
    Functions,
    /// Login and the caller's own account.
    Account,
    /// Users, roles, audit log and call log.
    Administration,
}

impl Group {
    /// The group of the functions in `module`. A module that is not listed here belongs to the application.
    pub fn of(module: &str) -> Self {
        // Skip the crate name, because forks may change it.
        let mut path = module.split("::").skip(1);
        match (path.next(), path.next()) {
            (Some("functions"), Some("account" | "identities" | "login" | "welcome")) => Self::Account,
            (Some("functions"), Some("audit" | "roles" | "users")) => Self::Administration,
            _ => Self::Functions,
        }
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The heading on pages.
    pub fn words(self) -> Message {
        match self {
            Self::Functions => message!("Functions"),
            Self::Account => message!("Your account"),
            Self::Administration => message!("Administration"),
        }
    }
}

/// A declared function, as its page and `list_functions` show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionView {
    /// The name, which is also the last segment of the path.
    pub name: String,
    /// The first paragraph of its doc comment.
    pub summary: Message,
    /// The paragraphs after the first.
    pub details: Vec<Message>,
    /// Who may call it.
    pub rule: RuleView,
    /// Why the function currently refuses all calls, whatever its guard says. `None` if it does not.
    pub closed: Option<Message>,
    /// The group that it is listed in.
    pub group: Group,
    /// The shape of the arguments.
    pub arguments: Shape,
    /// A sample request body, with placeholders for secrets.
    pub example: String,
}

impl FunctionView {
    /// The path of the JSON endpoint.
    pub fn path(&self) -> String {
        format!("/api/{}", self.name)
    }

    /// The path of its page.
    pub fn page(&self) -> String {
        format!("/functions/{}", self.name)
    }

    /// What a form needs to call it.
    pub fn target(&self) -> CallTarget {
        CallTarget {
            path: self.path(),
            page: self.page(),
            arguments: self.arguments.clone(),
            example: self.example.clone(),
            is_open: self.rule.open,
        }
    }
}

/// What a form in the browser needs to call a function. The code that reads a whole [`FunctionView`] would be larger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallTarget {
    /// The path of the JSON endpoint.
    pub path: String,
    /// The path of the function's page.
    pub page: String,
    /// The shape of the arguments.
    pub arguments: Shape,
    /// A sample request body, with placeholders for secrets.
    pub example: String,
    /// Whether anyone may call, logged in or not.
    pub is_open: bool,
}

/// What a call can return, as the page of the function shows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Responses {
    /// The fields of the reply. Empty if it has none, or if they cannot be listed.
    pub reply: Vec<Field>,
    /// An example of each refusal by the guard, the function and the check of its arguments, by status.
    pub refusals: Vec<Refusal>,
}

/// The reply of `list_functions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionList {
    /// The declared functions, by name.
    pub functions: Vec<FunctionView>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_follows_from_the_module() {
        for (module, group) in [
            ("callgate::functions::welcome", Group::Account),
            ("callgate::functions::identities", Group::Account),
            ("renamed::functions::users", Group::Administration),
            ("callgate::functions::users::links", Group::Administration),
            ("callgate::functions::stay", Group::Functions),
            ("callgate::functions::bookings", Group::Functions),
            ("callgate::bookings::users", Group::Functions),
            ("another_crate", Group::Functions),
        ] {
            assert_eq!(Group::of(module), group, "{module}");
        }
        for group in Group::VARIANTS {
            assert_eq!(serde_json::to_value(group).unwrap(), group.name());
        }
    }
}
