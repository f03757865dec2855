//! Where a login leads to: a page of this site, or nowhere.
//!
//! This is the one place that decides it, for the server and the browser alike (OWASP ASVS 3.7.2, no open redirect).

use std::fmt;

/// The path of a page of this site, safe to put into `Location`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPage(String);

impl OwnPage {
    /// The longest path that is followed, in bytes.
    pub const MAX_BYTES: usize = 2048;

    /// The home page.
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// Takes `asked` if it is a path on this site that every browser reads as one: one slash at the start, printable
    /// ASCII, no backslash. Doors that are not pages (`/api/…`, `/login`, `/confirm`,
    /// `/logout`) are no place to land.
    pub fn parse(asked: &str) -> Option<Self> {
        let rest = asked.strip_prefix('/')?;
        let is_own_path = asked.len() <= Self::MAX_BYTES
            && !rest.starts_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        let first = rest.split(['/', '?', '#']).next().unwrap_or_default();
        (is_own_path && !matches!(first, "api" | "confirm" | "login" | "logout" | "pkg"))
            .then(|| Self(asked.to_owned()))
    }

    /// What was asked for, or the home page.
    pub fn or_home(asked: Option<&str>) -> Self {
        asked.and_then(Self::parse).unwrap_or_else(Self::home)
    }

    /// The path, as it stands in the query of another address.
    pub fn escaped(&self) -> String {
        self.0
            .replace('%', "%25")
            .replace('&', "%26")
            .replace('#', "%23")
            .replace('+', "%2B")
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
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
            &long,
        ] {
            assert_eq!(OwnPage::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_kept_never_leaves_the_site() {
        // A small deterministic walk over hostile alphabets, each candidate read as a browser would.
        const ALPHABET: &[&str] = &[
            "/", "\\", ".", "@", ":", "evil", "\t", "\n", "%2f", "%5c", "?", "#", "é", "http",
        ];
        for a in ALPHABET {
            for b in ALPHABET {
                for c in ALPHABET {
                    let asked = format!("{a}{b}{c}x");
                    if let Some(page) = OwnPage::parse(&asked) {
                        assert!(page.as_str().starts_with('/'), "{asked:?}");
                        assert!(!page.as_str()[1..].starts_with(['/', '\\']), "{asked:?}");
                    }
                }
            }
        }
    }
}
