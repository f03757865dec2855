//! Outcomes of calls and other actions in words.

use crate::t;

/// An outcome in a few words. Rare ones are shown as stored.
pub fn outcome_in_words(code: &str) -> String {
    let words = match code {
        "ok" => t!("ok"; "outcome"),
        "refused" => t!("refused"),
        "failed" => t!("failed"; "outcome"),
        "not_logged_in" => t!("not logged in"),
        "permission_required" => t!("permission required"),
        "fresh_login_required" => t!("confirmation required"),
        "forbidden" => t!("forbidden"),
        "invalid_credentials" => t!("wrong user or password"),
        "too_many_attempts" => t!("too many attempts"),
        "invalid_arguments" => t!("invalid arguments"),
        "not_found" => t!("not found"),
        "conflict" => t!("conflict"),
        "broken_off" => t!("broken off"),
        "call_too_slow" => t!("took too long"),
        "busy" => t!("server busy"),
        "internal" => t!("internal error"),
        other => return other.replace('_', " "),
    };
    words.to_owned()
}
