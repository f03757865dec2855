//! The arguments of a login.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use zeroize::ZeroizeOnDrop;

/// A password as it was typed. Its `Debug` output is redacted, and it is wiped from memory on drop.
#[derive(Clone, Default, PartialEq, Eq, Serialize, JsonSchema, ZeroizeOnDrop)]
#[serde(transparent)]
#[schemars(inline, with = "String", description = "")]
#[schemars(extend("format" = "password", "writeOnly" = true, "x-autocomplete" = "current-password"))]
pub struct Password(String);

impl Password {
    /// The maximum length in characters (NIST SP 800-63B asks for at least 64). Longer passwords are refused without
    /// hashing them.
    pub const MAX_CHARS: usize = 256;

    /// Wraps a password as typed: nothing is trimmed, folded or truncated. (Hashing normalizes it to NFKC first,
    /// because keyboards compose accents differently: NIST SP 800-63B, 3.1.1.2.)
    pub fn new(password: String) -> Self {
        Self(password)
    }

    /// The text to hash. Nothing else gives access to it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is the empty text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Password {
    /// Replaces serde's error, which would quote the value: it may be the password.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer);
        text.map(Self).map_err(|_| D::Error::custom("must be text"))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A new password. The server also requires a minimum length and refuses passwords that are easily guessed.
// The schema has no `maxLength`: clients would count before NFKC, and the server counts after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, with = "String", description = "")]
#[schemars(extend("format" = "password", "writeOnly" = true, "x-autocomplete" = "new-password"))]
pub struct NewPassword(pub Password);

impl NewPassword {
    /// The smallest minimum length that the settings allow, in characters (NIST SP 800-63B, 3.1.1.2).
    pub const MIN_CHARS: usize = 8;
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
    /// Whether this browser or program stays logged in after the session has ended: for 30 days, unless the operator
    /// has set another time. The default for programs is true.
    #[serde(default = "remembered_by_default", deserialize_with = "deserialize_bool")]
    #[schemars(title = "Remember me on this device", extend("x-form-starts-with" = false))]
    pub remember: bool,
}

fn remembered_by_default() -> bool {
    true
}

/// Replaces serde's error, which would quote the value: it is the password if a client mixes the fields up.
fn deserialize_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    bool::deserialize(deserializer).map_err(|_| D::Error::custom("must be true or false"))
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
