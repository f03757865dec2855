//! The names of users: which may be given, and which of them would be mistaken for one another.
//!
//! A name is written in ASCII letters, digits and four signs. So neither white space, nor accents that can be composed in
//! several ways, nor letters of another alphabet can make two names look like one. What is left are upper and lower case,
//! and the few lookalikes within ASCII: names that differ in nothing else are twins, and the second one is not added.
//!
//! Who logs in may write the name in upper or lower case and as a phone's keyboard leaves it. Names that were twins before that
//! rule are told apart by how they are written exactly.

use unicode_normalization::UnicodeNormalization as _;

pub use crate::contract::user::is_user_id as is_allowed;

/// What [`is_allowed`] asks of a name, in words that follow its field.
pub const RULE: &str = "must be 1 to 64 letters (a to z, A to Z), digits or any of . _ @ -";

/// Lookalikes among the characters of names, each with what stands for it (Unicode UTS #39, `confusables.txt`).
const LOOKALIKES: [(char, &str); 4] = [('0', "O"), ('1', "l"), ('I', "l"), ('m', "rn")];

/// A name as it was meant by who typed it: without white space around it, and in the form that keyboards for other scripts write
/// differently (NFKC).
pub fn as_meant(typed: &str) -> String {
    typed.trim().nfkc().collect()
}

/// What names have in common that differ in upper and lower case only.
pub fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// What names have in common that look alike (the skeleton of Unicode UTS #39, section 4).
pub fn skeleton(name: &str) -> String {
    let mut skeleton = String::with_capacity(name.len());
    for letter in name.chars() {
        match LOOKALIKES.iter().find(|(lookalike, _)| *lookalike == letter) {
            Some((_, stands_for)) => skeleton.push_str(stands_for),
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
    fn twins_have_something_in_common_and_others_have_not() {
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

    /// The table above is all that Unicode knows of lookalikes in names.
    #[test]
    fn every_character_of_a_name_has_the_skeleton_that_unicode_gives_it() {
        for name in (0..=u8::MAX)
            .map(|byte| char::from(byte).to_string())
            .filter(|name| is_allowed(name))
        {
            let told: String = unicode_security::skeleton(&name).collect();
            assert_eq!(skeleton(&name), told, "{name}");
        }
    }

    proptest! {
        /// What differs by white space, composition, width or alphabet is no name at all
        #[test]
        fn what_is_not_its_own_normal_form_is_no_name(name in any::<String>()) {
            let normal: String = name.trim().nfkc().collect();
            if is_allowed(&name) {
                prop_assert_eq!(&normal, &name);
                let breaks_out = |letter: char| letter.is_control() || "<>\"'&{}\\/% ".contains(letter);
                prop_assert!(name.is_ascii());
                prop_assert!(!name.contains(breaks_out));
            }
        }

        /// Twins are twins of twins: either key alone sorts all names into groups.
        #[test]
        fn both_keys_are_settled(name in "[A-Za-z0-9._@-]{1,64}") {
            prop_assert!(is_allowed(&name));
            prop_assert_eq!(folded(&folded(&name)), folded(&name));
            prop_assert_eq!(skeleton(&skeleton(&name)), skeleton(&name));
        }
    }
}
