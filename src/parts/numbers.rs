//! Numbers for people.

use crate::t;

/// A duration in milliseconds, with as many digits as matter: `40ms`, `1.5ms`, `0.03ms`.
pub fn milliseconds(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("0.{:02}ms", microseconds / 10),
        1_000..10_000 => format!("{}.{}ms", microseconds / 1000, microseconds % 1000 / 100),
        _ => format!("{}ms", grouped((microseconds + 500) / 1000)),
    }
}

/// A number with commas between groups of digits, as in English and Korean.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of users in words.
pub fn user_count(count: u64) -> String {
    match count {
        1 => t!("1 user").to_owned(),
        n => t!("{n} users", n = grouped(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        for (microseconds, text) in [
            (0, "0.00ms"),
            (34, "0.03ms"),
            (999, "0.99ms"),
            (1_560, "1.5ms"),
            (39_549, "40ms"),
            (1_234_567, "1,235ms"),
        ] {
            assert_eq!(milliseconds(microseconds), text);
        }
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
