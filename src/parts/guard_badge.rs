//! A lock, open or closed, with the rule of a function's guard in words.

use leptos::prelude::*;

use crate::{contract::function::RuleView, t};

#[component]
pub fn GuardBadge(
    rule: RuleView,
    /// Whether the function currently refuses every caller.
    is_closed: bool,
) -> impl IntoView {
    let (class, shackle) = if rule.open && !is_closed {
        ("guard open", "M5 8V5a3 3 0 0 1 5.6-1.5")
    } else {
        ("guard closed", "M5 8V5a3 3 0 0 1 6 0v3")
    };
    let (words, lang) = if is_closed {
        (t!("Closed").to_owned(), None)
    } else {
        (rule.words.to_string(), rule.words.lang())
    };
    view! {
        <span class=class lang=lang>
            <svg viewBox="0 0 16 16" aria-hidden="true">
                <path d=shackle fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>
                <rect x="3" y="7.5" width="10" height="7" rx="1.6" fill="currentColor"/>
            </svg>
            {words}
        </span>
    }
}
