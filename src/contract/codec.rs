//! The JSON codec for calls from pages.
//!
//! Leptos' own JSON codec parses bytes, whereas the data embedded in a page is parsed from text. With both, the
//! WebAssembly program would contain the JSON parser twice.

use leptos::server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _},
};

/// JSON (RFC 8259), parsed from text.
pub struct JsonText;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(value: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_string(value).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = serde_json::Error;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        serde_json::from_str(str::from_utf8(&bytes).map_err(Self::Error::custom)?)
    }
}
