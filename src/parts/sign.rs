//! Signs in tables of what is allowed. Screen readers read words in their place.

use leptos::prelude::*;

/// What a sign means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Yes,
    No,
    /// A login is needed.
    Login,
}

#[component]
pub fn Sign(meaning: Meaning, #[prop(into)] words: String) -> impl IntoView {
    let class = match meaning {
        Meaning::Yes => "sign yes",
        Meaning::No => "sign no",
        Meaning::Login => "sign login",
    };
    let lock = (meaning == Meaning::Login).then(|| {
        view! { <svg viewBox="0 0 16 16" aria-hidden="true"><use href="#lock"></use></svg> }
    });
    view! { <span class=class title=words.clone()>{lock}<span class="unseen">{words.clone()}</span></span> }
}

/// The drawing of the lock, once for all signs of a page.
#[component]
pub fn LockSymbol() -> impl IntoView {
    view! {
        <svg class="unseen" aria-hidden="true"><symbol id="lock" viewBox="0 0 16 16"><Lock is_open=false/></symbol></svg>
    }
}

/// A lock in a drawing of 16 × 16.
#[component]
pub fn Lock(is_open: bool) -> impl IntoView {
    let shackle = if is_open {
        "M5 8V5a3 3 0 0 1 5.6-1.5"
    } else {
        "M5 8V5a3 3 0 0 1 6 0v3"
    };
    view! {
        <path d=shackle fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>
        <rect x="3" y="7.5" width="10" height="7" rx="1.6" fill="currentColor"/>
    }
}
