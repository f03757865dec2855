//! User names: which ones are valid, and which ones could be confused with one another.
//!
//! A name consists of ASCII letters, digits and four punctuation characters. So white space, composed accents and
//! letters of other alphabets cannot make two names look the same. Two names can still differ only in case, or in
//! lookalikes within ASCII. Such names are twins, and a twin of an existing name cannot be added.
//!
//! At login, case does not matter, and neither does white space that a phone keyboard adds. Twins from before this rule
//! are distinguished by their exact spelling.

use unicode_normalization::UnicodeNormalization as _;

pub use crate::contract::user::is_user_id as is_allowed;
use crate::{contract::Message, message};

/// The rule of [`is_allowed`], as a text that follows the name of the field.
pub const RULE: Message = message!("must be 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -");

/// Characters of names that look like others, with their prototypes (Unicode UTS #39, `confusables.txt`).
const LOOKALIKES: [(char, &str); 4] = [('0', "O"), ('1', "l"), ('I', "l"), ('m', "rn")];

/// Normalizes a name that was typed: removes surrounding white space, and converts variants such as full-width letters
/// (NFKC), which keyboards for other scripts produce.
pub fn normalize(typed: &str) -> String {
    typed.trim().nfkc().collect()
}

/// The key that names have in common if they differ only in case.
pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The key that names have in common if they look the same (the skeleton of Unicode UTS #39, section 4).
pub fn skeleton(name: &str) -> String {
    let mut skeleton = String::with_capacity(name.len());
    for letter in name.chars() {
        match LOOKALIKES.iter().find(|(lookalike, _)| *lookalike == letter) {
            Some((_, prototype)) => skeleton.push_str(prototype),
            None => skeleton.push(letter),
        }
    }
    skeleton
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twins_share_a_key_and_others_do_not() {
        for (one, other) in [
            ("alice", "Alice"),
            ("Ian", "lan"),
            ("user01", "user0l"),
            ("user01", "userO1"),
            ("torn", "tom"),
        ] {
            assert!(
                folded(one) == folded(other) || skeleton(one) == skeleton(other),
                "{one} {other}"
            );
        }
        for (one, other) in [
            ("ian", "lan"),
            ("user01", "user02"),
            ("a.b", "ab"),
            ("a-b", "a_b"),
            ("bob", "bobo"),
        ] {
            assert!(
                folded(one) != folded(other) && skeleton(one) != skeleton(other),
                "{one} {other}"
            );
        }
    }

    /// The table above contains all lookalikes of UTS #39 that can occur in names.
    #[test]
    fn every_character_of_a_name_has_the_skeleton_that_unicode_gives_it() {
        for name in (0..=u8::MAX)
            .map(|byte| char::from(byte).to_string())
            .filter(|name| is_allowed(name))
        {
            let expected: String = unicode_security::skeleton(&name).collect();
            assert_eq!(skeleton(&name), expected, "{name}");
        }
    }

    proptest! {
        /// Names cannot differ only in white space, composition, width or alphabet.
        #[test]
        fn a_valid_name_is_its_own_normal_form(name in any::<String>()) {
            let normal: String = name.trim().nfkc().collect();
            if is_allowed(&name) {
                prop_assert_eq!(&normal, &name);
                let breaks_out = |letter: char| letter.is_control() || "<>\"'&{}\\/% ".contains(letter);
                prop_assert!(name.is_ascii());
                prop_assert!(!name.contains(breaks_out));
            }
        }

        /// So each key divides all names into groups.
        #[test]
        fn both_keys_are_idempotent(name in "[A-Za-z0-9._@-]{1,64}") {
            prop_assert!(is_allowed(&name));
            prop_assert_eq!(folded(&folded(&name)), folded(&name));
            prop_assert_eq!(skeleton(&skeleton(&name)), skeleton(&name));
        }
    }
}
