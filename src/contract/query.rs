//! Parses the filters in a query string. Empty values are ignored, because a form sends all its fields.
//!
//! Invalid filters are errors. Ignoring one would return too much; applying it would return nothing.

use std::str::FromStr;

use jiff::civil::Date;

use super::{RangedInt, Refusal, Text};
use crate::message;

/// Parses a text.
pub fn text<const MIN: usize, const MAX: usize>(field: &str, value: &str) -> Result<Option<Text<MIN, MAX>>, Refusal> {
    parse_unless_empty(value, |text| {
        Text::new(text).map_err(|problem| Refusal::of_argument(field, problem))
    })
}

/// Parses one of a set of names, such as those of an enum.
pub fn one<T: FromStr>(field: &str, value: &str) -> Result<Option<T>, Refusal> {
    parse_unless_empty(value, |text| {
        text.parse()
            .map_err(|_| Refusal::of_argument(field, message!("is not one of the choices")))
    })
}

/// Parses a day, such as 2026-01-31.
pub fn day(field: &str, value: &str) -> Result<Option<Date>, Refusal> {
    let problem = || message!("must be a date such as 2026-01-31");
    parse_unless_empty(value, |text| {
        text.parse().map_err(|_| Refusal::of_argument(field, problem()))
    })
}

/// Parses a positive whole number.
pub fn number(field: &str, value: &str) -> Result<Option<RangedInt<1, { i64::MAX }>>, Refusal> {
    parse_unless_empty(value, |text| {
        let number = text.parse().ok().and_then(|number| RangedInt::new(number).ok());
        number.ok_or_else(|| Refusal::of_argument(field, message!("must be a whole number of at least 1")))
    })
}

/// Parses an hour of the day.
pub fn hour(field: &str, value: &str) -> Result<Option<RangedInt<0, 23>>, Refusal> {
    parse_unless_empty(value, |text| {
        let hour = text.parse().ok().and_then(|hour| RangedInt::new(hour).ok());
        hour.ok_or_else(|| Refusal::of_argument(field, message!("must be an hour from 0 to 23")))
    })
}

fn parse_unless_empty<T>(value: &str, parse: impl Fn(&str) -> Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match value.trim() {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::audit::Action;

    #[test]
    fn empty_values_are_ignored_and_invalid_ones_refused() {
        for empty in ["", " "] {
            assert_eq!(text::<1, 4>("a", empty), Ok(None));
            assert_eq!(one::<Action>("a", empty), Ok(None));
            assert_eq!((day("a", empty), number("a", empty)), (Ok(None), Ok(None)));
        }
        assert_eq!(text::<1, 4>("a", " ada ").unwrap().unwrap().to_string(), "ada");
        assert_eq!(one("a", "login"), Ok(Some(Action::Login)));
        assert_eq!(number("a", "7").unwrap().map(RangedInt::get), Some(7));
        assert_eq!(hour("a", "0").unwrap().map(RangedInt::get), Some(0));
        assert!(hour("a", "24").is_err());
        assert!(text::<1, 4>("a", "long text").is_err());
        assert!(one::<Action>("a", "loggin").is_err());
        assert!(day("a", "yesterday").is_err());
        for wrong in ["0", "-1", "x", "99999999999999999999"] {
            assert!(number("a", wrong).is_err(), "{wrong}");
        }
    }
}
