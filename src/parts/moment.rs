//! Moments, as people read them.

use leptos::prelude::*;

/// A moment that stands in RFC 3339, to the minute, in UTC.
#[component]
pub fn Moment(
    /// Such as `2026-01-31T10:20:30Z`.
    at: String,
) -> impl IntoView {
    let minutes: String = at.chars().take("2026-01-31T10:20".len()).collect();
    view! { <time datetime=at>{format!("{} UTC", minutes.replace('T', " "))}</time> }
}
