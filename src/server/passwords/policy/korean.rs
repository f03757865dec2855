//! Finds frequent Korean words in a password, written in Hangul or typed on Latin keys.
//!
//! Most Korean keyboards have the two-set layout (dubeolsik, KS X 5002). Typing 안녕하세요 on it in Latin mode gives
//! `dkssudgktpdy`. Passwords and list entries are compared as such keys, so a word is found in both forms and in any
//! mixture of them. Decomposing Hangul into keys is unambiguous (Unicode 3.12, Hangul syllable decomposition).
//! Composing keys is not, because the end of a syllable depends on the keys that follow.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization as _, char::decompose_canonical};
use zeroize::Zeroizing;

/// Frequent passwords, words and phrases, one per line, in Hangul or Latin letters.
const LIST: &str = include_str!("frequent_korean.txt");

/// The keys of the leading consonants from U+1100 on, without shift.
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

/// The minimum number of keys of an entry. Shorter sequences occur in too many other words.
const MIN_ENTRY_KEYS: usize = 4;

/// Adjacent entries with at least this many keys in total always count. Shorter ones are often part of another word, as
/// `alth` (미소) is part of "although", so they count only as separate words.
const MIN_RUN_KEYS: usize = 6;

static ENTRIES: LazyLock<Entries> = LazyLock::new(|| {
    let keys: HashSet<String> = LIST.lines().map(|entry| keys(entry).to_string()).collect();
    let longest = keys.iter().map(String::len).max().unwrap_or_default();
    Entries { keys, longest }
});

struct Entries {
    keys: HashSet<String>,
    /// The length of the longest entry, in keys.
    longest: usize,
}

/// Converts a text to the keys that type it on a two-set keyboard, without shift. Other characters become lowercase.
pub fn keys(text: &str) -> Zeroizing<String> {
    // Enough for the longest result (six bytes for the three of a syllable): growing would leave a copy in memory.
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
        // ㅀ and ㅄ on their own (NFKC).
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

/// Removes frequent Korean words, and all digits, spaces and punctuation. Returns the remaining pieces, separated by
/// spaces, or `None` if there is no frequent word.
pub fn without_frequent_words(keys: &str) -> Option<Zeroizing<String>> {
    let text = Joined::new(keys);
    let found = text.frequent_words();
    if found.is_empty() {
        return None;
    }
    let mut rest = Zeroizing::new(String::with_capacity(2 * keys.len()));
    let mut is_new_piece = false;
    for (at, letter) in text.letters.char_indices() {
        let is_removed = letter.is_numeric() || found.iter().any(|word| word.contains(&at));
        is_new_piece |= is_removed || text.is_break(at);
        if !is_removed {
            if is_new_piece && !rest.is_empty() {
                rest.push(' ');
            }
            rest.push(letter);
            is_new_piece = false;
        }
    }
    Some(rest)
}

/// A text without spaces and punctuation, which could otherwise hide a word.
struct Joined {
    letters: Zeroizing<String>,
    /// The byte offsets in `letters` at which spaces or punctuation were removed.
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

    /// Whether `at` is a word boundary.
    fn is_break(&self, at: usize) -> bool {
        at == 0 || at == self.letters.len() || self.breaks.contains(&at)
    }

    /// Finds the entries of the list, as byte ranges. Chooses entries so that the fewest letters remain, and merges
    /// adjacent ones.
    fn frequent_words(&self) -> Vec<Range<usize>> {
        let Entries { keys, longest } = &*ENTRIES;
        let letters = self.letters.as_str();
        // Dynamic programming. For each end: the bytes before it that no entry covers, not counting digits, and the
        // length of the entry that ends there (0 for none).
        let mut best = vec![(0, 0)];
        for (at, byte) in letters.bytes().enumerate() {
            let end = at + 1;
            let mut found = (best[at].0 + usize::from(!byte.is_ascii_digit()), 0);
            for length in MIN_ENTRY_KEYS..=end.min(*longest) {
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
        found.retain(|word| word.len() >= MIN_RUN_KEYS || self.is_separate(word));
        found
    }

    /// Whether there is a boundary or a digit on both sides.
    fn is_separate(&self, word: &Range<usize>) -> bool {
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
        without_frequent_words(&keys(text)).map(|rest| rest.to_string())
    }

    #[test]
    fn hangul_is_decomposed_into_the_keys_of_the_two_set_layout() {
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
    fn the_list_is_long_and_has_no_short_or_duplicate_entry() {
        let entries: Vec<&str> = LIST.lines().collect();
        let hangul = entries
            .iter()
            .filter(|entry| entry.chars().any(|letter| letter >= '가'));
        assert!(hangul.count() >= 300);
        assert_eq!(ENTRIES.keys.len(), entries.len(), "duplicate entry");
        for entry in entries {
            let keys = keys(entry);
            assert!(keys.len() >= MIN_ENTRY_KEYS, "{entry}");
            assert!(
                keys.bytes().all(|key| key.is_ascii_lowercase() || key.is_ascii_digit()),
                "{entry}"
            );
        }
    }

    #[test]
    fn the_rest_is_not_covered_by_any_entry() {
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
    fn a_few_keys_within_another_word_do_not_count() {
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

    /// A text in Hangul (0), on Latin keys (1), or on Latin keys with shift (2).
    fn typed(hangul: &str, form: usize) -> String {
        match form {
            0 => hangul.to_owned(),
            1 => keys(hangul).to_string(),
            _ => keys(hangul).to_uppercase(),
        }
    }

    proptest! {
        #[test]
        fn entries_are_removed_in_any_form_and_combination(
            parts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_usize, "[0-9 !._~-]{0,4}"), 1..6)
        ) {
            let entries: Vec<&str> = LIST.lines().collect();
            let part = |(entry, form, after): &(prop::sample::Index, usize, String)| {
                typed(entry.get(&entries), *form) + after
            };
            let text: String = parts.iter().map(part).collect();
            prop_assert_eq!(rest(&text), Some(String::new()), "{}", text);
        }

        #[test]
        fn composed_and_decomposed_hangul_have_the_same_keys(text in "[가-힣ㄱ-ㅣ a-z]{0,20}") {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(&*keys(&decomposed), &*keys(&text));
            prop_assert!(keys(&text).is_ascii());
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let keys = keys(&text);
            if let Some(rest) = without_frequent_words(&keys) {
                prop_assert!(rest.chars().filter(|letter| *letter != ' ').all(|letter| keys.contains(letter)));
            }
        }
    }
}
