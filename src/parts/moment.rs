//! A point in time.

use leptos::prelude::*;

/// Shows a time to the minute, in UTC.
#[component]
pub fn Moment(
    /// In RFC 3339 and UTC, such as `2026-01-31T10:20:30Z`.
    at: String,
) -> impl IntoView {
    let minutes: String = at.chars().take("2026-01-31T10:20".len()).collect();
    view! { <time datetime=at>{format!("{} UTC", minutes.replace('T', " "))}</time> }
}
