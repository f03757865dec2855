//! The file in which a command keeps cookies from one call to the next: Netscape's format, which `curl -b` reads and
//! `curl -c` writes, so that both can take turns with one file.
//!
//! Only the cookies of one host are read, sent and changed; lines of other hosts and comments stay as they are. The
//! file is replaced as a whole and is its owner's only. Nothing is locked: of two calls at once, the later one's
//! cookies stay.

mod cookie;

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, anyhow, ensure};

use self::cookie::Cookie;

/// What other programs know such a file by.
const FIRST_LINE: &str = "# Netscape HTTP Cookie File";

/// The cookies of one host, and the file that they are kept in.
pub struct CookieFile {
    file: PathBuf,
    host: String,
    /// Comments, and the cookies of other hosts.
    others: Vec<String>,
    cookies: Vec<Cookie>,
}

impl CookieFile {
    /// Reads a file; one that is not there is empty. Cookies of `host` whose time is over `now` are left out.
    ///
    /// # Errors
    /// Says which file, or which of its lines, cannot be read.
    pub fn read(file: &Path, host: &str, now: i64) -> anyhow::Result<Self> {
        // A link stays one: what it leads to is replaced.
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let name = file.display().to_string();
        // Not a device or a pipe, which could not be replaced and might never end.
        ensure!(
            file.is_file() || !file.exists(),
            "the cookie file {name} is no regular file"
        );
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.with_context(|| format!("the cookie file {name} cannot be read"))?,
        };
        Self::parse(file, host, &text, now).with_context(|| format!("the cookie file {name} cannot be read"))
    }

    fn parse(file: PathBuf, host: &str, text: &str, now: i64) -> anyhow::Result<Self> {
        let mut jar = Self {
            file,
            host: host.to_owned(),
            others: Vec::new(),
            cookies: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let cookie = Cookie::read(line).map_err(|why| anyhow!("line {number}: {why}"))?;
            match cookie.filter(|cookie| cookie.is_of(host)) {
                Some(cookie) => {
                    ensure!(
                        cookie.is_sendable(),
                        "line {number}: there are characters in it that no cookie has"
                    );
                    jar.put(cookie, now);
                }
                None => jar.others.push(line.to_owned()),
            }
        }
        if jar.others.is_empty() {
            jar.others.push(FIRST_LINE.to_owned());
        }
        Ok(jar)
    }

    /// The `Cookie` header for a request to `path`, if there is anything to send.
    pub fn header(&self, path: &str) -> Option<String> {
        let fitting = self.cookies.iter().filter(|cookie| cookie.fits(path));
        let pairs: Vec<String> = fitting.map(Cookie::pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes what a `Set-Cookie` header of a reply from `path` says.
    pub fn take(&mut self, header: &str, path: &str, now: i64) {
        if let Some(cookie) = Cookie::set(header, &self.host, path, now) {
            self.put(cookie, now);
        }
    }

    fn put(&mut self, cookie: Cookie, now: i64) {
        self.cookies.retain(|old| !cookie.replaces(old));
        if !cookie.is_over(now) {
            self.cookies.push(cookie);
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Says which file cannot be written; what was there before is still there then.
    pub fn write(&self) -> anyhow::Result<()> {
        replace(&self.file, &self.text())
            .with_context(|| format!("the cookie file {} cannot be written", self.file.display()))
    }

    fn text(&self) -> String {
        let ours = self.cookies.iter().map(Cookie::line);
        let lines: Vec<String> = self.others.iter().cloned().chain(ours).collect();
        lines.join("\n") + "\n"
    }
}

/// Puts a file in the place of another one. It is its owner's from its first byte on, and never stands half written.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut new = file.as_os_str().to_owned();
    new.push(format!(".{}.new", process::id()));
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut out = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let written = out
        .write_all(text.as_bytes())
        .and_then(|()| out.sync_all())
        .and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // There are cookies in it. The failure that is told is the first one.
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const SESSION: &str = "#HttpOnly_localhost\tFALSE\t/\tTRUE\t0\t__Host-callgate\tabc\n";
    const OTHERS: &str =
        "# a comment\n\n.example.com\tTRUE\t/\tFALSE\t1\told\tv\nlocalhost.example\tFALSE\t/\tTRUE\t0\tn\tö\n";

    fn jar(text: &str) -> CookieFile {
        CookieFile::parse(PathBuf::from("jar"), "localhost", text, NOW).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_curl_wrote_is_sent() {
        let text = format!(
            "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n\
             localhost\tFALSE\t/\tTRUE\t4102444800\tempty\t\n{SESSION}"
        );
        assert_eq!(jar(&text).header("/api/a").unwrap(), "empty=; __Host-callgate=abc");
        assert_eq!(jar(&text.replace('\n', "\r\n")).text(), jar(&text).text());
    }

    #[test]
    fn cookies_of_other_hosts_are_kept_as_they_are_and_never_sent() {
        let mut jar = jar(&format!("{OTHERS}{SESSION}"));
        assert_eq!(jar.header("/").unwrap(), "__Host-callgate=abc");
        jar.take("old=new", "/", NOW);
        jar.take("old=; Max-Age=0", "/", NOW);
        assert_eq!(jar.text(), format!("{OTHERS}{SESSION}"));
    }

    #[test]
    fn a_reply_adds_changes_and_removes_cookies() {
        let mut jar = jar("");
        assert_eq!(jar.header("/"), None);
        jar.take("a=1; Path=/", "/api/x", NOW);
        jar.take("b=2; Path=/; Max-Age=60", "/api/x", NOW);
        jar.take("a=3; Path=/", "/api/x", NOW);
        assert_eq!(jar.header("/api/x").unwrap(), "b=2; a=3");
        jar.take("b=; Path=/; Max-Age=0", "/api/x", NOW);
        assert_eq!(
            jar.text(),
            format!("{FIRST_LINE}\nlocalhost\tFALSE\t/\tFALSE\t0\ta\t3\n")
        );
        jar.take("a=; Path=/; Max-Age=0", "/api/x", NOW);
        assert_eq!(jar.text(), format!("{FIRST_LINE}\n"));
    }

    #[test]
    fn what_is_over_is_dropped_and_of_two_lines_for_one_cookie_the_later_one_holds() {
        let line = |expires: i64, value: &str| format!("localhost\tFALSE\t/\tTRUE\t{expires}\ta\t{value}\n");
        assert_eq!(jar(&line(NOW, "old")).header("/"), None);
        assert_eq!(jar(&line(NOW + 1, "good")).header("/").unwrap(), "a=good");
        assert_eq!(
            jar(&(line(0, "first") + &line(0, "second"))).header("/").unwrap(),
            "a=second"
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_by_its_number_and_the_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jar");
        for line in [
            "secret",
            "localhost\tFALSE\t/\tTRUE\t0\tn\tsecret; a=b",
            "localhost\tFALSE\t/\tTRUE\t0\t\tsecret",
        ] {
            let text = format!("{SESSION}{line}\n");
            fs::write(&file, &text).unwrap();
            let error = CookieFile::read(&file, "localhost", NOW).err().expect("an error");
            let error = format!("{error:#}");
            assert!(error.contains("line 2") && error.contains("jar"), "{error}");
            assert!(!error.contains("secret"), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        fs::write(&file, b"\xff").unwrap();
        assert!(CookieFile::read(&file, "localhost", NOW).is_err());
        assert!(CookieFile::read(folder.path(), "localhost", NOW).is_err());
    }

    #[test]
    fn the_file_is_its_owners_and_nothing_else_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jar");
        fs::write(&file, OTHERS).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        for path in [&file, &link, &folder.path().join("new")] {
            let mut jar = CookieFile::read(path, "localhost", NOW).unwrap();
            jar.take("a=1", "/", NOW);
            jar.write().unwrap();
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
            let again = CookieFile::read(path, "localhost", NOW).unwrap();
            assert_eq!(again.header("/").unwrap(), "a=1");
        }
        assert!(link.is_symlink());
        assert_eq!(names(folder.path()), ["jar", "link", "new"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let jar = CookieFile::read(&folder.path().join("missing/jar"), "localhost", NOW).unwrap();
        let error = format!("{:#}", jar.write().unwrap_err());
        assert!(error.contains("missing/jar"), "{error}");
    }
}
