//! Checks redirect targets: only pages of this site are allowed (OWASP ASVS 3.7.2, no open redirect).
//!
//! The server and the browser both use this check.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::user::is_user_id;

/// The characters to escape in the value of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'?')
    .remove(b'=')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name of the query parameter and hidden input with the page to show next.
pub const NEXT: &str = "next";

/// The path of a page of this site, safe for a `Location` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OwnPage(String);

impl OwnPage {
    /// The maximum length of a path, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The home page.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The page of a function.
    pub fn of_function(name: &str) -> Self {
        Self(format!("/functions/{name}"))
    }

    /// Accepts `target` if every browser reads it as a path on this site: one leading slash, printable ASCII, no
    /// backslash, no dot segments. Paths that a redirect must not lead to (`/api/…`, `/confirm`, `/login`, `/logout`,
    /// `/pkg/…`) are rejected.
    pub fn parse(target: &str) -> Option<Self> {
        let path = own_path(target)?;
        let first = path.split('/').next().unwrap_or_default();
        (!matches!(first, "api" | "confirm" | "login" | "logout" | "pkg")).then(|| Self(target.to_owned()))
    }

    /// Accepts the page on which a form of the footer was sent, and falls back to the home page. In addition to
    /// [`Self::parse`], this may be the login or the confirmation page, which check their own `next`.
    pub fn back_to(target: Option<&str>) -> Self {
        let asks_for_password = |target: &&str| matches!(own_path(target), Some("confirm" | "login"));
        let form_page = target.filter(asks_for_password).map(|target| Self(target.to_owned()));
        form_page.unwrap_or_else(|| Self::or_home(target))
    }

    /// Accepts the page to show after a form. In addition to [`Self::parse`], this may be the login page with a notice
    /// (`done`), a user name (`user`) and the next page (`next`), which is checked, too.
    pub fn after_form(target: &str) -> Option<Self> {
        let Some(mut query) = target.strip_prefix("/login?") else {
            return Self::parse(target);
        };
        let mut login = "/login?".to_owned();
        while let Some((pair, rest)) = query.split_once('&').filter(|(pair, _)| is_login_parameter(pair)) {
            login = format!("{login}{pair}&");
            query = rest;
        }
        let next = Self::parse(query.strip_prefix("next=")?)?;
        Some(Self(format!("{login}next={}", next.escaped())))
    }

    /// Accepts `target` like [`Self::parse`], and falls back to the home page.
    pub fn or_home(target: Option<&str>) -> Self {
        target.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    /// The path, escaped for the value of a query.
    pub fn escaped(&self) -> String {
        utf8_percent_encode(&self.0, ESCAPED).to_string()
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OwnPage {
    type Error = &'static str;

    fn try_from(target: String) -> Result<Self, Self::Error> {
        Self::parse(&target).ok_or("is not a page of this site")
    }
}

/// The path without its leading slash, if every browser reads `target` as a path on this site.
fn own_path(target: &str) -> Option<&str> {
    let rest = target.strip_prefix('/')?;
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let is_own = target.len() <= OwnPage::MAX_BYTES
        && !rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && !path.split('/').any(is_dot_segment);
    is_own.then_some(path)
}

/// Whether a query pair of the login page is a valid notice or user name.
fn is_login_parameter(pair: &str) -> bool {
    pair.strip_prefix("done=")
        .or_else(|| pair.strip_prefix("user="))
        .is_some_and(is_user_id)
}

/// Whether browsers resolve a path segment as `.` or `..`, in any encoding (WHATWG URL, single-dot and double-dot URL
/// path segments).
fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

impl fmt::Display for OwnPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn own_pages_are_accepted() {
        for good in [
            "/",
            "/functions/auth_func",
            "/functions/auth_func?a=b#c",
            "/a//b",
            "/%E2%82%AC",
        ] {
            assert_eq!(OwnPage::parse(good).map(|page| page.to_string()).as_deref(), Some(good));
        }
    }

    #[test]
    fn other_targets_are_rejected() {
        let long = format!("/{}", "a".repeat(OwnPage::MAX_BYTES));
        for bad in [
            "",
            "functions",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "http:///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "ftp://evil.example",
            "/\t/evil.example",
            "/\r\nLocation: https://evil.example",
            "/ /evil",
            "/é",
            "é",
            "\u{fffd}",
            "/api/logout",
            "/login",
            "/logout?x",
            "/login?next=/",
            "/confirm",
            "/./login",
            "/x/../logout",
            "/x/%2E%2e/api/logout",
            &long,
        ] {
            assert_eq!(OwnPage::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_form_may_lead_to_the_login_and_through_it_to_a_page_of_this_site() {
        for (target, expected) in [
            ("/users", Some("/users")),
            ("/login?next=/users", Some("/login?next=/users")),
            (
                "/login?next=/users?a=b&next=//evil.example#c",
                Some("/login?next=/users?a=b%26next=//evil.example%23c"),
            ),
            (
                "/login?done=password&user=ada&next=/account",
                Some("/login?done=password&user=ada&next=/account"),
            ),
            ("/login?user=<ada>&next=/account", None),
            ("/login?user=ada", None),
            ("/login", None),
            ("/login?next=", None),
            ("/login?next=//evil.example", None),
            ("/login?next=/login?next=/users", None),
            ("/login?other=/users", None),
            ("/login/?next=/users", None),
            ("//login?next=/users", None),
        ] {
            let page = OwnPage::after_form(target);
            assert_eq!(page.as_ref().map(OwnPage::as_str), expected, "{target}");
        }
    }

    const SITE: &str = "https://own.example";

    /// Texts of all kinds, most of them composed of pieces that browsers parse in special ways.
    fn targets() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "/",
            "/",
            "//",
            "\\",
            ".",
            "..",
            "%2e",
            "@",
            ":",
            "?",
            "#",
            "&",
            "+",
            "=",
            "%",
            "%2f",
            "%5c",
            "%00",
            "\t",
            "\n",
            "\r",
            " ",
            "\u{0}",
            "\u{feff}",
            "\u{a0}",
            "é",
            "．",
            "／",
            "<",
            ">",
            "\"",
            "'",
            "{",
            "|",
            "^",
            "`",
            "http:",
            "https:",
            "javascript:",
            "evil.example",
            "own.example",
            "api",
            "login",
            "x",
        ];
        let pieces = || prop::collection::vec(prop::sample::select(PIECES), 0..8).prop_map(|pieces| pieces.concat());
        let segments = prop::sample::select(&["..", ".", "%2e", ".%2E", "api", "login", "x", ""]);
        let path = prop::collection::vec(segments, 1..6).prop_map(|segments| format!("/{}", segments.join("/")));
        prop_oneof![
            any::<String>(),
            path,
            pieces(),
            pieces().prop_map(|rest| format!("/{rest}")),
            "/[ -~]{0,30}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The `url` crate parses URLs as browsers do (WHATWG URL)
        #[test]
        fn browsers_resolve_an_accepted_target_to_a_page_of_this_site(target in targets()) {
            let Some(page) = OwnPage::parse(&target) else {
                return Ok(());
            };
            prop_assert_eq!(page.as_str(), &target);
            let url = Url::parse(SITE).unwrap().join(page.as_str()).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), SITE);
            prop_assert_eq!((url.username(), url.password()), ("", None));
            let first = url.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
            prop_assert!(!["api", "confirm", "login", "logout", "pkg"].contains(&first), "{}", url);
        }

        #[test]
        fn a_page_comes_out_of_a_query_as_it_went_in(target in targets()) {
            if let Some(page) = OwnPage::parse(&target) {
                let address = format!("/login?next={}", page.escaped());
                prop_assert!(address.parse::<axum::http::Uri>().is_ok(), "{}", address);
                let url = Url::parse(SITE).unwrap().join(&address).unwrap();
                let pairs: Vec<_> = url.query_pairs().into_owned().collect();
                prop_assert_eq!(pairs, [("next".to_owned(), target)]);
                prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
