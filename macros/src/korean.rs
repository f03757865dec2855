//! Checks the texts of the program and their translations in `locales/ko.po`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

use crate::{
    catalogue::{Catalogue, Key},
    translate::{Text, placeholders},
};

/// Translations that are the same words.
const WITHOUT_HANGUL: [&str; 1] = ["ID"];

/// English texts whose full stop, or its lack, is part of the contract with older clients.
const CONTRACT: [&str; 1] = ["Invalid user_id or password"];

/// Words that a translation does not use. The glossary has others.
const AVOIDED: [&str; 7] = [
    "당신",
    "귀하",
    "하십시오",
    "해 주십시오",
    "로그 아웃",
    "패스워드",
    "접속",
];

/// Their form depends on the sound before them, which is unknown behind a value.
const PARTICLES: [&str; 9] = ["은", "는", "이", "가", "을", "를", "과", "와", "로"];

fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn catalogue() -> Catalogue {
    let text = fs::read_to_string(project().join("locales/ko.po")).unwrap();
    Catalogue::parse(&text).unwrap()
}

/// What the sources say.
#[derive(Default)]
struct Sources {
    /// The texts of `t!`, `message!` and `sentence!`, with their place.
    texts: BTreeMap<Key, String>,
    /// The paragraphs of doc comments.
    docs: BTreeSet<String>,
    /// All string literals, and all names as labels are made of them.
    labels: BTreeSet<String>,
    /// The file that is being read.
    file: String,
}

impl Sources {
    fn of_program() -> Self {
        let mut sources = Self::default();
        sources.read_folder(&project().join("src"));
        sources
    }

    fn read_folder(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read_folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.file = path.strip_prefix(project()).unwrap().display().to_string();
                let source = fs::read_to_string(&path).unwrap();
                self.read(source.parse().unwrap());
            }
        }
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut doc = Vec::new();
        let mut rest = &tokens[..];
        while let Some((first, after)) = rest.split_first() {
            if let [TokenTree::Punct(sign), TokenTree::Group(group), ..] = rest
                && sign.as_char() == '#'
                && let Some(line) = doc_line(group.stream())
            {
                doc.push(line);
                rest = &rest[2..];
                continue;
            }
            self.end_doc(&mut doc);
            if let [
                TokenTree::Ident(name),
                TokenTree::Punct(sign),
                TokenTree::Group(group),
                ..,
            ] = rest
                && sign.as_char() == '!'
                && ["t", "message", "sentence"].contains(&name.to_string().as_str())
            {
                let place = format!("{}:{}", self.file, name.span().start().line);
                let text: Text = syn::parse2(group.stream()).unwrap_or_else(|error| panic!("{place}: {error}"));
                self.texts.insert(text.key(), place);
            }
            match first {
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Ident(name) => _ = self.labels.insert(label_of(&name.to_string())),
                TokenTree::Literal(_) => {
                    let text = syn::parse2::<LitStr>(first.clone().into());
                    self.labels.extend(text.map(|text| text.value()));
                }
                TokenTree::Punct(_) => {}
            }
            rest = after;
        }
        self.end_doc(&mut doc);
    }

    fn end_doc(&mut self, lines: &mut Vec<String>) {
        let paragraphs = lines.split(String::is_empty).map(|lines| lines.join(" "));
        self.docs.extend(paragraphs.filter(|paragraph| !paragraph.is_empty()));
        lines.clear();
    }
}

/// The line of a doc comment, from the content of `#[doc = "…"]`.
fn doc_line(attribute: TokenStream) -> Option<String> {
    let mut tokens = attribute.into_iter();
    let is_doc = matches!(tokens.next()?, TokenTree::Ident(name) if name == "doc");
    tokens.next().filter(|_| is_doc)?;
    let line: LitStr = syn::parse2(tokens.collect()).ok()?;
    Some(line.value().trim().to_owned())
}

/// As `server::registry::schema` makes it.
fn label_of(name: &str) -> String {
    let words = name.trim_matches('_').replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// A text without its placeholders.
fn without_values(text: &str) -> String {
    let parts = text.split('{').enumerate();
    let parts = parts.map(|(at, part)| {
        if at == 0 {
            part
        } else {
            part.split_once('}').map_or(part, |(_, rest)| rest)
        }
    });
    parts.collect()
}

fn assert_none(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn every_text_of_the_program_has_a_translation() {
    let (sources, catalogue) = (Sources::of_program(), catalogue());
    assert!(
        sources.texts.len() > 400,
        "only {} texts were found",
        sources.texts.len()
    );
    let missing = sources.texts.iter().filter(|(key, _)| catalogue.find(key).is_none());
    assert_none(
        &missing
            .map(|(key, place)| format!("{place}: {key:?}"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_translation_is_of_a_text_of_the_program() {
    let (sources, catalogue) = (Sources::of_program(), catalogue());
    let is_used = |key: &Key| match key.context.as_deref() {
        None => sources.docs.contains(&key.english),
        Some("argument") => sources.labels.contains(&key.english),
        Some(_) => false,
    };
    let entries = catalogue.entries().into_iter().map(|(key, _)| key);
    let unused = entries.filter(|key| !sources.texts.contains_key(key) && !is_used(key));
    assert_none(&unused.map(|key| format!("unused: {key:?}")).collect::<Vec<_>>());
}

#[test]
fn translations_follow_the_rules_of_style() {
    let mut mistakes = Vec::new();
    for (Key { english, .. }, korean) in catalogue().entries() {
        let mut check = |is_right: bool, rule: &str| {
            if !is_right {
                mistakes.push(format!("{rule}: {english:?}, {korean:?}"));
            }
        };
        check(
            placeholders(english) == placeholders(korean),
            "not the same placeholders",
        );
        let has_hangul = korean.contains(|letter: char| ('가'..='힣').contains(&letter));
        let has_words = without_values(korean).contains(char::is_alphabetic);
        check(
            has_hangul || !has_words || WITHOUT_HANGUL.contains(&korean),
            "no Hangul",
        );
        let is_contract = CONTRACT.contains(&english.as_str());
        check(
            is_contract || english.ends_with('.') == korean.ends_with('.'),
            "a full stop in one only",
        );
        for word in AVOIDED {
            check(!korean.contains(word), word);
        }
        let behind_values = korean
            .split('}')
            .skip(1)
            .map(|rest| rest.strip_prefix('으').unwrap_or(rest));
        let particle = behind_values.filter(|rest| {
            let particle = PARTICLES.iter().find_map(|particle| rest.strip_prefix(particle));
            particle.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
        check(particle.count() == 0, "a particle directly behind a value");
    }
    assert_none(&mistakes);
}
