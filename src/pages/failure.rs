//! The error page, and other pages that need no script and call no function, so that they work whatever has failed.

use std::borrow::Cow;

use leptos::prelude::*;

use crate::{
    contract::{Language, Refusal, Theme},
    parts::{header::Mark, refused::heading_of},
    sentence, t,
};

/// The document for a refusal, with the request id to quote to the operator and a link to continue.
pub fn html(refusal: &Refusal, reference: Option<&str>, link: NextLink) -> String {
    let (heading, message) = (heading_of(refusal), refusal.message().to_string());
    // The message of an internal error contains it already.
    let reference = reference
        .filter(|reference| !message.contains(reference))
        .map(str::to_owned);
    document(heading, message, reference, link)
}

/// The document for a GET of an address that only takes forms. It may be in the address bar after a form was sent.
pub fn form_only_page(link: NextLink) -> String {
    let message = t!("This address only accepts form submissions.").to_owned();
    document(t!("This page cannot be opened directly"), message, None, link)
}

/// The document that sends the browser to a provider at `url`. It shows the host, so that people see where they are going.
pub fn leaving_page(provider: &str, host: &str, url: String) -> String {
    let message = t!(
        "Taking you to {provider} ({host})… Use the button if nothing happens.",
        provider,
        host
    );
    let link = NextLink::new(url, t!("Continue to {provider}", provider));
    document(t!("Continue at another site"), message, None, link)
}

/// A link to continue.
#[derive(Debug)]
pub struct NextLink {
    address: String,
    label: Cow<'static, str>,
}

impl NextLink {
    /// A link to a page, usually of this site.
    pub fn new(address: impl Into<String>, label: impl Into<Cow<'static, str>>) -> Self {
        Self {
            address: address.into(),
            label: label.into(),
        }
    }

    /// A link to the home page.
    pub fn home() -> Self {
        Self::new("/", t!("See all functions"))
    }
}

fn document(heading: &'static str, message: String, reference: Option<String>, link: NextLink) -> String {
    let page = Owner::new().with(|| {
        view! {
            <html lang=Language::current().tag() data-theme=Theme::current().name()>
                <head>
                    <meta charset="utf-8"/>
                    <meta name="viewport" content="width=device-width, initial-scale=1"/>
                    <meta name="color-scheme" content=Theme::current().color_scheme()/>
                    // As markup: Leptos appends a comment to dynamic text, and a title would show it as text.
                    <title inner_html=format!("{heading} · Callgate")></title>
                    <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                    <link rel="stylesheet" href="/pkg/callgate.css"/>
                </head>
                <body>
                    <header class="site"><a class="brand" href="/" translate="no"><Mark/>"Callgate"</a></header>
                    <main class="narrow">
                        <h1>{heading}</h1>
                        <p class="lead">{message}</p>
                        {reference.map(|reference| view! {
                            <p class="quiet">{sentence!("Reference: {reference}", reference = view! { <code translate="no">{reference}</code> })}</p>
                        })}
                        <p><a class="button" href=link.address>{link.label}</a></p>
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
    fn message_and_reference_are_escaped() {
        let page = html(&Refusal::Malformed("<img src=x>".into()), Some("abc"), NextLink::home());
        assert!(page.contains("&lt;img") && !page.contains("<img"), "{page}");
        assert!(page.contains("Reference: ") && page.contains("abc"), "{page}");
        assert!(page.contains("<title>That did not work · Callgate</title>"), "{page}");
    }

    #[test]
    fn the_page_before_a_provider_shows_its_host_and_escapes_its_address() {
        let page = leaving_page(
            "<b>Example</b>",
            "id.example.org",
            "https://id.example.org/?a=1&b=\"x".into(),
        );
        assert!(page.contains("&lt;b&gt;Example") && !page.contains("<b>"), "{page}");
        assert!(
            page.contains("id.example.org)") && page.contains("a=1&amp;b=&quot;x"),
            "{page}"
        );
    }
}
