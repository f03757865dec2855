//! Frequent Korean words in a password, written in Hangul or typed on Latin keys.
//!
//! Most Korean keyboards have the two-set layout (dubeolsik, KS X 5002): who types 안녕하세요 on it while Latin letters are
//! switched on types `dkssudgktpdy`. A password and the entries of the list are compared as such keys. So both forms of a
//! word are found, in any mixture. Taking Hangul apart into keys is unambiguous (Unicode 3.12, Hangul syllable
//! decomposition); putting keys together is not, because where a syllable ends depends on what follows.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization as _, char::decompose_canonical};
use zeroize::Zeroizing;

/// Frequent passwords, words and phrases, one a line: in Hangul, or in Latin letters if that is how they are written.
const LIST: &str = include_str!("frequent_korean.txt");

/// The keys of the leading consonants from U+1100 on. Shift is left out, here as in what was typed.
const LEADING: [&str; 19] = [
    "r", "r", "s", "e", "e", "f", "a", "q", "q", "t", "t", "d", "w", "w", "c", "z", "x", "v", "g",
];
/// The keys of the vowels from U+1161 on.
const VOWELS: [&str; 21] = [
    "k", "o", "i", "o", "j", "p", "u", "p", "h", "hk", "ho", "hl", "y", "n", "nj", "np", "nl", "b", "m", "ml", "l",
];
/// The keys of the trailing consonants from U+11A8 on.
const TRAILING: [&str; 27] = [
    "r", "r", "rt", "s", "sw", "sg", "e", "f", "fr", "fa", "fq", "ft", "fx", "fv", "fg", "a", "q", "qt", "t", "t", "d",
    "w", "c", "z", "x", "v", "g",
];

/// An entry is no shorter: fewer keys stand in too many other words.
const SHORTEST: usize = 4;

/// Entries that follow one another and have so many keys together are no coincidence. Fewer are often part of another word, as
/// `alth` (미소) is of "although": they count only where they stand alone.
const NO_COINCIDENCE: usize = 6;

/// The entries of the list, as keys.
static ENTRIES: LazyLock<Entries> = LazyLock::new(|| {
    let keys: HashSet<String> = LIST.lines().map(|entry| keys(entry).to_string()).collect();
    let longest = keys.iter().map(String::len).max().unwrap_or_default();
    Entries { keys, longest }
});

struct Entries {
    keys: HashSet<String>,
    /// How many keys the longest has.
    longest: usize,
}

/// A text as the keys that it is typed with on a two-set keyboard, without shift. What is no Hangul stays, in lower case.
pub fn keys(text: &str) -> Zeroizing<String> {
    // At most six bytes for the three of a syllable, so that no copy is left behind by growing.
    let mut keys = Zeroizing::new(String::with_capacity(2 * text.len()));
    let mut push = |letter: char| match keys_of(letter) {
        Some(letters) => keys.push_str(letters),
        None => keys.push(letter),
    };
    for letter in text.nfkc().flat_map(char::to_lowercase) {
        match letter {
            '가'..='힣' => decompose_canonical(letter, &mut push),
            _ => push(letter),
        }
    }
    keys
}

fn keys_of(jamo: char) -> Option<&'static str> {
    let sets = [
        ('\u{1100}', &LEADING[..]),
        // ㅀ and ㅄ where they stand by themselves (NFKC).
        ('\u{111a}', &["fg"]),
        ('\u{1121}', &["qt"]),
        ('\u{1161}', &VOWELS),
        ('\u{11a8}', &TRAILING),
    ];
    sets.iter().find_map(|(first, keys)| {
        let at = u32::from(jamo).checked_sub(u32::from(*first))?;
        keys.get(usize::try_from(at).ok()?).copied()
    })
}

/// What `keys` have besides frequent Korean words, and besides the digits, spaces and punctuation around them: pieces with a
/// space between them. `None` where there is no such word.
pub fn besides_frequent_words(keys: &str) -> Option<Zeroizing<String>> {
    let text = Joined::new(keys);
    let found = text.frequent_words();
    if found.is_empty() {
        return None;
    }
    let mut rest = Zeroizing::new(String::with_capacity(2 * keys.len()));
    let mut is_apart = false;
    for (at, letter) in text.letters.char_indices() {
        let is_out = letter.is_numeric() || found.iter().any(|word| word.contains(&at));
        is_apart |= is_out || text.is_break(at);
        if !is_out {
            if is_apart && !rest.is_empty() {
                rest.push(' ');
            }
            rest.push(letter);
            is_apart = false;
        }
    }
    Some(rest)
}

/// A text without spaces and punctuation, so that these do not hide a word.
struct Joined {
    letters: Zeroizing<String>,
    /// Where they stood, as places in `letters`.
    breaks: HashSet<usize>,
}

impl Joined {
    fn new(text: &str) -> Self {
        let mut letters = Zeroizing::new(String::with_capacity(text.len()));
        let mut breaks = HashSet::new();
        for letter in text.chars() {
            if letter.is_whitespace() || letter.is_control() || letter.is_ascii_punctuation() {
                breaks.insert(letters.len());
            } else {
                letters.push(letter);
            }
        }
        Self { letters, breaks }
    }

    /// Whether a word may end or begin there.
    fn is_break(&self, at: usize) -> bool {
        at == 0 || at == self.letters.len() || self.breaks.contains(&at)
    }

    /// Where entries of the list stand. Entries that follow one another are one range; of all ways to choose them, one that
    /// leaves the fewest letters.
    fn frequent_words(&self) -> Vec<Range<usize>> {
        let Entries { keys, longest } = &*ENTRIES;
        let letters = self.letters.as_str();
        // For each place: how many bytes before it are left, and how long the entry is that ends there.
        let mut best = vec![(0, 0)];
        for (before, byte) in letters.bytes().enumerate() {
            let end = before + 1;
            let mut found = (best[before].0 + usize::from(!byte.is_ascii_digit()), 0);
            for length in SHORTEST..=end.min(*longest) {
                let left = best[end - length].0;
                if left < found.0 && letters.get(end - length..end).is_some_and(|part| keys.contains(part)) {
                    found = (left, length);
                }
            }
            best.push(found);
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut end = letters.len();
        while end > 0 {
            let length = best[end].1;
            match found.last_mut() {
                Some(after) if length > 0 && after.start == end => after.start -= length,
                _ if length > 0 => found.push(end - length..end),
                _ => {}
            }
            end -= length.max(1);
        }
        found.retain(|word| word.len() >= NO_COINCIDENCE || self.stands_alone(word));
        found
    }

    /// Whether no letter touches it.
    fn stands_alone(&self, word: &Range<usize>) -> bool {
        let (before, after) = (&self.letters[..word.start], &self.letters[word.end..]);
        let is_digit = |letter: Option<char>| letter.is_some_and(char::is_numeric);
        (self.is_break(word.start) || is_digit(before.chars().next_back()))
            && (self.is_break(word.end) || is_digit(after.chars().next()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rest(text: &str) -> Option<String> {
        besides_frequent_words(&keys(text)).map(|rest| rest.to_string())
    }

    #[test]
    fn hangul_is_taken_apart_into_the_keys_of_the_two_set_layout() {
        for (hangul, typed) in [
            ("안녕하세요", "dkssudgktpdy"),
            ("비밀번호", "qlalfqjsgh"),
            ("대한민국", "eogksalsrnr"),
            ("닭값 없는 왜 뷁 의원", "ekfrrkqt djqtsms dho qnpfr dmldnjs"),
            ("빨리 쪼개 얘 꼭 예 써", "qkffl whro do rhr dp tj"),
            ("ㅁㄴㅇㄹ ㅋㅋ ㅠㅠ ㄳ", "asdf zz bb rt"),
            ("한Gul 2", "gksgul 2"),
            ("é と 漢", "é と 漢"),
        ] {
            assert_eq!(*keys(hangul), typed, "{hangul}");
        }
    }

    #[test]
    fn the_list_is_long_and_has_no_entry_that_is_short_or_there_twice() {
        let entries: Vec<&str> = LIST.lines().collect();
        let hangul = entries
            .iter()
            .filter(|entry| entry.chars().any(|letter| letter >= '가'));
        assert!(hangul.count() >= 300);
        assert_eq!(ENTRIES.keys.len(), entries.len(), "an entry is there twice");
        for entry in entries {
            let keys = keys(entry);
            assert!(keys.len() >= SHORTEST, "{entry}");
            assert!(
                keys.bytes().all(|key| key.is_ascii_lowercase() || key.is_ascii_digit()),
                "{entry}"
            );
        }
    }

    #[test]
    fn what_is_left_is_what_no_entry_covers() {
        for (text, left) in [
            ("안녕하세요 보라색 얼룩말 7", "qhfktor djffnrakf"),
            ("purple안녕하세요zebra", "purple zebra"),
            ("사랑 a1b", "a b"),
            ("d.k.s.s.u.d.g.k.t.p.d.y", ""),
            ("안녕하세요🦀", "🦀"),
        ] {
            assert_eq!(rest(text).as_deref(), Some(left), "{text}");
        }
    }

    /// `alth`, `unni` and `skan` are keys of entries.
    #[test]
    fn a_few_keys_within_another_word_are_no_korean_word() {
        for text in [
            "although a healthy zebra",
            "running alaskan herons",
            "pneumonoultramicroscopic",
            "12345",
        ] {
            assert_eq!(rest(text), None, "{text}");
        }
        for text in ["alth", "7alth7", "a alth b", "althunni"] {
            assert!(rest(text).is_some(), "{text}");
        }
    }

    /// A text as it may be typed: in Hangul, on Latin keys, and there with shift.
    fn typed(hangul: &str, how: usize) -> String {
        match how {
            0 => hangul.to_owned(),
            1 => keys(hangul).to_string(),
            _ => keys(hangul).to_uppercase(),
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_entries_however_they_are_typed_and_joined(
            parts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, "[0-9 !._~-]{0,4}"), 1..6)
        ) {
            let entries: Vec<&str> = LIST.lines().collect();
            let part = |(entry, how, after): &(prop::sample::Index, usize, String)| typed(entry.get(&entries), *how) + after;
            let text: String = parts.iter().map(part).collect();
            prop_assert_eq!(rest(&text), Some(String::new()), "{}", text);
        }

        #[test]
        fn it_does_not_matter_how_hangul_was_put_together(text in "[가-힣ㄱ-ㅣ a-z]{0,20}") {
            let apart: String = text.nfd().collect();
            prop_assert_eq!(&*keys(&apart), &*keys(&text));
            prop_assert!(keys(&text).is_ascii());
        }

        #[test]
        fn no_text_makes_it_fail(text in any::<String>()) {
            let keys = keys(&text);
            if let Some(rest) = besides_frequent_words(&keys) {
                prop_assert!(rest.chars().filter(|letter| *letter != ' ').all(|letter| keys.contains(letter)));
            }
        }
    }
}
