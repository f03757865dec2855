//! Text as markup: prose from doc comments, and the content of a textarea.

use leptos::prelude::*;

/// Renders text between backticks as code.
pub fn prose(text: &str) -> AnyView {
    text.split('`')
        .enumerate()
        .map(|(at, part)| match at % 2 {
            0 => part.to_owned().into_any(),
            _ => view! { <code translate="no">{part.to_owned()}</code> }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// Escapes the content of a textarea, because Leptos 0.8 writes a textarea's children unescaped (leptos-rs/leptos#4819). Starts
/// with a newline, because HTML ignores the first one.
pub fn escaped(text: &str) -> String {
    format!(
        "\n{}",
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    )
}
