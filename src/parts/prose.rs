//! Text as markup: prose from doc comments, and the content of a text area.

use leptos::prelude::*;

/// Text in which what stands between backticks is code.
pub fn prose(text: &str) -> AnyView {
    text.split('`')
        .enumerate()
        .map(|(at, part)| match at % 2 {
            0 => part.to_owned().into_any(),
            _ => view! { <code>{part.to_owned()}</code> }.into_any(),
        })
        .collect_view()
        .into_any()
}

/// Text as the content of a textarea, of which HTML drops a first newline: Leptos 0.8 writes the children of a textarea unescaped (leptos-rs/leptos#4819).
pub fn escaped(text: &str) -> String {
    format!(
        "\n{}",
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    )
}
