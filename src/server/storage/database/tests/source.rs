//! Finds the statements in the source of the storage.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A part of Rust source, with its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// The value of a string literal.
    Text(String),
    Word(String),
    Sign(char),
}

use Token::{Sign, Text, Word};

/// The files of the storage, except tests and [`database`](super::super), whose statements are those of one engine.
pub fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/storage");
    let mut files = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() && name != "database" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !name.ends_with("tests.rs") {
                files.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

/// The tokens of a file up to its tests.
pub fn tokens(source: &str) -> Vec<(Token, usize)> {
    let mut tokens: Vec<(Token, usize)> = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let line = 1 + source[..source.len() - rest.len()].matches('\n').count();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            let (text, length) = string(rest);
            tokens.push((Text(text), line));
            length
        } else if first == '\'' {
            character(rest)
        } else if first.is_alphanumeric() || first == '_' {
            let is_part = |character: char| character.is_alphanumeric() || character == '_';
            let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
            assert!(
                !["r", "br"].contains(&&rest[..length]) || !rest[length..].starts_with(['"', '#']),
                "line {line}: raw strings are not read here"
            );
            tokens.push((Word(rest[..length].to_owned()), line));
            length
        } else {
            if !first.is_whitespace() {
                tokens.push((Sign(first), line));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    let is_tests = |window: &[(Token, usize)]| {
        let names: Vec<_> = window.iter().map(|(token, _)| token.clone()).collect();
        let expected = [
            Word("cfg".into()),
            Sign('('),
            Word("test".into()),
            Sign(')'),
            Sign(']'),
            Word("mod".into()),
        ];
        names == expected
    };
    if let Some(end) = tokens.windows(6).position(is_tests) {
        tokens.truncate(end);
    }
    tokens
}

/// The value of the string literal at the beginning of `source`, and the length of the literal.
fn string(source: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = source.char_indices().skip(1).peekable();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, index + 1),
            '\\' => match characters.next().unwrap().1 {
                'n' => value.push('\n'),
                '\n' => while characters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                escaped => value.push(escaped),
            },
            character => value.push(character),
        }
    }
    panic!("a string literal has no end: {source:.40}");
}

/// The length of the character literal or lifetime at the beginning of `source`.
fn character(source: &str) -> usize {
    let mut characters = source.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), _) => 3 + source[3..].find('\'').unwrap(),
        (_, Some((index, '\''))) => index + 1,
        _ => 1,
    }
}

/// The macros that make a statement of a literal: for each, the parts of its `concat!`. [`Sign`] stands for the argument.
pub fn macros(files: &[(String, String)]) -> BTreeMap<String, Vec<Token>> {
    let mut macros = BTreeMap::new();
    for (_, source) in files {
        let tokens: Vec<_> = tokens(source).into_iter().map(|(token, _)| token).collect();
        for (index, window) in tokens.windows(3).enumerate() {
            let [Word(keyword), Sign('!'), Word(name)] = window else {
                continue;
            };
            if keyword != "macro_rules" {
                continue;
            }
            let body = &tokens[index..];
            let begin = body.iter().position(|token| *token == Word("concat".into())).unwrap() + 2;
            let end = begin + body[begin..].iter().position(|token| *token == Sign(')')).unwrap();
            let parts = body[begin..end]
                .iter()
                .filter(|token| matches!(token, Text(_) | Sign('$')));
            macros.insert(name.clone(), parts.cloned().collect());
        }
    }
    macros
}

/// The text that an expression means at the beginning of `tokens`: a literal, `concat!` or one of `macros`. Also returns the
/// number of its tokens. `None` for any other expression.
pub fn text(tokens: &[(Token, usize)], macros: &BTreeMap<String, Vec<Token>>) -> Option<(String, usize)> {
    let at = |index: usize| tokens.get(index).map(|(token, _)| token);
    if let Text(text) = at(0)? {
        return Some((text.clone(), 1));
    }
    let (Word(name), Some(Sign('!'))) = (at(0)?, at(1)) else {
        return None;
    };
    if name == "concat" {
        let mut whole = String::new();
        let mut index = 3;
        while at(index)? != &Sign(')') {
            if at(index)? == &Sign(',') {
                index += 1;
                continue;
            }
            let (part, length) = text(&tokens[index..], macros)?;
            whole.push_str(&part);
            index += length;
        }
        return Some((whole, index + 1));
    }
    let Some(Text(argument)) = at(3) else { return None };
    let parts = macros.get(name)?.iter().map(|part| match part {
        Text(text) => text.as_str(),
        _ => argument,
    });
    Some((parts.collect(), 5))
}

/// Clauses, of which statements are put together.
const CLAUSES: [&str; 5] = ["AND", "FROM", "LIMIT", "ORDER", "WHERE"];

/// Whether a literal is a statement: it begins with a word in capitals and goes on.
fn is_statement(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    if CLAUSES.contains(&word) {
        return false;
    }
    let is_capital = word.len() >= 3 && word.chars().all(|character| character.is_ascii_uppercase());
    is_capital && text.starts_with(word) && text.len() > word.len()
}

/// A statement in the source.
#[derive(Debug)]
pub struct Statement {
    pub place: String,
    pub text: String,
}

/// All complete statements of a file: those given to the functions of `query`, and those that are in a variable before.
pub fn statements(name: &str, source: &str, macros: &BTreeMap<String, Vec<Token>>) -> Vec<Statement> {
    let tokens = tokens(source);
    let mut statements = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let before = &tokens[..index];
        let line = tokens[index].1;
        let is_argument = is_argument_of_query(before);
        let Some((text, length)) = text(&tokens[index..], macros) else {
            let is_name = matches!(&tokens[index].0, Word(_));
            assert!(!is_argument || is_name, "{name}:{line}: cannot read this statement");
            index += 1;
            continue;
        };
        // Text with holes, and what a builder begins with, is no complete statement. `built` executes those.
        let is_part = is_argument_of_builder(before) || text.contains('{');
        if is_argument || is_statement(&text) && !is_part {
            statements.push(Statement {
                place: format!("{name}:{line}"),
                text,
            });
        }
        index += length;
    }
    statements
}

/// Whether what follows is the argument of `query`, `query_as` or `query_scalar`, but not in their definition or import.
fn is_argument_of_query(before: &[(Token, usize)]) -> bool {
    let Some(((Sign('('), _), mut before)) = before.split_last() else {
        return false;
    };
    // Skips type arguments.
    if let Some((Sign('>'), _)) = before.last() {
        let mut depth = 0;
        let begin = before.iter().rposition(|(token, _)| {
            match token {
                Sign('>') => depth += 1,
                Sign('<') => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let begin = begin.unwrap_or_default();
        before = &before[..begin.saturating_sub(2)];
    }
    let is_query = |name: &str| ["query", "query_as", "query_scalar"].contains(&name);
    matches!(before.last(), Some((Word(name), _)) if is_query(name))
}

fn is_argument_of_builder(before: &[(Token, usize)]) -> bool {
    let names: Vec<_> = before.iter().rev().take(5).map(|(token, _)| token.clone()).collect();
    let expected = [
        Sign('('),
        Word("new".into()),
        Sign(':'),
        Sign(':'),
        Word("QueryBuilder".into()),
    ];
    names == expected
}
