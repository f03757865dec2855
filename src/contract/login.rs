//! What a login takes.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

    /// Takes a password as typed; nothing is trimmed, folded or cut. (Before it is hashed it is normalised to NFKC, so
    /// that it does not matter how a keyboard composes an accent: NIST SP 800-63B, 3.1.1.2.)
    pub fn new(typed: String) -> Self {
        Self(typed)
    }

    /// The text to hash. This is the one way to the secret.
    pub fn reveal(&self) -> &str {
        &self.0
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

impl JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "format": "password", "writeOnly": true, "x-autocomplete": "current-password"
        })
    }
}

/// A password that somebody chooses. Beyond what the type says, the server asks for its own least length, and refuses
/// what is easily guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NewPassword(pub Password);

impl NewPassword {
    /// The settings cannot ask for fewer characters than this (NIST SP 800-63B, 3.1.1.2).
    pub const FEWEST_CHARS: usize = 8;
}

impl JsonSchema for NewPassword {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "NewPassword".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            // No `maxLength`: that counts before NFKC, and the server after it.
            "type": "string", "format": "password", "writeOnly": true, "x-autocomplete": "new-password"
        })
    }
}

/// The arguments of `login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginArguments {
    /// The name of the user.
    #[schemars(title = "User", extend("x-autocomplete" = "username"))]
    pub user_id: String,
    /// The password of the user. Older clients send it as `passwd_hash`.
    #[serde(alias = "passwd_hash")]
    #[schemars(title = "Password", extend("x-alias" = "passwd_hash"))]
    pub password: Password,
    /// Whether this browser or program stays logged in for longer than a session: for 30 days, unless the operator has chosen
    /// otherwise. A program that does not send this is remembered.
    #[serde(default = "remembered_by_default", deserialize_with = "yes_or_no")]
    #[schemars(title = "Remember me on this device", extend("x-form-starts-with" = false))]
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
            assert_eq!(arguments.password.reveal(), "b");
            assert!(arguments.remember);
        }
    }
}
