//! The languages that pages and refusals are written in.
//!
//! English stands in the code, Korean in `locales/ko.po`. [`t!`](crate::t) gives a text in the language of the request or
//! page, [`message!`](crate::message) gives a [`Message`], which has both and is read where the answer is written.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::platform;

/// The name of the input with the chosen language, in the form that `POST /language` takes.
pub const CHOICE: &str = "language";

/// A language of pages and refusals.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

impl Language {
    /// The language tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        self.into()
    }

    /// What the language is called by those who speak it.
    pub fn own_name(self) -> &'static str {
        self.pick("English", "한국어")
    }

    /// One of two values.
    pub fn pick<T>(self, english: T, korean: T) -> T {
        match self {
            Self::En => english,
            Self::Ko => korean,
        }
    }

    /// The language of the request that is being answered, or of the page in the browser. English outside of both.
    pub fn current() -> Self {
        let of_page = || platform::page_language()?.parse().ok();
        platform::current().or_else(of_page).unwrap_or_default()
    }

    /// Makes a text in this language. In the browser it is in the language of the page, the only one that is read there.
    pub fn with<T>(self, make: impl FnOnce() -> T) -> T {
        platform::with(self, make)
    }
}

/// A text in both languages. On the wire it is one text, in the [current](Language::current) language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    english: Cow<'static, str>,
    /// `None` if the catalogue has no translation.
    korean: Option<Cow<'static, str>>,
}

impl Message {
    /// A text without values.
    pub const fn fixed(english: &'static str, korean: Option<&'static str>) -> Self {
        Self {
            english: Cow::Borrowed(english),
            korean: match korean {
                Some(korean) => Some(Cow::Borrowed(korean)),
                None => None,
            },
        }
    }

    /// A text with values.
    pub fn made(english: String, korean: Option<String>) -> Self {
        Self {
            english: Cow::Owned(english),
            korean: korean.map(Cow::Owned),
        }
    }

    /// The text in English, for logs and the command line.
    pub fn english(&self) -> &str {
        &self.english
    }

    /// The text in a language, or in English if it has no translation.
    pub fn in_language(&self, language: Language) -> &str {
        language.pick(&*self.english, self.korean.as_deref().unwrap_or(&self.english))
    }

    /// The text in the current language.
    pub fn current(&self) -> &str {
        self.in_language(Language::current())
    }

    /// The language of [`Message::current`]. It is English if there is no translation.
    pub fn current_language(&self) -> Language {
        match self.korean {
            Some(_) => Language::current(),
            None => Language::En,
        }
    }

    /// The `lang` of an element with this text, if it is not that of the page. Only the server knows it: in the browser, a
    /// message has lost its translation, and hydration keeps the attributes that the server wrote.
    pub fn lang(&self) -> Option<&'static str> {
        let language = self.current_language();
        (language != Language::current()).then(|| language.tag())
    }

    /// Whether it has a translation.
    pub fn is_translated(&self) -> bool {
        self.korean.is_some()
    }

    /// Whether it is the empty text.
    pub fn is_empty(&self) -> bool {
        self.english.is_empty()
    }

    /// Changes the text in each language.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        Self::made(change(&self.english), self.korean.as_deref().map(change))
    }

    /// Several texts as one. It is English if one of them has no translation.
    pub fn joined(parts: &[Self], separator: &str) -> Self {
        let english: Vec<&str> = parts.iter().map(Self::english).collect();
        let korean: Option<Vec<&str>> = parts.iter().map(|part| part.korean.as_deref()).collect();
        Self::made(english.join(separator), korean.map(|korean| korean.join(separator)))
    }
}

/// A text in the [current](Language::current) language.
impl From<Message> for String {
    fn from(message: Message) -> Self {
        message.current().to_owned()
    }
}

impl JsonSchema for Message {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// The same text for all languages, such as a name, or one that came over the wire.
impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::fixed(text, None)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::made(text, None)
    }
}

impl fmt::Display for Message {
    /// Writes the text in the current language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.current())
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.current())
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
