//! Where a login leads to: a page of this site, or nowhere.
//!
//! This is the one place that decides it, for the server and the browser alike (OWASP ASVS 3.7.2, no open redirect).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::user::is_user_id;

/// What must not stand as it is in the value of a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'?')
    .remove(b'=')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a page of this site, safe to put into `Location`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnPage(String);

impl OwnPage {
    /// The longest path that is followed, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The home page.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// The page of a function.
    pub fn of_function(name: &str) -> Self {
        Self(format!("/functions/{name}"))
    }

    /// Takes `asked` if it is a path on this site that every browser reads as one: one slash at the start, printable
    /// ASCII, no backslash, and no dots that lead elsewhere. Doors that are not pages (`/api/…`, `/login`, `/confirm`,
    /// `/logout`) are no place to land.
    pub fn parse(asked: &str) -> Option<Self> {
        let rest = asked.strip_prefix('/')?;
        let is_own_path = asked.len() <= Self::MAX_BYTES
            && !rest.starts_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let first = path.split('/').next().unwrap_or_default();
        let is_page = !matches!(first, "api" | "confirm" | "login" | "logout" | "pkg") && !path.split('/').any(is_dots);
        (is_own_path && is_page).then(|| Self(asked.to_owned()))
    }

    /// Takes where a form leads to that is done. That may be the login as well, with what was done, who logs in, and the page that
    /// it leads to in turn.
    pub fn after_form(asked: &str) -> Option<Self> {
        let Some(mut query) = asked.strip_prefix("/login?") else {
            return Self::parse(asked);
        };
        let mut login = "/login?".to_owned();
        while let Some((pair, rest)) = query.split_once('&').filter(|(pair, _)| is_about_login(pair)) {
            login = format!("{login}{pair}&");
            query = rest;
        }
        let next = Self::parse(query.strip_prefix("next=")?)?;
        Some(Self(format!("{login}next={}", next.escaped())))
    }

    /// What was asked for, or the home page.
    pub fn or_home(asked: Option<&str>) -> Self {
        asked.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    /// The path, as it stands in the query of another address.
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

    fn try_from(asked: String) -> Result<Self, Self::Error> {
        Self::parse(&asked).ok_or("is no page of this site")
    }
}

impl From<OwnPage> for String {
    fn from(page: OwnPage) -> Self {
        page.0
    }
}

/// Whether a pair in the query of the login page says what was done, or who logs in.
fn is_about_login(pair: &str) -> bool {
    pair.strip_prefix("done=")
        .or_else(|| pair.strip_prefix("user="))
        .is_some_and(is_user_id)
}

/// Whether browsers take a part of a path as a way, and not as a name: `.` and `..`, however they are written (WHATWG URL,
/// single-dot and double-dot URL path segments).
fn is_dots(part: &str) -> bool {
    matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
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
    fn own_pages_are_kept() {
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
    fn other_places_lead_nowhere() {
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
        for (asked, leads_to) in [
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
            let page = OwnPage::after_form(asked);
            assert_eq!(page.as_ref().map(OwnPage::as_str), leads_to, "{asked}");
        }
    }

    const SITE: &str = "https://own.example";

    /// Texts of all kinds, most of them put together from what browsers read in ways of their own.
    fn asked() -> impl Strategy<Value = String> {
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
        let parts = prop::sample::select(&["..", ".", "%2e", ".%2E", "api", "login", "x", ""]);
        let path = prop::collection::vec(parts, 1..6).prop_map(|parts| format!("/{}", parts.join("/")));
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

        /// `url` reads addresses as browsers do (WHATWG URL)
        #[test]
        fn what_is_kept_is_a_page_of_this_site_wherever_a_browser_reads_it(asked in asked()) {
            let Some(page) = OwnPage::parse(&asked) else {
                return Ok(());
            };
            prop_assert_eq!(page.as_str(), &asked);
            let there = Url::parse(SITE).unwrap().join(page.as_str()).unwrap();
            prop_assert_eq!(there.origin().ascii_serialization(), SITE);
            prop_assert_eq!((there.username(), there.password()), ("", None));
            let first = there.path_segments().and_then(|mut parts| parts.next()).unwrap_or_default();
            prop_assert!(!["api", "confirm", "login", "logout", "pkg"].contains(&first), "{}", there);
        }

        #[test]
        fn a_page_comes_out_of_a_query_as_it_went_in(asked in asked()) {
            if let Some(page) = OwnPage::parse(&asked) {
                let address = format!("/login?next={}", page.escaped());
                prop_assert!(address.parse::<axum::http::Uri>().is_ok(), "{}", address);
                let there = Url::parse(SITE).unwrap().join(&address).unwrap();
                let pairs: Vec<_> = there.query_pairs().into_owned().collect();
                prop_assert_eq!(pairs, [("next".to_owned(), asked)]);
                prop_assert_eq!(there.fragment(), None);
            }
        }
    }
}
