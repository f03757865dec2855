//! The three cookies, in and out.
//!
//! All have the `__Host-` prefix, so that no sibling site and no plain-HTTP page can set them (RFC 6265bis, 4.1.3.2), and
//! are `Secure`, `HttpOnly` and `SameSite=Lax`. A cookie that comes twice counts as not sent: it cannot be told which one
//! the browser means.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieName {
    /// The session.
    Session,
    /// The remembered browser.
    Remember,
    /// The call that waits to be shown.
    KeptCall,
}

impl CookieName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Session => "__Host-callgate",
            Self::Remember => "__Host-callgate-remember",
            Self::KeptCall => "__Host-callgate-call",
        }
    }
}

/// The value of the cookie `name` in a request, if it was sent exactly once.
pub fn read(headers: &HeaderMap, name: CookieName) -> Option<&str> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, _)| *found == name.as_str())
        .map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// A change to one cookie, to be sent with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    name: CookieName,
    value: String,
    max_age: Option<Duration>,
}

impl SetCookie {
    /// Sets a cookie that goes when the browser is closed.
    pub fn until_closed(name: CookieName, value: String) -> Self {
        Self {
            name,
            value,
            max_age: None,
        }
    }

    /// Sets a cookie that stays for `max_age`.
    pub fn lasting(name: CookieName, value: String, max_age: Duration) -> Self {
        Self {
            name,
            value,
            max_age: Some(max_age),
        }
    }

    /// Removes a cookie. With all attributes, because browsers take nothing less for a `__Host-` name.
    pub fn remove(name: CookieName) -> Self {
        Self::lasting(name, String::new(), Duration::ZERO)
    }

    /// Which cookie it is.
    pub fn name(&self) -> CookieName {
        self.name
    }

    /// The header value.
    pub fn header(&self) -> HeaderValue {
        let max_age = self
            .max_age
            .map(|age| format!("; Max-Age={}", age.as_secs()))
            .unwrap_or_default();
        let text = format!(
            "{}={}{max_age}; Path=/; Secure; HttpOnly; SameSite=Lax",
            self.name.as_str(),
            self.value
        );
        HeaderValue::try_from(text).expect("names are ours and values are base64url with a dot, all visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_session(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        read(&headers, CookieName::Session).map(str::to_owned)
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
    fn a_removal_has_all_attributes() {
        assert_eq!(
            SetCookie::remove(CookieName::Session).header(),
            "__Host-callgate=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
    }
}
