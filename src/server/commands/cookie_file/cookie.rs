//! One cookie: a line of a cookie file, and a `Set-Cookie` header (RFC 6265bis, section 5).
//!
//! It has no `Debug`, and no message quotes it: what it holds opens a session.

use jiff::fmt::rfc2822::DateTimeParser;

/// How a line begins whose cookie scripts must not see. Anything else after a `#` is a comment.
const HTTP_ONLY: &str = "#HttpOnly_";

/// A moment that is over, and not the 0 that stands for the end of a session.
const LONG_AGO: i64 = 1;

/// A cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    domain: String,
    for_subdomains: bool,
    path: String,
    secure: bool,
    http_only: bool,
    /// In seconds since 1970; 0 when it goes with the session.
    expires: i64,
    name: String,
    value: String,
}

impl Cookie {
    /// Reads a line. A comment is none, and so is an empty line.
    ///
    /// # Errors
    /// Says what is wrong with the line, and quotes nothing of it.
    pub fn read(line: &str) -> Result<Option<Self>, String> {
        let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(None);
        }
        let mut columns: Vec<&str> = line.split('\t').collect();
        if columns.len() == 6 {
            // An empty value at the end, less the tab before it.
            columns.push("");
        }
        let [domain, subdomains, path, secure, expires, name, value] = columns[..] else {
            let found = columns.len();
            return Err(format!(
                "a cookie has 7 columns with tabs between them, and this has {found}"
            ));
        };
        let expires = match expires {
            // What Python writes for a cookie of the session.
            "" => 0,
            text => text
                .parse::<i64>()
                .map_err(|_| "column 5 is no time in seconds since 1970".to_owned())?,
        };
        Ok(Some(Self {
            domain: domain.to_owned(),
            for_subdomains: flag(subdomains).ok_or("column 2 is neither TRUE nor FALSE")?,
            path: path.to_owned(),
            secure: flag(secure).ok_or("column 4 is neither TRUE nor FALSE")?,
            http_only,
            expires,
            name: name.to_owned(),
            value: value.to_owned(),
        }))
    }

    /// Reads the `Set-Cookie` header of a reply that came over HTTPS from `path` of `host`.
    ///
    /// One that a client must not take is none; neither is one with a `Domain`, which would be other hosts' as well.
    pub fn set(header: &str, host: &str, path: &str, now: i64) -> Option<Self> {
        let mut parts = header.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            domain: host.to_owned(),
            for_subdomains: false,
            path: folder_of(path).to_owned(),
            secure: false,
            http_only: false,
            expires: 0,
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        };
        let (mut date, mut age) = (None, None);
        for part in parts {
            let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match attribute.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => return None,
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "httponly" => cookie.http_only = true,
                "expires" => date = DateTimeParser::new().parse_timestamp(value).ok(),
                "max-age" => age = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        cookie.expires = match (age, date) {
            (Some(age), _) if age <= 0 => LONG_AGO,
            (Some(age), _) => now.saturating_add(age),
            (None, Some(date)) => date.as_second().max(LONG_AGO),
            (None, None) => 0,
        };
        (cookie.is_sendable() && cookie.keeps_the_promise_of_its_name()).then_some(cookie)
    }

    /// The line, without a line break.
    pub fn line(&self) -> String {
        let flag = |is: bool| if is { "TRUE" } else { "FALSE" };
        let expires = self.expires.to_string();
        let columns: [&str; 7] = [
            &self.domain,
            flag(self.for_subdomains),
            &self.path,
            flag(self.secure),
            &expires,
            &self.name,
            &self.value,
        ];
        let prefix = if self.http_only { HTTP_ONLY } else { "" };
        format!("{prefix}{}", columns.join("\t"))
    }

    /// How it stands in a request.
    pub fn pair(&self) -> String {
        format!("{}={}", self.name, self.value)
    }

    /// Whether it is a cookie of `host` itself. One of a domain above is not.
    pub fn is_of(&self, host: &str) -> bool {
        let domain = self.domain.strip_prefix('.').unwrap_or(&self.domain);
        domain.eq_ignore_ascii_case(host)
    }

    /// Whether it goes with a request to `path`.
    pub fn fits(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || self.path.ends_with('/') || rest.starts_with('/'))
    }

    /// Whether this is the later word on `other`, where both are of one host.
    pub fn replaces(&self, other: &Self) -> bool {
        self.name == other.name && self.path == other.path
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: i64) -> bool {
        self.expires != 0 && self.expires <= now
    }

    /// Whether it can stand in a header, and in a line of the file.
    pub fn is_sendable(&self) -> bool {
        let is_plain = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';');
        let is_named = !self.name.is_empty() && !self.name.contains('=');
        is_named && is_plain(&self.name) && is_plain(&self.value) && is_plain(&self.path)
    }

    /// `__Host-` and `__Secure-` say how the cookie was set (RFC 6265bis, section 4.1.3). `curl` drops what lies.
    fn keeps_the_promise_of_its_name(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        let is_of_one_host = self.path == "/" && !self.for_subdomains;
        (self.secure || !name.starts_with("__secure-"))
            && ((self.secure && is_of_one_host) || !name.starts_with("__host-"))
    }
}

fn flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("TRUE") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("FALSE").then_some(false)
}

/// The path of a cookie that names none (RFC 6265bis, section 5.1.4).
fn folder_of(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn set(header: &str) -> Option<String> {
        Cookie::set(header, "localhost", "/api/login", NOW).map(|cookie| cookie.line())
    }

    fn read(line: &str) -> Cookie {
        Cookie::read(line).unwrap().expect("a cookie")
    }

    #[test]
    fn a_cookie_of_the_server_becomes_the_line_that_curl_writes() {
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(
            set(&format!("__Host-callgate=a.b; {attributes}")).unwrap(),
            "#HttpOnly_localhost\tFALSE\t/\tTRUE\t0\t__Host-callgate\ta.b"
        );
        assert_eq!(
            set(&format!("__Host-callgate=a; Max-Age=60; {attributes}")).unwrap(),
            "#HttpOnly_localhost\tFALSE\t/\tTRUE\t1800000060\t__Host-callgate\ta"
        );
        assert_eq!(set("a = b = c ").unwrap(), "localhost\tFALSE\t/api\tFALSE\t0\ta\tb = c");
    }

    #[test]
    fn a_line_survives_being_read_and_written() {
        for line in [
            "#HttpOnly_localhost\tFALSE\t/\tTRUE\t0\t__Host-callgate\tabc",
            ".example.com\tTRUE\t/api\tFALSE\t4102444800\tname\tvalue",
            "localhost\tFALSE\t/\tTRUE\t0\tempty\t",
        ] {
            assert_eq!(read(line).line(), line);
        }
        assert_eq!(read("h\tfalse\t/\ttrue\t\tn").line(), "h\tFALSE\t/\tTRUE\t0\tn\t");
    }

    #[test]
    fn comments_and_empty_lines_are_no_cookies() {
        for line in ["", "  ", "# Netscape HTTP Cookie File", "#HttpOnly", "#HttpOnly_#x"] {
            assert!(Cookie::read(line).unwrap().is_none(), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_cookie_is_told_without_its_secret() {
        for (line, why) in [
            ("secret", "this has 1"),
            ("h\tFALSE\t/\tTRUE\t0\tn\tsecret\tsecret", "this has 8"),
            ("h\tsecret\t/\tTRUE\t0\tn\tv", "column 2"),
            ("h\tFALSE\t/\tsecret\t0\tn\tv", "column 4"),
            ("h\tFALSE\t/\tTRUE\tsecret\tn\tv", "column 5"),
            ("h FALSE / TRUE 0 n secret", "this has 1"),
        ] {
            let error = Cookie::read(line).err().expect("an error");
            assert!(error.contains(why) && !error.contains("secret"), "{line}: {error}");
        }
    }

    #[test]
    fn a_removal_is_over_whichever_way_it_is_written() {
        for removal in [
            "Max-Age=0",
            "Max-Age=-1",
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "Expires=Wed, 09 Jun 2021 10:18:14 GMT",
            "Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        ] {
            let cookie = Cookie::set(&format!("a=; {removal}"), "h", "/", NOW).unwrap();
            assert!(cookie.is_over(NOW), "{removal}");
        }
        for kept in [
            "Path=/",
            "Max-Age=1",
            "Max-Age=x",
            "Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        ] {
            let cookie = Cookie::set(&format!("a=b; {kept}"), "h", "/", NOW).unwrap();
            assert!(!cookie.is_over(NOW), "{kept}");
        }
    }

    #[test]
    fn what_a_client_must_not_take_is_not_taken() {
        for header in [
            "",
            "no pair",
            "=no name",
            "a=b\tc",
            "a=b; Path=/\tx",
            "a=b; Domain=example.com",
            "__Host-a=b; Path=/",
            "__Host-a=b; Secure",
            "__secure-a=b",
        ] {
            assert_eq!(set(header), None, "{header}");
        }
    }

    #[test]
    fn a_cookie_goes_to_its_path_and_below() {
        for (cookie, request, fits) in [
            ("/", "/api/a", true),
            ("/api", "/api/a", true),
            ("/api/", "/api/a", true),
            ("/api/a", "/api/a", true),
            ("/ap", "/api/a", false),
            ("/api/a/b", "/api/a", false),
        ] {
            let line = format!("h\tFALSE\t{cookie}\tTRUE\t0\tn\tv");
            assert_eq!(read(&line).fits(request), fits, "{cookie} {request}");
        }
    }
}
