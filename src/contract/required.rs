//! What a guard asks a caller to have.

use std::fmt;

/// A permission, or a role (`role:` before its name), that a caller needs; or several, any of which would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Required {
    /// The one that is named first.
    pub first: String,
    /// Those that would do as well.
    pub others: Vec<String>,
}

impl Required {
    /// This, or what somebody else asks for.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for name in [other.first].into_iter().chain(other.others) {
            if self.names().all(|known| known != name) {
                self.others.push(name);
            }
        }
        self
    }

    /// All of them.
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

/// In words that go on after "You need".
impl fmt::Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            let or = if at == 0 { "" } else { " or " };
            match name.strip_prefix("role:") {
                Some(role) => write!(f, "{or}the role {role}")?,
                None => write!(f, "{or}the permission {name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_do_is_named_once_each() {
        let one = || Required::from("users.read");
        assert_eq!(one().to_string(), "the permission users.read");
        let any = one().or("users.manage".into()).or(one().or("role:editor".into()));
        assert_eq!(
            any.to_string(),
            "the permission users.read or the permission users.manage or the role editor"
        );
    }
}
