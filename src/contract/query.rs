//! What an address asks for: the fields of a filter, as a form sends them. What is empty does not count, because a form sends
//! all its fields.
//!
//! What cannot be meant is refused. To leave it out would show more than was asked for, and to look for it would show
//! nothing, as if it had never happened.

use std::str::FromStr;

use jiff::civil::Date;

use super::{RangedInt, Refusal, Text};

/// A text.
///
/// # Errors
/// Says which limit it breaks.
pub fn text<const MIN: usize, const MAX: usize>(field: &str, asked: &str) -> Result<Option<Text<MIN, MAX>>, Refusal> {
    read(asked, |text| {
        Text::new(text).map_err(|why| Refusal::of_argument(field, why))
    })
}

/// One of the things that have a name.
///
/// # Errors
/// None has that one.
pub fn one<T: FromStr>(field: &str, asked: &str) -> Result<Option<T>, Refusal> {
    read(asked, |text| {
        text.parse()
            .map_err(|_| Refusal::of_argument(field, "is not one of the choices"))
    })
}

/// A day.
///
/// # Errors
/// It is none.
pub fn day(field: &str, asked: &str) -> Result<Option<Date>, Refusal> {
    let problem = "must be a day such as 2026-01-31";
    read(asked, |text| {
        text.parse().map_err(|_| Refusal::of_argument(field, problem))
    })
}

/// A number from 1 on.
///
/// # Errors
/// It is none.
pub fn number(field: &str, asked: &str) -> Result<Option<RangedInt<1, { i64::MAX }>>, Refusal> {
    read(asked, |text| {
        let number = text.parse().ok().and_then(|number| RangedInt::new(number).ok());
        number.ok_or_else(|| Refusal::of_argument(field, "must be a whole number of at least 1"))
    })
}

fn read<T>(asked: &str, read: impl Fn(&str) -> Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match asked.trim() {
        "" => Ok(None),
        text => read(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::audit::Action;

    #[test]
    fn what_is_empty_does_not_count_and_what_cannot_be_meant_is_refused() {
        for empty in ["", " "] {
            assert_eq!(text::<1, 4>("a", empty), Ok(None));
            assert_eq!(one::<Action>("a", empty), Ok(None));
            assert_eq!((day("a", empty), number("a", empty)), (Ok(None), Ok(None)));
        }
        assert_eq!(text::<1, 4>("a", " ada ").unwrap().unwrap().to_string(), "ada");
        assert_eq!(one("a", "login"), Ok(Some(Action::Login)));
        assert_eq!(number("a", "7").unwrap().map(RangedInt::get), Some(7));
        assert!(text::<1, 4>("a", "long text").is_err());
        assert!(one::<Action>("a", "loggin").is_err());
        assert!(day("a", "yesterday").is_err());
        for wrong in ["0", "-1", "x", "99999999999999999999"] {
            assert!(number("a", wrong).is_err(), "{wrong}");
        }
    }
}
