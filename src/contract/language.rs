//! The languages that pages and refusals are written in.
//!
//! English stands in the code, Korean in `locales/ko.po`. [`t!`](crate::t) gives a text in the language of the request or
//! page, [`message!`](crate::message) gives a [`Message`], which has both and is read where the answer is written.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// The name of the input with the chosen language, in the form that `POST /language` takes.
pub const CHOICE: &str = "language";
/// The name of the hidden input with the page to return to.
pub const NEXT: &str = "next";

/// A language of pages and refusals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
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
        current()
    }
}

#[cfg(feature = "ssr")]
mod server {
    use std::cell::Cell;

    use leptos::prelude::use_context;

    use super::Language;

    tokio::task_local! {
        static CURRENT: Cell<Language>;
    }

    pub fn current() -> Language {
        // Leptos renders parts of a page in tasks of its own, which have the context of the page.
        let of_request = CURRENT.try_with(Cell::get).ok();
        of_request.or_else(use_context).unwrap_or_default()
    }

    impl Language {
        /// Answers a request in this language, as far as [`Language::change_current`] does not change it.
        pub fn scope<F: Future>(self, answer: F) -> impl Future<Output = F::Output> {
            CURRENT.scope(Cell::new(self), answer)
        }

        /// Makes a text in this language.
        pub fn with<T>(self, make: impl FnOnce() -> T) -> T {
            CURRENT.sync_scope(Cell::new(self), make)
        }

        /// Changes the language of the rest of the answer.
        pub fn change_current(self) {
            // Outside of a request there is nothing to change.
            let _ = CURRENT.try_with(|current| current.set(self));
        }
    }
}
#[cfg(feature = "ssr")]
use server::current;

/// The page says its language in `<html lang>`. It never changes while the page is loaded.
#[cfg(not(feature = "ssr"))]
fn current() -> Language {
    use std::sync::OnceLock;

    static PAGE: OnceLock<Language> = OnceLock::new();
    *PAGE.get_or_init(|| {
        let page = leptos::prelude::document().document_element();
        let tag = page.and_then(|page| page.get_attribute("lang"));
        tag.and_then(|tag| tag.parse().ok()).unwrap_or_default()
    })
}

#[cfg(not(feature = "ssr"))]
impl Language {
    /// Makes a text. In the browser it is in the language of the page, the only one that is read there.
    pub fn with<T>(self, make: impl FnOnce() -> T) -> T {
        make()
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
