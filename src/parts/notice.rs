//! The notice of what a form has done, on the page that follows.
//!
//! The address of that page contains a code from a fixed list, and never a text.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use strum::{EnumString, IntoStaticStr};

use crate::t;

/// The name of the query parameter with the code.
pub const DONE: &str = "done";

/// The id of the notice. It is the fragment of the address, which focuses the notice, so that screen readers read it.
pub const NOTICE: &str = "notice";

/// What a form has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Done {
    /// A user changed their own password.
    PasswordChanged,
    /// A user ended one of their other sessions.
    LoggedOutThere,
    /// A user ended all their other sessions.
    LoggedOutElsewhere,
    ProfileSaved,
    LanguageSaved,
    IdentityUnlinked,
    UserEnabled,
    UserDisabled,
    UserDeleted,
    /// An administrator ended a session.
    SessionEnded,
    /// An administrator ended all sessions of a user.
    SessionsEnded,
    RoleGiven,
    RoleTaken,
    RoleSaved,
    RoleDeleted,
}

impl Done {
    /// The address of a page with this notice.
    pub fn on(self, page: &str) -> String {
        let separator = if page.contains('?') { '&' } else { '?' };
        let code: &str = self.into();
        format!("{page}{separator}{DONE}={code}#{NOTICE}")
    }

    fn words(self) -> &'static str {
        match self {
            Self::PasswordChanged => t!("Your password has been changed. All your other sessions have ended."),
            Self::LoggedOutThere => t!("The other session has ended."),
            Self::LoggedOutElsewhere => t!("All your other sessions have ended."),
            Self::ProfileSaved => t!("Your profile has been saved."),
            Self::LanguageSaved => t!("Your language has been saved."),
            Self::IdentityUnlinked => t!("The account elsewhere has been unlinked."),
            Self::UserEnabled => t!("The user has been enabled."),
            Self::UserDisabled => t!("The user has been disabled."),
            Self::UserDeleted => t!("The user has been deleted."),
            Self::SessionEnded => t!("The session has ended."),
            Self::SessionsEnded => t!("All sessions of the user have ended."),
            Self::RoleGiven => t!("The role has been given."),
            Self::RoleTaken => t!("The role has been removed."),
            Self::RoleSaved => t!("The role has been saved."),
            Self::RoleDeleted => t!("The role has been deleted."),
        }
    }
}

/// The address of a page without a notice, for a form that has done nothing.
pub fn without_notice(page: &str) -> String {
    let page = page.split('#').next().unwrap_or_default();
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let is_notice = |pair: &str| pair.split('=').next() == Some(DONE);
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_notice(pair)).collect();
    match kept.join("&").as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The notice that the address of the page asks for, if any.
#[component]
pub fn DoneNotice() -> impl IntoView {
    let query = use_query_map();
    let done: Option<Done> = query.read_untracked().get_str(DONE).and_then(|code| code.parse().ok());
    done.map(|done| view! { <Notice>{done.words()}</Notice> })
}

/// A notice that gets the focus.
#[component]
pub fn Notice(children: Children) -> impl IntoView {
    view! { <p id=NOTICE class="notice" role="status" tabindex="-1">{children()}</p> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_a_notice_is_the_same_page_without_it() {
        for (page, with_notice) in [
            ("/users", "/users?done=user_deleted#notice"),
            ("/user?name=ada", "/user?name=ada&done=user_deleted#notice"),
        ] {
            assert_eq!(Done::UserDeleted.on(page), with_notice);
            assert_eq!(without_notice(with_notice), page);
            assert_eq!(without_notice(page), page);
        }
    }
}
