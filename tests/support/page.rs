//! Pages as a person reads them: text without its markup, and what stands beside an input.

use crate::support::client::Reply;

/// Text of a page, as it is shown.
pub fn unescaped(text: &str) -> String {
    text.replace("<!>", "")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The code under that label, such as `The curl line`.
pub fn code(page: &Reply, label: &str) -> String {
    let (_, rest) = page
        .body
        .split_once(&format!(r#"aria-label="{label}""#))
        .unwrap_or_else(|| panic!("no {label}: {}", page.body));
    let (_, rest) = rest.split_once("<code>").unwrap();
    unescaped(rest.split_once("</code>").unwrap().0)
}

/// The tag of the input with that name.
pub fn input<'a>(page: &'a Reply, name: &str) -> &'a str {
    let (_, rest) = page
        .body
        .split_once(&format!(r#"name="{name}""#))
        .unwrap_or_else(|| panic!("no {name}: {}", page.body));
    rest.split_once('>').unwrap().0
}

/// What is said of the input with that name.
pub fn said(page: &Reply, name: &str) -> String {
    let (_, rest) = page
        .body
        .split_once(&format!(r#"id="said-argument-{name}""#))
        .unwrap_or_else(|| panic!("no place beside {name}: {}", page.body));
    let (_, rest) = rest.split_once('>').unwrap();
    unescaped(rest.split_once("</p>").unwrap().0).trim().to_owned()
}

/// Whether an input is marked as wrong.
pub fn is_wrong(page: &Reply, name: &str) -> bool {
    input(page, name).contains(r#"aria-invalid="true""#)
}

/// What a page calls the call that waits there, if one does.
pub fn waiting_id(page: &Reply) -> Option<String> {
    let (_, rest) = page.body.split_once(r#"name="call" value=""#)?;
    Some(rest.split('"').next().unwrap().to_owned())
}

/// Fails where a page does not show each of these.
pub fn assert_shows(page: &Reply, texts: &[&str]) {
    for text in texts {
        assert!(page.shows(text), "no {text}: {}", page.body);
    }
}

/// Fails where a page shows one of these.
pub fn assert_hides(page: &Reply, texts: &[&str]) {
    for text in texts {
        assert!(!page.shows(text), "{text}: {}", page.body);
    }
}
