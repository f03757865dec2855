//! The files of the browser part: style, script and WebAssembly.
//!
//! A release has them within itself, compressed already, so the program needs nothing beside it. While Callgate is being
//! worked on they are read from the folder that they are built to.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;

use crate::{contract::page::ProgramFiles, server::config::Settings};

include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// Where the files are.
#[derive(Debug, Clone)]
pub enum Site {
    /// In the program.
    Embedded,
    /// In a folder.
    Folder(PathBuf),
}

/// The addresses of what pages load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The style sheet, for all of them.
    pub css: String,
    /// The program, for those that have something for it to take over.
    pub files: ProgramFiles,
}

impl Site {
    /// The files of the settings; or those in the program; or those that were built beside it.
    ///
    /// # Errors
    /// Where the program does not know where it is.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let from_leptos = || env::var_os("LEPTOS_SITE_ROOT").map(PathBuf::from);
        let root = match settings.site.files.clone().or_else(from_leptos) {
            Some(root) => root,
            None if Embedded::iter().next().is_some() => return Ok(Self::Embedded),
            None => {
                let program = env::current_exe().context("the program does not know where it is; set site.files")?;
                let build = program.parent().and_then(|folder| folder.parent());
                build.map(|folder| folder.join("site")).unwrap_or_default()
            }
        };
        if !root.join("pkg").is_dir() {
            tracing::warn!(
                folder = %root.display(),
                "the browser part is not there: pages work without style and script. Build it with `make build`, or set site.files"
            );
        }
        Ok(Self::Folder(root))
    }

    /// What pages load. Its names have a hash in them where it was built so: `callgate.<hash>.js`.
    pub fn program(&self) -> Program {
        let names: Vec<String> = match self {
            Self::Embedded => Embedded::iter()
                .filter_map(|path| path.strip_prefix("pkg/").map(str::to_owned))
                .collect(),
            Self::Folder(root) => fs::read_dir(root.join("pkg"))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
        };
        let address = |kind: &str| {
            let is_it = |name: &&String| {
                name.strip_prefix("callgate.")
                    .and_then(|rest| rest.strip_suffix(kind))
                    .is_some_and(|hash| hash.is_empty() || hash.ends_with('.') && !hash[..hash.len() - 1].contains('.'))
            };
            let name = names.iter().find(is_it).cloned();
            format!("/pkg/{}", name.unwrap_or_else(|| format!("callgate.{kind}")))
        };
        Program {
            css: address("css"),
            files: ProgramFiles {
                js: address("js"),
                wasm: address("wasm"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_with_and_without_a_hash_in_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::Folder(folder.path().to_owned());
        let program = |hash: &str| Program {
            css: format!("/pkg/callgate.{hash}css"),
            files: ProgramFiles {
                js: format!("/pkg/callgate.{hash}js"),
                wasm: format!("/pkg/callgate.{hash}wasm"),
            },
        };
        assert_eq!(site.program(), program(""));
        let pkg = folder.path().join("pkg");
        fs::create_dir(&pkg).unwrap();
        for name in [
            "callgate.d.ts",
            "callgate.a-_9.js",
            "callgate.a-_9.js.br",
            "callgate.a-_9.css",
            "callgate.a-_9.wasm",
        ] {
            fs::write(pkg.join(name), "").unwrap();
        }
        assert_eq!(site.program(), program("a-_9."));
    }
}
