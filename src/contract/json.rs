//! Free-form JSON objects.
//!
//! An object is stored as compact text and not interpreted, so keys keep their order and numbers keep every digit.
//! (Only serializing it through serde, as for a call from Rust, converts numbers to those of `serde_json`.)

use std::{fmt, iter};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

use super::language::Message;
use crate::message;

/// A JSON object of any shape, as compact text.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(inline, with = "Map<String, Value>", description = "")]
pub struct JsonObject(String);

/// Why a text is not a JSON object, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonFault {
    /// What is wrong, in a few words.
    pub what: Message,
    /// The line and the column, which count from 1. `None` if `what` needs none.
    pub position: Option<(usize, usize)>,
}

impl JsonFault {
    /// For valid JSON that is not an object.
    pub fn not_an_object() -> Self {
        Self {
            what: NOT_AN_OBJECT,
            position: None,
        }
    }

    /// What is wrong, and where.
    pub fn message(&self) -> Message {
        match self.position {
            None => self.what.clone(),
            Some((line, column)) => {
                message!("{what} at line {line}, column {column}", what = self.what, line, column)
            }
        }
    }
}

const NOT_AN_OBJECT: Message = message!("it is JSON, but not an object in braces");

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl From<serde_json::Error> for JsonFault {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        Self {
            what: message_of(what),
            // Line 0 means that the error has no position.
            position: (error.line() > 0).then(|| (error.line(), error.column())),
        }
    }
}

/// The message for a text of `serde_json`. A text that is not listed here stays English.
fn message_of(what: &str) -> Message {
    match what {
        "EOF while parsing a list" => message!("EOF while parsing a list"),
        "EOF while parsing an object" => message!("EOF while parsing an object"),
        "EOF while parsing a string" => message!("EOF while parsing a string"),
        "EOF while parsing a value" => message!("EOF while parsing a value"),
        "expected `:`" => message!("expected `:`"),
        "expected `,` or `]`" => message!("expected `,` or `]`"),
        "expected `,` or `}`" => message!("expected `,` or `}`"),
        "expected ident" => message!("expected ident"),
        "expected value" => message!("expected value"),
        "invalid escape" => message!("invalid escape"),
        "invalid number" => message!("invalid number"),
        "number out of range" => message!("number out of range"),
        "invalid unicode code point" => message!("invalid unicode code point"),
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            message!("control character (\\u0000-\\u001F) found while parsing a string")
        }
        "key must be a string" => message!("key must be a string"),
        "lone leading surrogate in hex escape" => message!("lone leading surrogate in hex escape"),
        "trailing comma" => message!("trailing comma"),
        "trailing characters" => message!("trailing characters"),
        "unexpected end of hex escape" => message!("unexpected end of hex escape"),
        "recursion limit exceeded" => message!("recursion limit exceeded"),
        // `JsonObject` reports it through the error of a decoder.
        what if what == NOT_AN_OBJECT.english() => NOT_AN_OBJECT,
        what => what.to_owned().into(),
    }
}

impl JsonObject {
    /// Parses `text`, which must be one JSON object (RFC 8259) and nothing else.
    pub fn parse(text: &str) -> Result<Self, JsonFault> {
        Self::of(serde_json::from_str(text)?)
    }

    fn of(json: &RawValue) -> Result<Self, JsonFault> {
        if json.get().starts_with('{') {
            compact(json.get()).map(Self)
        } else {
            Err(JsonFault::not_an_object())
        }
    }

    /// The object as compact JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Removes white space and unnecessary escapes from valid JSON.
fn compact(json: &str) -> Result<String, JsonFault> {
    let mut out = String::with_capacity(json.len());
    // `json[copied..at]` is still to be copied.
    let (mut copied, mut at) = (0, 0);
    while let Some(byte) = json.as_bytes().get(at) {
        let end = match byte {
            b'"' => at + string_length(&json[at..]),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&json[copied..at]);
                copied = at + 1;
                copied
            }
            _ => at + 1,
        };
        let literal = &json.as_bytes()[at..end];
        if literal.len() > 1 && literal.contains(&b'\\') {
            let literal = &json[at..end];
            let decoded: String = serde_json::from_str(literal).map_err(|error| string_fault(error, literal))?;
            out.push_str(&json[copied..at]);
            out.push_str(&serde_json::to_string(&decoded)?);
            copied = end;
        }
        at = end;
    }
    out.push_str(&json[copied..]);
    Ok(out)
}

/// An error inside a string. Its position counts from the start of that string, so the string is quoted instead.
fn string_fault(error: serde_json::Error, literal: &str) -> JsonFault {
    let start: String = literal.chars().take(40).collect();
    JsonFault {
        what: message!("{what} in {start}", what = JsonFault::from(error).what, start),
        position: None,
    }
}

/// The length of the string literal at the start of `text`, in bytes, including both quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Deeper values are indented no further, so that the text of a deep value does not grow with the square of its depth.
const MAX_INDENT: usize = 16;

/// The JSON `text` with each field and item on a line of its own. A text that is not valid JSON stays as it is.
pub fn pretty(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => laid_out(json.get(), "  ", as_it_is),
        Err(_) => text.to_owned(),
    }
}

/// Valid JSON with each field and item on a line of its own. `write` gives what to write for a name or a value that is neither
/// an object nor a list.
pub fn laid_out(json: &str, indent: &str, write: fn(&str) -> &str) -> String {
    let mut out = String::new();
    let mut depth: usize = 0;
    let mut tokens = tokens(json).peekable();
    while let Some(token) = tokens.next() {
        let is_end = matches!(token, "}" | "]");
        if is_end {
            depth = depth.saturating_sub(1);
            add_line(&mut out, indent, depth);
        }
        out.push_str(write(token));
        match token {
            ":" => out.push(' '),
            "," => add_line(&mut out, indent, depth),
            "{" | "[" => {
                if let Some(end) = tokens.next_if(|next| matches!(*next, "}" | "]")) {
                    out.push_str(end);
                } else {
                    depth += 1;
                    add_line(&mut out, indent, depth);
                }
            }
            _ => {}
        }
    }
    out
}

/// To write each name and value as it is in JSON.
pub fn as_it_is(value: &str) -> &str {
    value
}

fn add_line(out: &mut String, indent: &str, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(MAX_INDENT) {
        out.push_str(indent);
    }
}

/// The tokens of valid JSON (RFC 8259, section 2).
fn tokens(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let length = match rest.as_bytes().first()? {
            b'"' => string_length(rest),
            b'{' | b'}' | b'[' | b']' | b':' | b',' => 1,
            _ => {
                let is_end = |sign: char| sign.is_ascii_whitespace() || ",]}".contains(sign);
                rest.find(is_end).unwrap_or(rest.len())
            }
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

impl fmt::Display for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let map: Map<String, Value> = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        // In English, because it becomes a text of the decoder.
        Self::of(&raw).map_err(|fault| D::Error::custom(fault.message().english()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::strategies;

    fn echo(text: &str) -> String {
        JsonObject::parse(text).unwrap().to_string()
    }

    #[test]
    fn keys_keep_their_order_and_white_space_goes() {
        assert_eq!(
            echo(" {\"b\" : 1,\n\t\"a\": [ true , null ] } "),
            r#"{"b":1,"a":[true,null]}"#
        );
    }

    #[test]
    fn numbers_keep_every_digit() {
        let digits = r#"{"n":123456789012345678901234567890,"f":-0.10,"e":1E400}"#;
        assert_eq!(echo(digits), digits);
    }

    #[test]
    fn strings_keep_their_white_space_and_lose_needless_escapes() {
        assert_eq!(
            echo(r#"{"a b":" \u00e9 \" \\ \n {"}"#),
            "{\"a b\":\" é \\\" \\\\ \\n {\"}"
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_a_reason() {
        for (text, reason) in [
            ("[1]", "not an object"),
            ("1", "not an object"),
            ("null", "not an object"),
            ("", "line 1"),
            ("{\"a\":}", "line 1, column 6"),
            ("{} {}", "trailing characters"),
            (r#"{"a":"\ud800"}"#, r#"hex escape in "\ud800""#),
        ] {
            let fault = JsonObject::parse(text).unwrap_err().to_string();
            assert!(fault.contains(reason), "{text}: {fault}");
        }
        assert!(JsonObject::parse(&"{\"a\":".repeat(100_000)).is_err());
    }

    #[test]
    fn a_pretty_text_has_a_line_for_each_field_and_item() {
        let text = r#"{"a":[1,{"b":"x, \": {"}],"empty":{},"none":[],"n":-0.10}"#;
        let lines = [
            "{",
            r#"  "a": ["#,
            "    1,",
            "    {",
            r#"      "b": "x, \": {""#,
            "    }",
            "  ],",
            r#"  "empty": {},"#,
            r#"  "none": [],"#,
            r#"  "n": -0.10"#,
            "}",
        ];
        assert_eq!(pretty(text), lines.join("\n"));
        assert_eq!(pretty("<html>"), "<html>");
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(pretty(&deep).len() < deep.len() * 40);
    }

    proptest! {
        #[test]
        fn every_object_comes_back_as_it_went_in(object in strategies::object()) {
            let compact = serde_json::to_string(&object).unwrap();
            let pretty = serde_json::to_string_pretty(&object).unwrap();
            prop_assert_eq!(echo(&compact), compact.as_str());
            prop_assert_eq!(echo(&pretty), compact.as_str());
            let again: JsonObject = serde_json::from_str(&pretty).unwrap();
            prop_assert_eq!(again.as_str(), compact.as_str());
            prop_assert_eq!(super::pretty(&compact), pretty);
        }

        #[test]
        fn every_number_comes_back_digit_by_digit(
            number in r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,6})?",
        ) {
            let object = format!(r#"{{"n":[{number}]}}"#);
            prop_assert_eq!(echo(&object), object);
        }

        #[test]
        fn whatever_the_text_is_what_is_taken_is_one_object_and_stays_as_it_is(
            text in prop_oneof![any::<String>(), r"\{[ -~\n]{0,40}\}", r#"[\[\]{}:,"\\u0-9a-f \t-]{0,40}"#],
        ) {
            if let Ok(object) = JsonObject::parse(&text) {
                let is_object = object.as_str().starts_with('{') && object.as_str().ends_with('}');
                prop_assert!(is_object);
                prop_assert!(serde_json::from_str::<&RawValue>(object.as_str()).is_ok());
                prop_assert_eq!(JsonObject::parse(object.as_str()), Ok(object));
            }
        }
    }
}
