//! Reading and setting the six cookies.
//!
//! All have the `__Host-` prefix, so that no sibling site and no plain-HTTP page can set them (RFC 6265bis, 4.1.3.2),
//! and are `Secure`, `HttpOnly` and `SameSite=Lax`. A cookie that is sent more than once is ignored, because it is
//! unclear which value the browser means.
//!
//! Browsers share cookies between the ports of a host. Each name ends in the port of the public address, unless that is
//! 443, so that several sites on one host do not log each other out.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieName {
    /// The session token.
    Session,
    /// Series and token of a remembered browser.
    Remember,
    /// The token of a pending call.
    PendingCall,
    /// The token that binds logins at providers to this browser.
    Flow,
    /// The language that was chosen in this browser.
    Language,
    /// The theme that was chosen in this browser.
    Theme,
}

impl CookieName {
    const ALL: [Self; 6] = [
        Self::Session,
        Self::Remember,
        Self::PendingCall,
        Self::Flow,
        Self::Language,
        Self::Theme,
    ];

    /// The full name; `suffix` is the cookie suffix of the site.
    pub fn with(self, suffix: &str) -> String {
        let kind = match self {
            Self::Session => "",
            Self::Remember => "-remember",
            Self::PendingCall => "-call",
            Self::Flow => "-flow",
            Self::Language => "-language",
            Self::Theme => "-theme",
        };
        format!("__Host-callgate{kind}{suffix}")
    }
}

/// The cookies of this app in a request: the value of each one that was sent exactly once.
#[derive(Debug, Clone, Copy)]
pub struct Cookies<'a>([Option<&'a str>; 6]);

impl<'a> Cookies<'a> {
    /// Reads the cookies of a request; `suffix` is the cookie suffix of the site. Other cookies may hold any bytes,
    /// because other programs on the same host set them.
    ///
    /// Names are compared byte by byte. The `cookie` crate trims Unicode white space from names: a sibling site could
    /// set U+2003 followed by `__Host-…`, in which browsers do not see the prefix, and it would be accepted as one of
    /// these.
    pub fn read(headers: &'a HeaderMap, suffix: &str) -> Self {
        let lines = || headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        Self(CookieName::ALL.map(|name| {
            let name = name.with(suffix);
            let parse = |pair: &'a [u8]| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=");
            let mut values = lines()
                .flat_map(|line| line.split(|byte| *byte == b';'))
                .filter_map(parse);
            let value = values.next().filter(|_| values.next().is_none())?;
            str::from_utf8(value).ok().filter(|value| value.is_ascii())
        }))
    }

    pub fn get(&self, name: CookieName) -> Option<&'a str> {
        self.0[name as usize]
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    pub name: CookieName,
    value: String,
    max_age: Option<Duration>,
}

impl SetCookie {
    /// Sets a cookie that the browser drops when it is closed.
    pub fn until_closed(name: CookieName, value: String) -> Self {
        Self {
            name,
            value,
            max_age: None,
        }
    }

    /// Sets a cookie that the browser stores for `max_age`.
    pub fn lasting(name: CookieName, value: String, max_age: Duration) -> Self {
        Self {
            name,
            value,
            max_age: Some(max_age),
        }
    }

    /// Removes a cookie. The header has all attributes, because browsers ignore a removal of a `__Host-` name without
    /// them.
    pub fn remove(name: CookieName) -> Self {
        Self::lasting(name, String::new(), Duration::ZERO)
    }

    /// The header value; `suffix` is the cookie suffix of the site.
    pub fn header(&self, suffix: &str) -> HeaderValue {
        let name = self.name.with(suffix);
        let max_age = self.max_age.map(|age| format!("; Max-Age={}", age.as_secs()));
        let max_age = max_age.unwrap_or_default();
        let text = format!("{name}={}{max_age}; Path=/; Secure; HttpOnly; SameSite=Lax", self.value);
        HeaderValue::try_from(text)
            .expect("names and values are visible ASCII: values are base64url with a dot, or words")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_session(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        Cookies::read(&headers, "").get(CookieName::Session).map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        assert_eq!(read_session(&["a=b; __Host-callgate=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read_session(&["a=b", "__Host-callgate=x"]).as_deref(), Some("x"));
        assert_eq!(read_session(&["callgate=x; __Host-callgate-remember=y"]), None);
    }

    #[test]
    fn a_cookie_that_comes_twice_counts_as_not_sent() {
        assert_eq!(read_session(&["__Host-callgate=x; __Host-callgate=y"]), None);
        assert_eq!(read_session(&["__Host-callgate=x", "__Host-callgate=x"]), None);
    }

    #[test]
    fn what_other_cookies_hold_is_no_matter() {
        let mut headers = HeaderMap::new();
        let header = b"name=Jos\xe9; b=\xff\xfe; __Host-callgate=x; __Host-callgate-remember=\xe9";
        headers.append(COOKIE, HeaderValue::from_bytes(header).unwrap());
        assert_eq!(Cookies::read(&headers, "").get(CookieName::Session), Some("x"));
        assert_eq!(Cookies::read(&headers, "").get(CookieName::Remember), None);
    }

    /// Browsers allow any page of the host to set these, because the name does not begin with the prefix.
    #[test]
    fn a_name_with_white_space_of_unicode_around_it_is_another_one() {
        for space in ["\u{2003}", "\u{a0}", "\u{feff}", "\u{85}", "\u{3000}"] {
            for cookie in [format!("{space}__Host-callgate=x"), format!("__Host-callgate{space}=x")] {
                let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap())]);
                assert_eq!(Cookies::read(&headers, "").get(CookieName::Session), None, "{cookie:?}");
            }
        }
    }

    /// The name of one of the cookies, or a similar name, with a value.
    fn pair() -> impl Strategy<Value = (String, String)> {
        let name = prop_oneof![
            prop::sample::select(CookieName::ALL.map(|name| name.with("")).to_vec()),
            "(__Host-)?callgate(-remember|-call|-flow)?",
            "__host-callgate",
            "[a-zA-Z_-]{1,8}",
        ];
        (name, "[!-:<-~]{0,12}")
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_header_is_read_without_a_panic(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4),
        ) {
            let mut headers = HeaderMap::new();
            for line in lines {
                if let Ok(value) = HeaderValue::from_bytes(&line) {
                    headers.append(COOKIE, value);
                }
            }
            for name in CookieName::ALL {
                if let Some(value) = Cookies::read(&headers, "").get(name) {
                    prop_assert!(value.is_ascii() && !value.contains(';'), "{:?}", value);
                }
            }
        }

        #[test]
        fn a_cookie_is_found_exactly_where_it_was_sent_once(
            lines in prop::collection::vec(prop::collection::vec(pair(), 1..4), 0..3),
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                let pairs: Vec<String> = line.iter().map(|(name, value)| format!("{name}={value}")).collect();
                headers.append(COOKIE, HeaderValue::from_str(&pairs.join("; ")).unwrap());
            }
            for name in CookieName::ALL {
                let sent: Vec<&str> = lines
                    .iter()
                    .flatten()
                    .filter(|(found, _)| *found == name.with(""))
                    .map(|(_, value)| value.as_str())
                    .collect();
                let wanted = (sent.len() == 1).then(|| sent[0]);
                prop_assert_eq!(Cookies::read(&headers, "").get(name), wanted);
            }
        }

        #[test]
        fn what_is_set_is_what_comes_back(value in "[A-Za-z0-9_.-]{1,80}") {
            for name in CookieName::ALL {
                let set = SetCookie::until_closed(name, value.clone()).header("");
                let pair = set.to_str().unwrap().split(';').next().unwrap();
                let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(pair).unwrap())]);
                prop_assert_eq!(Cookies::read(&headers, "").get(name), Some(value.as_str()));
            }
        }
    }

    #[test]
    fn sites_at_several_ports_of_a_host_have_cookies_of_their_own() {
        let sent = "__Host-callgate=a; __Host-callgate-8443=b; __Host-callgate-remember-8443=c; __Host-callgate-8444=d";
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(sent))]);
        let read = |suffix| CookieName::ALL.map(|name| Cookies::read(&headers, suffix).get(name));
        assert_eq!(read(""), [Some("a"), None, None, None, None, None]);
        assert_eq!(read("-8443"), [Some("b"), Some("c"), None, None, None, None]);
        assert_eq!(read("-8444"), [Some("d"), None, None, None, None, None]);
    }

    #[test]
    fn a_removal_has_all_attributes() {
        assert_eq!(
            SetCookie::remove(CookieName::Session).header(""),
            "__Host-callgate=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
    }
}
