//! What users choose for themselves.

use unicode_normalization::UnicodeNormalization as _;

use crate::{
    contract::{Language, Message},
    message,
};

/// The maximum length of a display name, in characters.
pub const MAX_DISPLAY_NAME: usize = 40;

/// What a user has chosen. `None` stands for what the browser or the site prefers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The language of pages and refusals.
    pub language: Option<Language>,
    /// The time zone of pages: a name of the IANA database.
    pub time_zone: Option<String>,
    /// The name that is shown beside the login name.
    pub display_name: Option<String>,
}

/// A display name in the form in which it is stored (NFC). `None` if nothing but white space was typed.
///
/// # Errors
/// Says what is wrong with the name, as a text that follows the name of the field. Characters that are invisible or change
/// the direction of the text around them are refused, because they make names look alike.
pub fn display_name(typed: &str) -> Result<Option<String>, Message> {
    let name: String = typed.trim().nfc().collect();
    if name.chars().count() > MAX_DISPLAY_NAME {
        return Err(crate::contract::limits::too_long(MAX_DISPLAY_NAME));
    }
    if name.chars().any(is_invisible) {
        return Err(message!("must not contain control characters or invisible characters"));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// Control and format characters (general categories Cc, Cf, Zl and Zp), and blank letters.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_normalized_and_visible() {
        let name = |typed: &str| display_name(typed).unwrap();
        assert_eq!(name("  홍길동 "), Some("홍길동".to_owned()));
        // Decomposed, as macOS types it.
        assert_eq!(name("\u{1112}\u{1169}\u{11bc}").as_deref(), Some("홍"));
        assert_eq!(name(" \t"), None);
        assert_eq!(
            name(&"가".repeat(MAX_DISPLAY_NAME)).unwrap().chars().count(),
            MAX_DISPLAY_NAME
        );
        assert!(display_name(&"가".repeat(MAX_DISPLAY_NAME + 1)).is_err());
        for bad in ["a\nb", "admin\u{202e}", "a\u{200b}", "\u{3164}", "\u{feff}x"] {
            assert!(display_name(bad).is_err(), "{bad:?}");
        }
    }
}
