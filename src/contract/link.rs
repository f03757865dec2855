//! The code of a one-time link.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::login::Password;

/// The code of a one-time link, or the whole link, as it was pasted. Its `Debug` output is redacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, with = "String", description = "")]
#[schemars(extend("format" = "password", "writeOnly" = true, "x-autocomplete" = "off"))]
#[schemars(extend("minLength" = 1, "maxLength" = Self::MAX_CHARS))]
pub struct LinkCode(Password);

impl LinkCode {
    /// The maximum length in characters: enough for a code and a long URL before it.
    pub const MAX_CHARS: usize = 400;

    /// Wraps a code or a link as it was pasted.
    pub fn new(pasted: String) -> Self {
        Self(Password::new(pasted))
    }

    /// The code: the part after the last `#`, or the whole text. Characters around it that cannot be part of a code,
    /// such as a full stop or a bracket copied with the link, are cut off.
    pub fn reveal(&self) -> &str {
        let text = self.0.reveal();
        let code = text.rsplit_once('#').map_or(text, |(_, code)| code);
        code.trim_matches(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-' || letter == '_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_found_in_its_link_and_prints_nothing() {
        for pasted in [
            "abc",
            " abc\n",
            "https://calls.example/welcome#abc",
            "<https://calls.example/welcome?user=ada#abc>.",
            "\u{201c}abc\u{201d}",
        ] {
            let code: LinkCode = serde_json::from_value(pasted.into()).unwrap();
            assert_eq!(code.reveal(), "abc");
            assert!(!format!("{code:?}").contains("abc"));
        }
    }
}
