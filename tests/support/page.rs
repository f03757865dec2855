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

/// What stands between the first `start` after `mark` and the next `end`.
fn between<'a>(page: &'a Reply, mark: &str, start: &str, end: &str) -> &'a str {
    let (_, rest) = page
        .body
        .split_once(mark)
        .unwrap_or_else(|| panic!("no {mark}: {}", page.body));
    let (_, rest) = rest.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

/// The code under that label, such as `curl command`, without tags.
pub fn code(page: &Reply, label: &str) -> String {
    let code = between(page, &format!(r#"aria-label="{label}""#), "<code>", "</code>");
    let (start, rest) = code.split_once('<').unwrap_or((code, ""));
    let texts = rest.split('<').filter_map(|part| part.split_once('>'));
    unescaped(&texts.fold(start.to_owned(), |text, (_, after)| text + after))
}

/// The tag of the input with that name.
pub fn input<'a>(page: &'a Reply, name: &str) -> &'a str {
    let name = format!(r#" name="{name}""#);
    let mut tags = page.body.split('<').filter_map(|tag| tag.split('>').next());
    tags.find(|tag| tag.contains(&name))
        .unwrap_or_else(|| panic!("no{name}: {}", page.body))
}

/// What is said of the input with that name.
pub fn said(page: &Reply, name: &str) -> String {
    let said = between(page, &format!(r#"id="said-argument-{name}""#), ">", "</p>");
    unescaped(said).trim().to_owned()
}

/// Whether an input is marked as wrong.
pub fn is_wrong(page: &Reply, name: &str) -> bool {
    input(page, name).contains(r#"aria-invalid="true""#)
}

/// Fails where a page does not show each of these.
#[track_caller]
pub fn assert_shows(page: &Reply, texts: &[&str]) {
    for text in texts {
        assert!(page.shows(text), "no {text}: {}", page.body);
    }
}

/// Fails where a page shows one of these.
#[track_caller]
pub fn assert_hides(page: &Reply, texts: &[&str]) {
    for text in texts {
        assert!(!page.shows(text), "{text}: {}", page.body);
    }
}
