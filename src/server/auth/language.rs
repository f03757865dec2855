//! The language that a request asks for: by the language cookie, or by the header `Accept-Language`.

use axum::http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};

use super::cookies::{CookieName, Cookies};
use crate::contract::Language;

/// The maximum number of language ranges that are read.
const MAX_RANGES: usize = 20;

/// The language that a request asks for: the one that was chosen in this browser, or else the one that its settings prefer, or
/// else the one of the site.
pub fn requested(cookies: &Cookies<'_>, headers: &HeaderMap, of_site: Language) -> Language {
    let chosen = cookies.get(CookieName::Language).and_then(|tag| tag.parse().ok());
    chosen.or_else(|| accepted(headers)).unwrap_or(of_site)
}

/// The language that the header prefers among ours, if it names one (RFC 9110, section 12.5.4).
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let values = headers.get_all(ACCEPT_LANGUAGE).iter();
    let values = values.filter_map(|value| HeaderValue::to_str(value).ok());
    preferred(values.flat_map(|value| value.split(',')))
}

/// The best of the ranges. Of equally good ones, the first.
fn preferred<'a>(ranges: impl Iterator<Item = &'a str>) -> Option<Language> {
    let mut best: Option<(u16, Language)> = None;
    for (weight, language) in ranges.take(MAX_RANGES).filter_map(parsed) {
        if weight > best.map_or(0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A range with its weight in thousandths. `None` if it is malformed or means none of our languages.
fn parsed(range: &str) -> Option<(u16, Language)> {
    let (range, weight) = match range.split_once(';') {
        Some((range, parameter)) => (range, weight(parameter)?),
        None => (range, 1000),
    };
    Some((weight, looked_up(range.trim())?))
}

/// RFC 9110, section 12.4.2: from 0 to 1 with at most three decimals.
fn weight(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let value = value.trim();
    let is_weight = name.trim().eq_ignore_ascii_case("q")
        && value.len() <= 5
        && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f32 = value.parse().ok().filter(|_| is_weight)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    (0.0..=1.0).contains(&number).then(|| (number * 1000.0).round() as u16)
}

/// RFC 4647, section 3.4: a range loses subtags from its end until it is the tag of a language. `*` means none of ours.
fn looked_up(range: &str) -> Option<Language> {
    let first = range.split('-').next()?;
    first.to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(header: &str) -> Option<Language> {
        preferred(header.split(','))
    }

    #[test]
    fn the_language_with_the_greatest_weight_is_preferred() {
        for (header, expected) in [
            ("ko", Some(Language::Ko)),
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Some(Language::Ko)),
            ("en-US,ko;q=0.8", Some(Language::En)),
            ("en;q=0.5, KO-kr;q=0.6", Some(Language::Ko)),
            ("fr, de;q=0.9, ko;q=0.1", Some(Language::Ko)),
            ("ko, en", Some(Language::Ko)),
            ("en, ko", Some(Language::En)),
            ("ko;q=0, en;q=0.001", Some(Language::En)),
            // Konkani, and a language that begins with our letters.
            ("kok, enm", None),
            ("ko;q=0", None),
            ("*", None),
            ("", None),
            ("ko;q=2, en;q=x", None),
            ("ko;level=1, en", Some(Language::En)),
        ] {
            assert_eq!(of(header), expected, "{header}");
        }
        let many = format!("{}ko", "fr,".repeat(MAX_RANGES));
        assert_eq!(of(&many), None);
    }

    proptest! {
        #[test]
        fn no_header_is_too_wild(header in "\\PC*") {
            of(&header);
        }

        #[test]
        fn a_header_of_one_language_means_that_one(region in "(-[A-Za-z0-9]{1,8}){0,3}", weight in 1..=1000_u32) {
            let header = format!("ko{region};q={}", f64::from(weight) / 1000.0);
            prop_assert_eq!(of(&header), Some(Language::Ko));
        }
    }
}
