//! What is different on the server and in the browser: here, the browser.

use std::{borrow::Cow, sync::OnceLock};

use leptos::prelude::document;

/// Nothing belongs to a request here.
pub fn current<T>() -> Option<T> {
    None
}

/// Makes something. The browser reads one language only, that of the page.
pub fn with<T, M>(_value: T, make: impl FnOnce() -> M) -> M {
    make()
}

/// The language tag of the loaded page. It never changes while the page is loaded.
pub fn page_language() -> Option<&'static str> {
    static PAGE: OnceLock<Option<String>> = OnceLock::new();
    let tag = PAGE.get_or_init(|| document().document_element()?.get_attribute("lang"));
    tag.as_deref()
}

/// The server writes the names into the pages that need them.
pub fn time_zones() -> Vec<String> {
    Vec::new()
}

/// A text with composed characters (NFC), as the server counts them.
pub fn composed(text: &str) -> Cow<'_, str> {
    Cow::Owned(js_sys::JsString::from(text).normalize("NFC").into())
}
