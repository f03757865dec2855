//! What a login takes.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::ZeroizeOnDrop;

/// A password as it was typed. It prints nothing of itself and is wiped from memory when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// The longest password that is looked at, in characters (NIST SP 800-63B asks for at least 64). Longer ones are
    /// refused before they are hashed.
    pub const MAX_CHARS: usize = 256;

    /// Takes a password as typed; nothing is trimmed, folded or cut.
    pub fn new(typed: String) -> Self {
        Self(typed)
    }

    /// The bytes to hash. This is the one way to the secret.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this is longer than [`Self::MAX_CHARS`].
    pub fn is_too_long(&self) -> bool {
        self.0.chars().nth(Self::MAX_CHARS).is_some()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The arguments of `login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginArguments {
    /// The name of the user.
    pub user_id: String,
    /// The secret that the user typed. Clients of the service that Callgate replaces send it as `passwd_hash`.
    #[serde(alias = "passwd_hash")]
    pub password: Password,
    /// Whether this browser or program stays logged in for longer than a session. Programs that say nothing are
    /// remembered, as they were by the service that Callgate replaces.
    #[serde(default = "remembered_by_default")]
    pub remember: bool,
}

fn remembered_by_default() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_prints_nothing_of_itself() {
        let arguments = LoginArguments {
            user_id: "user01".into(),
            password: Password::new("canary-secret".into()),
            remember: true,
        };
        assert!(!format!("{arguments:?}").contains("canary"));
    }

    #[test]
    fn both_names_of_the_password_are_understood_and_remember_defaults_to_true() {
        for name in ["password", "passwd_hash"] {
            let arguments: LoginArguments =
                serde_json::from_str(&format!(r#"{{"user_id":"a","{name}":"b"}}"#)).unwrap();
            assert_eq!(arguments.password.reveal(), b"b");
            assert!(arguments.remember);
        }
    }

    #[test]
    fn the_length_limit_counts_characters_not_bytes() {
        assert!(!Password::new("é".repeat(Password::MAX_CHARS)).is_too_long());
        assert!(Password::new("e".repeat(Password::MAX_CHARS + 1)).is_too_long());
    }
}
