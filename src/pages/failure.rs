//! The page for a request that failed. It needs no script and calls nothing, because what it tells of may be anywhere.

use leptos::prelude::*;

use crate::{contract::Refusal, parts::mark::Mark};

/// The page that tells of `refusal`, as a whole document, with what to quote to the operator and the way to get on.
pub fn html(refusal: &Refusal, reference: Option<&str>, way: Way) -> String {
    let (status, message) = (refusal.status(), refusal.message());
    let heading = match refusal {
        Refusal::Busy { .. } => "One moment, please",
        Refusal::CallTooSlow => "That took too long",
        _ if status < 500 => "That did not work",
        _ => "Something went wrong",
    };
    // The sentence about an internal failure says it already.
    let reference = reference
        .filter(|reference| !message.contains(reference))
        .map(str::to_owned);
    document(heading, message, reference, way)
}

/// The page for who opens an address that forms are sent to: after a form, it may stand where people type addresses.
pub fn nothing_to_read(way: Way) -> String {
    let message = "Opening this address does nothing: it only takes what a form sends.".to_owned();
    document("Nothing to read here", message, None, way)
}

/// Where the person gets on.
#[derive(Debug)]
pub struct Way {
    to: String,
    words: &'static str,
}

impl Way {
    /// To a page of our own.
    pub fn new(to: impl Into<String>, words: &'static str) -> Self {
        Self { to: to.into(), words }
    }

    /// To the first page.
    pub fn home() -> Self {
        Self::new("/", "See all functions")
    }
}

fn document(heading: &'static str, message: String, reference: Option<String>, way: Way) -> String {
    let page = Owner::new().with(|| {
        view! {
            <html lang="en">
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1"/>
                    <meta name="color-scheme" content="light dark"/>
                    // As markup: Leptos ends a text that is made with a comment, which a title shows.
                    <title inner_html=format!("{heading} · Callgate")></title>
                    <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                    <link rel="stylesheet" href="/pkg/callgate.css"/>
                </head>
                <body>
                    <header class="site"><a class="brand" href="/"><Mark/>"Callgate"</a></header>
                    <main class="narrow">
                        <h1>{heading}</h1>
                        <p class="lead">{message}</p>
                        {reference.map(|reference| view! { <p class="quiet">"Reference: "<code>{reference}</code></p> })}
                        <p><a class="button" href=way.to>{way.words}</a></p>
                    </main>
                </body>
            </html>
        }
        .to_html()
    });
    format!("<!DOCTYPE html>{page}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_tells_is_text_and_not_markup() {
        let page = html(&Refusal::Malformed("<img src=x>".into()), Some("abc"), Way::home());
        assert!(page.contains("&lt;img") && !page.contains("<img"), "{page}");
        assert!(page.contains("Reference: ") && page.contains("abc"), "{page}");
        assert!(page.contains("<title>That did not work · Callgate</title>"), "{page}");
    }
}
