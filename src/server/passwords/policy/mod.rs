//! Which passwords may be chosen (NIST SP 800-63B, 3.1.1.2; OWASP ASVS 6.2).
//!
//! Long enough, not too long, and not easily guessed: not among the common ones, nor made of the names that everybody
//! would try first, nor of frequent Korean words, which zxcvbn does not know. Every character is allowed, none is demanded,
//! nothing expires. Each refusal says its reason.

mod korean;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zxcvbn::{Score, zxcvbn};

use super::{is_too_long, normalised};
use crate::contract::{
    letter_case::uncapitalized,
    login::{NewPassword, Password},
};

/// What everybody would try here.
const PRODUCT: &str = "callgate";

/// A name shorter than this is too likely to be in a good password by chance.
const SHORTEST_NAME: usize = 3;

/// Why `password` may not be the new password of `user_id`, in words that go after "password". `None` if it may.
pub fn problem(password: &NewPassword, user_id: &str, min_chars: usize) -> Option<String> {
    let NewPassword(password) = password;
    if is_too_long(password) {
        return Some(format!("must have at most {} characters", Password::MAX_CHARS));
    }
    let text = normalised(password);
    let folded = Zeroizing::new(text.to_lowercase());
    let user = user_id.nfkc().collect::<String>().to_lowercase();
    if text.chars().count() < min_chars {
        return Some(format!(
            "must have at least {min_chars} characters: a few words make a good one"
        ));
    }
    if user.chars().count() >= SHORTEST_NAME && folded.contains(user.as_str()) {
        return Some("must not contain the name of the user: attackers try that first".to_owned());
    }
    if folded.contains(PRODUCT) {
        return Some("must not contain the name of this program: attackers try that first".to_owned());
    }
    let keys = korean::keys(&text);
    let why = too_easy(&folded, &user)
        // An English word that was typed with Hangul switched on.
        .or_else(|| (*keys != *folded).then(|| too_easy(&keys, &user)).flatten())
        .or_else(|| korean_words(&keys, &user, min_chars))?;
    Some(format!("is too easily guessed: {why}"))
}

/// Why it is too easily guessed, if it is.
fn too_easy(text: &str, user: &str) -> Option<String> {
    let guess = zxcvbn(text, &[user, PRODUCT]);
    (guess.score() < Score::Three).then(|| {
        let warning = guess.feedback().and_then(zxcvbn::feedback::Feedback::warning);
        warning.map_or_else(
            || "it is made of parts that attackers try first".to_owned(),
            |why| uncapitalized(why.to_string().trim_end_matches('.')),
        )
    })
}

/// Why a password with frequent Korean words is too easily guessed, if it is: they count for nothing, so the rest must be as
/// long and as strong as a whole password, in keys.
fn korean_words(keys: &str, user: &str, min_chars: usize) -> Option<String> {
    let rest = korean::besides_frequent_words(keys)?;
    if rest.is_empty() {
        return Some("it is made of Korean words that attackers try first".to_owned());
    }
    (rest.chars().count() < min_chars || too_easy(&rest, user).is_some())
        .then(|| "it has too little besides Korean words that attackers try first".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<String> {
        super::problem(&NewPassword(Password::new(text.to_owned())), "ada.lovelace", 15)
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(problem("kurz, aber gut").is_some_and(|why| why.contains("at least 15")));
        assert_eq!(problem("ölige Äpfel über Öfen"), None);
        assert_eq!(problem(&"schnörkel und 7 Zebras; ".repeat(10)), None);
        assert!(problem(&"schnörkel und 7 Zebras; ".repeat(11)).is_some_and(|why| why.contains("at most 256")));
    }

    #[test]
    fn every_character_is_allowed_and_none_is_demanded() {
        for good in [
            "only small letters here",
            "пять жёлтых лимонов",
            "🦀🦞🦐🦑🐙🐚🐠🐟🐡🦈🐳🐋🐬🦭🐊",
            "  two  spaces  each  way  ",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
    }

    #[test]
    fn common_passwords_and_patterns_are_refused_with_the_reason() {
        for bad in [
            "passwordpassword",
            "123456789012345",
            "aaaaaaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "abcabcabcabcabcabc",
        ] {
            let why = problem(bad).unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(why.contains("too easily guessed"), "{bad}: {why}");
        }
        let short = super::problem(&NewPassword(Password::new("football1".into())), "ada", 8);
        assert!(short.is_some_and(|why| why.contains("too easily guessed")));
    }

    /// Neither in Hangul nor on the Latin keys of the same word (two-set layout), nor put together from several.
    #[test]
    fn frequent_korean_words_are_refused_and_other_korean_is_taken() {
        for bad in [
            "dkssudgktpdydkssudgktpdy",
            "DKSSUDgktpdy1234!!!!",
            "안녕하세요dkssudgktpdy",
            "동해물과 백두산이 마르고 닳도록",
            "사랑해 우리 엄마 아빠 대한민국 만세",
            "qlalfqjsghqusrudqlalfqjsgh",
            "eogksalsrnraksto2024",
            "tkfkdgodudgml1004!!",
            "안녕하세요 zebra 7654321",
            "ㅔㅁㄴㄴ잭ㅇ123456789",
        ] {
            let why = problem(bad).unwrap_or_else(|| panic!("{bad} was taken"));
            assert!(why.contains("too easily guessed"), "{bad}: {why}");
        }
        for good in [
            "보라색 얼룩말 일곱 마리가 밤에 헤엄친다",
            "qhfktor djffnrakf dlfrhq akflrk",
            "우리 할머니는 새벽마다 두부를 굽는다",
            "안녕하세요, purple zebras swim by",
            "although a healthy zebra swims",
        ] {
            assert_eq!(problem(good), None, "{good}");
        }
    }

    #[test]
    fn the_names_of_user_and_product_are_refused_in_any_case_and_width() {
        for bad in ["Ada.LOVELACE and 7 zebras", "my ＣａｌｌＧａｔｅ and 7 zebras"] {
            assert!(
                problem(bad).is_some_and(|why| why.contains("must not contain the name")),
                "{bad}"
            );
        }
    }
}
