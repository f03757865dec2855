//! What is different on the server and in the browser: here, the server.

use std::{
    any::{Any, TypeId},
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    sync::Arc,
};

use leptos::prelude::use_context;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

tokio::task_local! {
    static CURRENT: RefCell<Values>;
}

/// The value of this type that belongs to the request that is being answered, such as the language of the answer.
pub fn current<T: Clone + Send + Sync + 'static>() -> Option<T> {
    let of_request = CURRENT.try_with(|values| values.borrow().get(&TypeId::of::<T>())?.downcast_ref::<T>().cloned());
    // Leptos renders parts of a page in tasks of its own, which have the context of the page.
    of_request.ok().flatten().or_else(use_context)
}

/// Changes the current value for the rest of the answer. Outside of a request there is nothing to change.
pub fn set_current<T: Send + Sync + 'static>(value: T) {
    let _ = CURRENT.try_with(|values| values.borrow_mut().insert(TypeId::of::<T>(), Arc::new(value)));
}

/// Answers a request with this current value, as far as [`set_current`] does not change it.
pub async fn scope<T: Send + Sync + 'static, F: Future>(value: T, answer: F) -> F::Output {
    CURRENT.scope(RefCell::new(current_and(value)), answer).await
}

/// Makes something with this current value.
pub fn with<T: Send + Sync + 'static, M>(value: T, make: impl FnOnce() -> M) -> M {
    CURRENT.sync_scope(RefCell::new(current_and(value)), make)
}

fn current_and<T: Send + Sync + 'static>(value: T) -> Values {
    let mut values = CURRENT.try_with(|values| values.borrow().clone()).unwrap_or_default();
    values.insert(TypeId::of::<T>(), Arc::new(value));
    values
}

/// The language tag of the loaded page. There is none, because the page is being written.
pub fn page_language() -> Option<&'static str> {
    None
}

/// The names of the time zones that are known.
pub fn time_zones() -> Vec<String> {
    jiff::tz::db().available().map(|name| name.to_string()).collect()
}

/// A text with composed characters (NFC), so that texts that look alike are equal: macOS decomposes Hangul and accented
/// letters in names of files.
pub fn composed(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}
