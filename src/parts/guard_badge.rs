//! Says who may call a function: a lock, and the same in words.

use leptos::prelude::*;

use crate::contract::function::RuleView;

/// An open or a closed lock, with the rule in words beside it.
#[component]
pub fn GuardBadge(
    /// The rule of the guard.
    rule: RuleView,
) -> impl IntoView {
    let shackle = match rule.open {
        true => "M5 8V5a3 3 0 0 1 5.6-1.5",
        false => "M5 8V5a3 3 0 0 1 6 0v3",
    };
    let class = if rule.open { "guard open" } else { "guard closed" };
    view! {
        <span class=class>
            <svg viewBox="0 0 16 16" aria-hidden="true">
                <path d=shackle fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round"/>
                <rect x="3" y="7.5" width="10" height="7" rx="1.6" fill="currentColor"/>
            </svg>
            {rule.words}
        </span>
    }
}
