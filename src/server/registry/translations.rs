//! The translations of texts that are known only at run time: doc comments, and labels made from names.
//!
//! They are entries of `locales/ko.po` like all others. A text without an entry stays English.

use crate::{catalogue, contract::Message};

/// The context (`msgctxt`) of labels.
const LABEL: &str = "argument";

/// All entries, sorted: context, English text, Korean text.
static ENTRIES: &[(&str, &str, &str)] = catalogue!();

fn find(context: &str, english: &str) -> Message {
    let found = ENTRIES.binary_search_by_key(&(context, english), |&(context, english, _)| (context, english));
    match found.ok().and_then(|index| ENTRIES.get(index)) {
        Some((_, english, korean)) => Message::fixed(english, Some(korean)),
        None => Message::from(english.to_owned()),
    }
}

/// A text, such as a paragraph of a doc comment.
pub fn text(english: &str) -> Message {
    find("", english)
}

/// The label of an argument or of one of its choices.
pub fn label(english: &str) -> Message {
    find(LABEL, english)
}

/// The paragraphs of a doc comment, each looked up by itself.
pub fn paragraphs<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Message> {
    let lines: Vec<&str> = lines.into_iter().map(str::trim).collect();
    lines
        .split(|line| line.is_empty())
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| text(&paragraph.join(" ")))
        .collect()
}

/// A doc comment as one text.
pub fn doc(comment: &str, separator: &str) -> Message {
    Message::joined(&paragraphs(comment.lines()), separator)
}

#[cfg(test)]
mod tests;
