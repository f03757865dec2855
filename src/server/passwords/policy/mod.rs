//! The password policy (NIST SP 800-63B, 3.1.1.2; OWASP ASVS 6.2).
//!
//! A password has a minimum and a maximum length, must not contain the name of the user or the product, and must not be
//! easy to guess. zxcvbn finds common passwords and patterns. It does not know Korean, so a list of frequent Korean
//! words supplements it. Every character is allowed, no kind of character is required, and passwords do not expire.
//! Each rejection comes with its reason.

mod korean;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zxcvbn::{
    Score,
    feedback::{Feedback, Warning},
    zxcvbn,
};

use super::{is_too_long, normalize};
use crate::{
    contract::{
        Message,
        limits::too_long,
        login::{NewPassword, Password},
    },
    message,
};

/// The name of the product, which attackers try first.
const PRODUCT: &str = "callgate";

/// Shorter user names occur in good passwords by chance, so they are not searched for.
const MIN_NAME_CHARS: usize = 3;

/// Why the policy rejects `password` for `user_id`, as a text that follows "password". `None` if it is acceptable.
pub fn problem(password: &NewPassword, user_id: &str, min_chars: usize) -> Option<Message> {
    let NewPassword(password) = password;
    if is_too_long(password) {
        return Some(too_long(Password::MAX_CHARS));
    }
    let text = normalize(password);
    let folded = Zeroizing::new(text.to_lowercase());
    let user = user_id.nfkc().collect::<String>().to_lowercase();
    if text.chars().count() < min_chars {
        return Some(message!(
            "must have at least {min} characters: a few words make a good one",
            min = min_chars
        ));
    }
    if user.chars().count() >= MIN_NAME_CHARS && folded.contains(user.as_str()) {
        return Some(message!(
            "must not contain the name of the user: attackers try that first"
        ));
    }
    if folded.contains(PRODUCT) {
        return Some(message!(
            "must not contain the name of this program: attackers try that first"
        ));
    }
    let keys = korean::keys(&text);
    let reason = guessable(&folded, &user)
        // An English word typed on a keyboard that was switched to Hangul.
        .or_else(|| (*keys != *folded).then(|| guessable(&keys, &user)).flatten())
        .or_else(|| guessable_korean(&keys, &user, min_chars))?;
    Some(message!("is too easily guessed: {reason}", reason))
}

/// Why zxcvbn finds a text too easy to guess, if it does.
fn guessable(text: &str, user: &str) -> Option<Message> {
    let guess = zxcvbn(text, &[user, PRODUCT]);
    (guess.score() < Score::Three).then(|| {
        let warning = guess.feedback().and_then(Feedback::warning);
        warning.map_or(message!("it is made of parts that attackers try first"), message_of)
    })
}

/// The text of a warning, as part of a sentence.
fn message_of(warning: Warning) -> Message {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => message!("straight rows of keys are easy to guess"),
        Warning::ShortKeyboardPatternsAreEasyToGuess => message!("short keyboard patterns are easy to guess"),
        Warning::RepeatsLikeAaaAreEasyToGuess => message!("repeats like \"aaa\" are easy to guess"),
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            message!("repeats like \"abcabcabc\" are only slightly harder to guess than \"abc\"")
        }
        Warning::ThisIsATop10Password => message!("this is a top-10 common password"),
        Warning::ThisIsATop100Password => message!("this is a top-100 common password"),
        Warning::ThisIsACommonPassword => message!("this is a very common password"),
        Warning::ThisIsSimilarToACommonlyUsedPassword => message!("this is similar to a commonly used password"),
        Warning::SequencesLikeAbcAreEasyToGuess => message!("sequences like abc or 6543 are easy to guess"),
        Warning::RecentYearsAreEasyToGuess => message!("recent years are easy to guess"),
        Warning::AWordByItselfIsEasyToGuess => message!("a word by itself is easy to guess"),
        Warning::DatesAreOftenEasyToGuess => message!("dates are often easy to guess"),
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess => {
            message!("names and surnames by themselves are easy to guess")
        }
        Warning::CommonNamesAndSurnamesAreEasyToGuess => message!("common names and surnames are easy to guess"),
    }
}

/// Why a password with frequent Korean words is too easy to guess, if it is. These words do not count: what remains
/// must be as long, in keys, and as strong as a whole password.
fn guessable_korean(keys: &str, user: &str, min_chars: usize) -> Option<Message> {
    let rest = korean::without_frequent_words(keys)?;
    if rest.is_empty() {
        return Some(message!("it is made of Korean words that attackers try first"));
    }
    (rest.chars().count() < min_chars || guessable(&rest, user).is_some())
        .then(|| message!("apart from Korean words that attackers try first, it is too short or too simple"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<String> {
        let problem = super::problem(&NewPassword(Password::new(text.to_owned())), "ada.lovelace", 15);
        problem.map(|problem| problem.english().to_owned())
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert!(problem("kurz, aber gut").is_some_and(|why| why.contains("at least 15")));
        assert_eq!(problem("ölige Äpfel über Öfen"), None);
        assert_eq!(problem(&"schnörkel und 7 Zebras; ".repeat(10)), None);
        assert!(problem(&"schnörkel und 7 Zebras; ".repeat(11)).is_some_and(|why| why.contains("at most 256")));
    }

    #[test]
    fn every_character_is_allowed_and_none_is_required() {
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
    fn common_passwords_and_patterns_are_rejected_with_the_reason() {
        for bad in [
            "passwordpassword",
            "123456789012345",
            "aaaaaaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "abcabcabcabcabcabc",
        ] {
            let why = problem(bad).unwrap_or_else(|| panic!("{bad} was accepted"));
            assert!(why.contains("too easily guessed"), "{bad}: {why}");
        }
        let short = super::problem(&NewPassword(Password::new("football1".into())), "ada", 8);
        assert!(short.is_some_and(|why| why.english().contains("too easily guessed")));
    }

    /// In Hangul, typed on the Latin keys of the same word (two-set layout), and combined from several words.
    #[test]
    fn frequent_korean_words_are_rejected_and_other_korean_is_accepted() {
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
            let why = problem(bad).unwrap_or_else(|| panic!("{bad} was accepted"));
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
    fn the_names_of_user_and_product_are_rejected_in_any_case_and_width() {
        for bad in ["Ada.LOVELACE and 7 zebras", "my ＣａｌｌＧａｔｅ and 7 zebras"] {
            assert!(
                problem(bad).is_some_and(|why| why.contains("must not contain the name")),
                "{bad}"
            );
        }
    }
}
