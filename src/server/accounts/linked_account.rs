//! What all ways of linking an account at a provider share.

use crate::server::{auth::security_log::about_provider, model::token::Token, telemetry::error::InternalError};

/// The maximum length of a label, in characters.
const MAX_LABEL: usize = 100;

/// A new id for a linked account.
pub fn new_id() -> Result<String, InternalError> {
    Ok(Token::random()?.hash().handle())
}

/// How events name a linked account. The subject and the label are personal data, and in no event.
pub fn about(provider: &str, id: &str) -> String {
    format!("{}, account {id}", about_provider(provider))
}

/// Removes characters that do not show or change the direction of text, and cuts the label off.
pub fn clean_label(text: &str) -> String {
    let is_invisible = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let text: String = text.chars().filter(|letter| !is_invisible(*letter)).collect();
    text.trim().chars().take(MAX_LABEL).collect()
}
