//! The logo: a person in a gate.

use leptos::prelude::*;

/// It is hidden from screen readers, because the name stands beside it.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M6 27V14a10 10 0 0 1 20 0v13" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/>
            <circle cx="16" cy="19" r="3.5" fill="currentColor"/>
        </svg>
    }
}
