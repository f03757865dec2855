//! `callgate call`: calls a function of a running server, as any program does.
//!
//! Standard output is the reply and nothing else, refusals included, so that scripts can read it; what there is to say
//! about it goes to standard error. Neither the arguments nor the cookies are ever printed: they may hold a password,
//! or what opens a session. The arguments are sent as they are; the server judges them.

use std::{
    convert::Infallible,
    fmt, fs,
    io::{self, Read as _, Write as _, stdin, stdout},
    path::PathBuf,
    str::FromStr,
};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use ureq::{
    http::{StatusCode, header::SET_COOKIE},
    tls::RootCerts,
};

use super::{
    cookie_file::CookieFile,
    site::{self, Site},
};
use crate::server::{
    certificates::Certificates,
    clock::Timestamp,
    settings::{Overrides, Settings},
};

/// Call a function of a running server
#[derive(Debug, Args)]
pub struct Call {
    /// The function, such as `auth_func`
    #[arg(value_parser = function_name)]
    name: String,

    /// The arguments, a JSON object; - reads it from standard input and @FILE from a file, so that a password need not
    /// stand on the command line
    #[arg(long, default_value = "{}")]
    json: Arguments,

    /// The file to keep cookies in from call to call; curl's -b and -c use the same one
    #[arg(long, value_name = "FILE")]
    cookies: Option<PathBuf>,

    /// The authority to trust, a PEM file; otherwise the development CA for this machine, or those of the system
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Where the server is, such as `https://calls.example`; otherwise where the settings say
    #[arg(long)]
    url: Option<Site>,
}

impl Call {
    /// Calls, and prints the reply.
    ///
    /// # Errors
    /// Says why there is no reply, or quotes the server's refusal.
    pub async fn run(self, overrides: &Overrides) -> anyhow::Result<()> {
        let settings = Settings::load(overrides)?;
        // All of it waits for something: files, standard input, the server.
        tokio::task::spawn_blocking(move || self.call(&settings)).await?
    }

    fn call(&self, settings: &Settings) -> anyhow::Result<()> {
        let site = match &self.url {
            Some(site) => site.clone(),
            None => settings
                .origin()
                .parse::<Site>()
                .map_err(anyhow::Error::msg)
                .context("site.origin")?,
        };
        let trusted = self.trusted(settings, &site)?;
        let mut jar = self.jar(&site)?;
        let json = self.json.read()?;
        let path = format!("/api/{}", self.name);
        let cookies = jar.as_ref().and_then(|jar| jar.header(&path));
        let mut reply = site.post(trusted, &path, cookies.as_deref(), &json)?;
        // Before the body is read: if that breaks off, the cookies have changed all the same.
        if let Some(jar) = &mut jar {
            let headers = reply.headers().get_all(SET_COOKIE).iter();
            for header in headers.filter_map(|header| header.to_str().ok()) {
                jar.take(header, &path, now());
            }
            jar.write()?;
        }
        let body = site.read(&mut reply)?;
        let shown = show(&body).context("standard output");
        // It says how the call came out, whether or not anybody reads the reply.
        if !reply.status().is_success() {
            bail!(refusal(reply.status(), &body));
        }
        shown
    }

    fn trusted(&self, settings: &Settings, site: &Site) -> anyhow::Result<RootCerts> {
        let development = Certificates::in_folder(&settings.certs()).ca;
        // The development certificate is for the names of this machine only, and so is the trust in who signed it.
        let is_development = settings.https.certificate.is_none() && site.is_here() && development.is_file();
        match &self.ca {
            Some(file) => site::authorities_in(file),
            None if is_development => site::authorities_in(&development),
            None => Ok(RootCerts::PlatformVerifier),
        }
    }

    fn jar(&self, site: &Site) -> anyhow::Result<Option<CookieFile>> {
        let Some(file) = &self.cookies else { return Ok(None) };
        let jar = CookieFile::read(file, site.host(), now())?;
        // Where it cannot be written to, better to know before a login than to lose one.
        jar.write()?;
        Ok(Some(jar))
    }
}

/// Where the arguments of the call stand. It prints nothing of them.
#[derive(Clone)]
enum Arguments {
    Here(String),
    StandardInput,
    File(PathBuf),
}

impl FromStr for Arguments {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // No JSON object is one of the other two.
        Ok(match (text, text.strip_prefix('@')) {
            ("-", _) => Self::StandardInput,
            (_, Some(file)) => Self::File(file.into()),
            (json, None) => Self::Here(json.to_owned()),
        })
    }
}

impl Arguments {
    fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Here(json) => Ok(json.clone().into_bytes()),
            Self::StandardInput => {
                let mut json = Vec::new();
                stdin().read_to_end(&mut json).context("standard input")?;
                Ok(json)
            }
            Self::File(file) => fs::read(file).with_context(|| format!("{} cannot be read", file.display())),
        }
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arguments(…)")
    }
}

/// Only what can be a name: it must not lead to another path of the server.
fn function_name(text: &str) -> Result<String, &'static str> {
    let is_name = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name
        .then(|| text.to_owned())
        .ok_or("a function's name has letters, digits and _ only")
}

fn now() -> i64 {
    Timestamp::now().0 / 1000
}

fn show(body: &[u8]) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(body)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What the server said instead of a reply, as one line whatever it sent.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = body["error"].as_str().unwrap_or("the server did not say why");
    let line: String = said
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    format!("{line} (HTTP {})", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line() {
        let said = |body: &str| refusal(StatusCode::UNAUTHORIZED, body.as_bytes());
        assert_eq!(
            said(r#"{"ok":false,"error":"Log in first.","code":"x"}"#),
            "Log in first. (HTTP 401)"
        );
        assert_eq!(said(r#"{"error":"a\nb\u001b[2Jc"}"#), "a b [2Jc (HTTP 401)");
        for body in ["", "<html>", "[]", "null", r#"{"error":1}"#] {
            assert_eq!(said(body), "the server did not say why (HTTP 401)", "{body}");
        }
    }

    #[test]
    fn the_arguments_print_nothing_of_themselves() {
        let arguments: Arguments = r#"{"password":"secret"}"#.parse().unwrap();
        assert!(!format!("{arguments:?}").contains("secret"));
        assert_eq!(arguments.read().unwrap(), br#"{"password":"secret"}"#);
    }

    #[test]
    fn a_name_leads_to_no_other_path() {
        assert_eq!(function_name("auth_func").unwrap(), "auth_func");
        for name in ["", "../login", "a/b", "a?b", "a#b", "a b", "ä", "%2e"] {
            assert!(function_name(name).is_err(), "{name}");
        }
    }
}
