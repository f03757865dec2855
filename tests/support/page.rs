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

/// The markup of a page without its header and footer.
pub fn main_part(page: &Reply) -> &str {
    between(page, "<main", ">", "</main>")
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

/// Elements without content (HTML, "void elements"), and those of SVG, which may be closed by themselves.
const VOID: &str = "area base br col embed hr img input link meta source track wbr path circle rect";
/// Elements whose content is no markup (HTML, "raw text elements" and "escapable raw text elements").
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];
/// Elements with content that is not in a language, or that is that of the reader.
const NOT_PROSE: [&str; 7] = ["code", "pre", "script", "style", "svg", "textarea", "option"];

/// The texts of a page that people read or hear in its language: its title, what stands between two tags, and labels in
/// attributes. What is marked as of another language, or as a name, is left out.
pub fn prose(page: &Reply) -> Vec<String> {
    let mut texts = Vec::new();
    let mut text = String::new();
    // The open elements, each with whether its content is left out.
    let mut open: Vec<(&str, bool)> = Vec::new();
    let mut rest = page.body.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        let is_hidden = open.last().is_some_and(|(_, is_hidden)| *is_hidden);
        if !is_hidden {
            text.push_str(before);
        }
        // A comment stands between the parts of one text.
        if after.starts_with('!') && !after.starts_with("!D") {
            let end = if after.starts_with("!--") { "-->" } else { ">" };
            rest = after.split_once(end).unwrap().1;
            continue;
        }
        texts.push(std::mem::take(&mut text));
        let (tag, after) = split_tag(after);
        rest = after;
        let name = tag.trim_start_matches('/').split_ascii_whitespace().next().unwrap();
        if tag.starts_with('/') {
            if let Some(at) = open.iter().rposition(|(opened, _)| *opened == name) {
                open.truncate(at);
            }
            continue;
        }
        let is_other = tag.contains(r#" lang="en""#) && name != "html" || tag.contains(r#" translate="no""#);
        let is_hidden = is_hidden || is_other || NOT_PROSE.contains(&name);
        if !is_hidden {
            let labels = ["aria-label", "placeholder", "title", "alt", "data-label"];
            let labels = labels.iter().filter_map(|label| attribute(tag, label));
            texts.extend(labels.map(str::to_owned));
        }
        if RAW.contains(&name) {
            let (content, after) = after.split_once(&format!("</{name}>")).unwrap();
            if !is_hidden {
                texts.push(content.to_owned());
            }
            rest = after;
        } else if !tag.ends_with('/') && !VOID.split(' ').any(|void| void == name) {
            open.push((name, is_hidden));
        }
    }
    let texts = texts.iter().map(|text| unescaped(text).trim().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

/// A tag, and what follows it. A value of an attribute may contain `>`.
fn split_tag(text: &str) -> (&str, &str) {
    let mut is_quoted = false;
    let end = text.find(|character| {
        is_quoted ^= character == '"';
        character == '>' && !is_quoted
    });
    let (tag, rest) = text.split_at(end.expect("an end of a tag"));
    (tag, &rest[1..])
}

/// The value of an attribute in a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(r#" {name}=""#))?;
    value.split_once('"').map(|(value, _)| value)
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
