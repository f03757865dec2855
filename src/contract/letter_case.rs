//! Changes the case of the first letter, for composed sentences.

/// Converts the first letter to upper case.
pub fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest).collect()
}

/// Converts the first letter to lower case.
pub fn uncapitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_lowercase);
    first.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_letter_changes() {
        for (text, upper, lower) in [
            ("aBc", "ABc", "aBc"),
            ("Ärger", "Ärger", "ärger"),
            ("ß", "SS", "ß"),
            ("", "", ""),
        ] {
            assert_eq!(
                (capitalized(text).as_str(), uncapitalized(text).as_str()),
                (upper, lower)
            );
        }
    }
}
