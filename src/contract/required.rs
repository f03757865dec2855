//! The permissions and roles that a guard requires.

use super::language::Message;
use crate::message;

/// A permission, or a role (prefixed with `role:`), that a caller needs, with the alternatives that would do as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Required {
    /// The first alternative.
    pub first: String,
    /// The other alternatives.
    pub others: Vec<String>,
}

impl Required {
    /// Adds the alternatives of `other`, without duplicates.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for name in [other.first].into_iter().chain(other.others) {
            if self.names().all(|known| known != name) {
                self.others.push(name);
            }
        }
        self
    }

    /// All alternatives, in words that continue "You need".
    pub fn words(&self) -> Message {
        let words = |name: &str| match name.strip_prefix("role:") {
            Some(role) => message!("the role {role}", role),
            None => message!("the permission {name}", name),
        };
        let either = |one: Message, other: Message| message!("{one} or {other}", one, other);
        self.names().map(words).reduce(either).unwrap_or_default()
    }

    /// All alternatives.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [&self.first].into_iter().chain(&self.others).map(String::as_str)
    }
}

impl From<String> for Required {
    fn from(name: String) -> Self {
        Self {
            first: name,
            others: Vec::new(),
        }
    }
}

impl From<&str> for Required {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alternative_is_named_once() {
        let one = || Required::from("users.read");
        assert_eq!(one().words().english(), "the permission users.read");
        let any = one().or("users.manage".into()).or(one().or("role:editor".into()));
        assert_eq!(
            any.words().english(),
            "the permission users.read or the permission users.manage or the role editor"
        );
    }
}
