//! What a login takes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use zeroize::ZeroizeOnDrop;

/// A password as it was typed. It prints nothing of itself and is wiped from memory when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Serialize, ZeroizeOnDrop)]
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

impl<'de> Deserialize<'de> for Password {
    /// serde's own error would quote what it found, and what it found may be the password.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = String::deserialize(deserializer);
        typed.map(Self).map_err(|_| D::Error::custom("the password is a text"))
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
    #[serde(default = "remembered_by_default", deserialize_with = "yes_or_no")]
    pub remember: bool,
}

fn remembered_by_default() -> bool {
    true
}

/// As for the password: whoever mixes the fields up must not find the password in an error.
fn yes_or_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    bool::deserialize(deserializer).map_err(|_| D::Error::custom("remember is true or false"))
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
    fn an_error_does_not_quote_what_may_be_the_password() {
        for body in [
            r#"{"user_id":"a","password":31337}"#,
            r#"{"user_id":"a","password":"b","remember":"31337"}"#,
        ] {
            let error = serde_json::from_str::<LoginArguments>(body).unwrap_err().to_string();
            assert!(!error.contains("31337"), "{error}");
        }
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
