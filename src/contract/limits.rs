//! Argument types with limits.
//!
//! A value outside its limits cannot exist: constructors and decoders refuse it, in the browser and on the server. The
//! JSON schema contains the same limits; the form, `/api/openapi.json` and the argument check are derived from it.

use std::{borrow::Cow, fmt, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::language::Message;
use crate::{message, platform};

/// A text of `MIN` to `MAX` characters (Unicode scalar values). The server decodes it in composed form (NFC).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, with = "String", description = "", extend("minLength" = MIN, "maxLength" = MAX))]
pub struct Text<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Accepts `text` if its length is within the limits. The error names the limit.
    pub fn new(text: impl Into<String>) -> Result<Self, Message> {
        let text = text.into();
        match text.chars().count() {
            count if count < MIN => Err(too_short(MIN)),
            count if count > MAX => Err(too_long(MAX)),
            _ => Ok(Self(text)),
        }
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Display for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(platform::composed(&String::deserialize(deserializer)?))
            .map_err(|problem| D::Error::custom(problem.english()))
    }
}

/// A whole number from `MIN` to `MAX`, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RangedInt<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> RangedInt<MIN, MAX> {
    /// Accepts `number` if it is within the limits. The error names the limit.
    pub fn new(number: i64) -> Result<Self, Message> {
        match number {
            number if number < MIN => Err(too_small(MIN)),
            number if number > MAX => Err(too_large(MAX)),
            _ => Ok(Self(number)),
        }
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Display for RangedInt<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for RangedInt<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(|problem| D::Error::custom(problem.english()))
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for RangedInt<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("RangedInt{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

pub(super) fn too_short(min: impl fmt::Display) -> Message {
    message!("must have at least {min} characters", min)
}

pub(crate) fn too_long(max: impl fmt::Display) -> Message {
    message!("must have at most {max} characters", max)
}

pub(super) fn too_small(min: impl fmt::Display) -> Message {
    message!("must be at least {min}", min)
}

pub(super) fn too_large(max: impl fmt::Display) -> Message {
    message!("must be at most {max}", max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_counts_characters_not_bytes() {
        assert!(Text::<1, 3>::new("éèê").is_ok());
        assert_eq!(
            Text::<1, 3>::new("four").unwrap_err().english(),
            "must have at most 3 characters"
        );
        assert!(Text::<1, 3>::new("").is_err());
    }

    #[test]
    fn a_decoded_text_is_composed() {
        let decoded: Text<1, 2> = serde_json::from_str(r#""\u1112\u1161\u11ab\u1100\u1173\u11af""#).unwrap();
        assert_eq!(&*decoded, "한글");
    }

    #[test]
    fn what_breaks_its_limits_cannot_be_decoded() {
        assert!(serde_json::from_str::<Text<1, 3>>(r#""four""#).is_err());
        assert!(serde_json::from_str::<RangedInt<1, 8>>("9").is_err());
        assert_eq!(serde_json::from_str::<RangedInt<1, 8>>("8").unwrap().get(), 8);
    }
}
