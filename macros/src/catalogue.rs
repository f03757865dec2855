//! The catalogue of translations: a PO file (<https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html>).

use std::{collections::HashMap, env, fs, path::PathBuf, sync::OnceLock};

/// A text to translate: its English form and, where one English word has two meanings, the context (`msgctxt`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub context: Option<String>,
    pub english: String,
}

/// The translations of one language.
#[derive(Debug, Default)]
pub struct Catalogue(HashMap<Key, String>);

impl Catalogue {
    /// The Korean catalogue of the crate that is being compiled: `locales/ko.po` in its folder. Without that file, nothing
    /// is translated.
    pub fn korean() -> Result<&'static Self, String> {
        static KOREAN: OnceLock<Result<Catalogue, String>> = OnceLock::new();
        let read = || {
            let folder = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
            let file = folder.join("locales/ko.po");
            match fs::read_to_string(&file) {
                Ok(text) => Catalogue::parse(&text).map_err(|error| format!("locales/ko.po, {error}")),
                Err(_) if !file.exists() => Ok(Catalogue::default()),
                Err(error) => Err(format!("cannot read locales/ko.po: {error}")),
            }
        };
        KOREAN.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// Parses a PO file. Entries that are marked as fuzzy or have no translation are left out, as `msgfmt` does.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut catalogue = Self::default();
        let mut entry = Entry::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let error = |reason: &str| format!("line {}: {reason}", number + 1);
            if line.is_empty() {
                catalogue
                    .add(std::mem::take(&mut entry))
                    .map_err(|reason| error(&reason))?;
            } else if let Some(flags) = line.strip_prefix("#,") {
                entry.is_fuzzy |= flags.split(',').any(|flag| flag.trim() == "fuzzy");
            } else if !line.starts_with('#') {
                entry.add_line(line).map_err(error)?;
            }
        }
        catalogue.add(entry)?;
        Ok(catalogue)
    }

    fn add(&mut self, entry: Entry) -> Result<(), String> {
        let [context, english, translation] = entry.fields;
        let (Some(english), Some(translation)) = (english, translation) else {
            return Ok(());
        };
        // The entry for the empty text describes the file.
        if english.is_empty() || translation.is_empty() || entry.is_fuzzy {
            return Ok(());
        }
        let key = Key { context, english };
        if self.0.contains_key(&key) {
            return Err(format!("there are two entries for {:?}", key.english));
        }
        self.0.insert(key, translation);
        Ok(())
    }

    pub fn find(&self, key: &Key) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All entries, sorted.
    pub fn entries(&self) -> Vec<(&Key, &str)> {
        let mut entries: Vec<_> = self.0.iter().map(|(key, text)| (key, text.as_str())).collect();
        entries.sort();
        entries
    }
}

/// An entry that is being read.
#[derive(Default)]
struct Entry {
    /// Context, English text, translation.
    fields: [Option<String>; 3],
    /// The index of the field that a continuation line belongs to.
    open: usize,
    is_fuzzy: bool,
}

impl Entry {
    fn add_line(&mut self, line: &str) -> Result<(), &'static str> {
        let keywords = ["msgctxt", "msgid", "msgstr"];
        let begun = keywords
            .iter()
            .position(|keyword| line.starts_with(&format!("{keyword} ")));
        let quoted = match begun {
            Some(index) => {
                self.open = index;
                self.fields[index] = Some(String::new());
                &line[keywords[index].len()..]
            }
            None => line,
        };
        let field = self.fields[self.open]
            .as_mut()
            .ok_or("expected msgctxt, msgid or msgstr")?;
        let inner = quoted.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        field.push_str(&unescaped(inner.ok_or("expected a text in quotes")?)?);
        Ok(())
    }
}

fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other @ ('"' | '\\')) => other,
                _ => return Err(r#"unknown escape; only \n, \t, \" and \\ are known"#),
            },
            '"' => return Err("a quote inside of a text must be escaped"),
            other => other,
        });
    }
    Ok(plain)
}
