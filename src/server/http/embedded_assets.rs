//! Where the files of the browser part come from: style sheet, script and WebAssembly.
//!
//! A release build embeds them, already compressed. In development they are read from the build folder.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;

use crate::{contract::page::ProgramFiles, server::config::Settings};

include!(concat!(env!("OUT_DIR"), "/site.rs"));

#[derive(Debug, Clone)]
pub enum Site {
    Embedded,
    Folder(PathBuf),
}

/// The URL paths of the files that pages load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The style sheet, loaded by all pages.
    pub css: String,
    /// Script and WebAssembly, loaded by pages with islands.
    pub files: ProgramFiles,
}

impl Site {
    /// Selects the folder in `site.files` or `LEPTOS_SITE_ROOT`, else the embedded files, else the folder `site` next
    /// to the folder of the executable, where builds put them.
    pub fn of(settings: &Settings) -> anyhow::Result<Self> {
        let from_leptos = || env::var_os("LEPTOS_SITE_ROOT").map(PathBuf::from);
        let root = match settings.site.files.clone().or_else(from_leptos) {
            Some(root) => root,
            None if Embedded::iter().next().is_some() => return Ok(Self::Embedded),
            None => {
                let program =
                    env::current_exe().context("cannot determine the path of the executable; set site.files")?;
                let build = program.parent().and_then(|folder| folder.parent());
                build.map(|folder| folder.join("site")).unwrap_or_default()
            }
        };
        if !root.join("pkg").is_dir() {
            tracing::warn!(
                folder = %root.display(),
                "the browser part is missing, so pages have no style and no script. Build it with `make build`, or set site.files"
            );
        }
        Ok(Self::Folder(root))
    }

    /// The names of the files in the folder `pkg`, compressed ones included.
    pub fn program_file_names(&self) -> Vec<String> {
        match self {
            Self::Embedded => Embedded::iter()
                .filter_map(|path| path.strip_prefix("pkg/").map(str::to_owned))
                .collect(),
            Self::Folder(root) => fs::read_dir(root.join("pkg"))
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
        }
    }

    /// The content of a file in the folder `pkg`. `None` if it cannot be read.
    pub fn read_program_file(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Embedded => Embedded::get(&format!("pkg/{name}")).map(|file| file.data.into_owned()),
            Self::Folder(root) => fs::read(root.join("pkg").join(name)).ok(),
        }
    }

    /// Finds the files that pages load, with or without a content hash in their names: `callgate.<hash>.js`.
    pub fn program(&self) -> Program {
        let names = self.program_file_names();
        let path = |extension: &str| {
            let matches = |name: &&String| {
                name.strip_prefix("callgate.")
                    .and_then(|rest| rest.strip_suffix(extension))
                    .is_some_and(|hash| hash.is_empty() || hash.find('.') == Some(hash.len() - 1))
            };
            let name = names.iter().find(matches).cloned();
            format!("/pkg/{}", name.unwrap_or_else(|| format!("callgate.{extension}")))
        };
        Program {
            css: path("css"),
            files: ProgramFiles {
                js: path("js"),
                wasm: path("wasm"),
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
