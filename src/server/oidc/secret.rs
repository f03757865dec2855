//! The client's secret.

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, ensure};
use zeroize::Zeroizing;

use crate::server::config;

/// A client's secret. It is never logged.
pub type Secret = Zeroizing<String>;

/// Reads the secret from the file or the variable in the settings. Returns `None` for a client without a secret.
pub fn read(settings: &config::Provider) -> anyhow::Result<Option<Secret>> {
    let secret = if let Some(file) = &settings.client_secret_file {
        let secret = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        warn_if_readable_by_others(file);
        Zeroizing::new(secret)
    } else if let Some(variable) = &settings.client_secret_variable {
        Zeroizing::new(env::var(variable).with_context(|| format!("the variable {variable}"))?)
    } else {
        return Ok(None);
    };
    // Editors and `echo` add a line break.
    let trimmed = secret.strip_suffix('\n').unwrap_or(&secret);
    let trimmed = trimmed.strip_suffix('\r').unwrap_or(trimmed);
    ensure!(!trimmed.is_empty(), "the client secret is empty");
    Ok(Some(Zeroizing::new(trimmed.to_owned())))
}

fn warn_if_readable_by_others(file: &Path) {
    let is_readable = fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0);
    if is_readable {
        let file = file.display();
        tracing::warn!(%file, "every user of this machine can read a client secret; restrict it: chmod o-rwx {file}");
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::provider::settings, *};

    #[test]
    fn one_line_break_at_the_end_of_a_secret_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let settings = settings(
            "https://id.example.org",
            &format!("client_auth = \"basic\"\nclient_secret_file = \"{}\"", file.display()),
        );
        for (content, secret) in [
            ("a b:c", "a b:c"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            (" secret \n\n", " secret \n"),
        ] {
            fs::write(&file, content).unwrap();
            assert_eq!(read(&settings).unwrap().unwrap().as_str(), secret);
        }
        fs::write(&file, "\n").unwrap();
        read(&settings).unwrap_err();
        fs::remove_file(&file).unwrap();
        let error = format!("{:#}", read(&settings).unwrap_err());
        assert!(error.contains("secret: No such file"), "{error}");
    }
}
