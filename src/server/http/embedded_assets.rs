//! Where the files of the browser part come from: style sheet, script and WebAssembly.
//!
//! A release build embeds them, already compressed. In development they are read from the build folder.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

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
        let split_js = |name: &&String| is_between(name, "__wasm_split.", ".js");
        Program {
            css: path("css"),
            files: ProgramFiles {
                js: path("js"),
                wasm: path("wasm"),
                split_js: names.iter().find(split_js).map(|name| format!("/pkg/{name}")),
                split: self.split_files(&names),
            },
        }
    }

    /// The split files of each lazy island, from the manifest among `names`. Pages only preload them, so they work without.
    fn split_files(&self, names: &[String]) -> Vec<(String, Vec<String>)> {
        let is_manifest = |name: &&String| is_between(name, "__wasm_split_manifest.", ".json");
        let manifest = names
            .iter()
            .find(is_manifest)
            .and_then(|name| self.read_program_file(name));
        let islands: BTreeMap<String, Vec<String>> = manifest
            .and_then(|manifest| serde_json::from_slice(&manifest).ok())
            .unwrap_or_default();
        let path = |module: String| format!("/pkg/{module}.wasm");
        islands
            .into_iter()
            .map(|(island, modules)| (island, modules.into_iter().map(path).collect()))
            .collect()
    }
}

fn is_between(name: &str, start: &str, end: &str) -> bool {
    name.strip_prefix(start)
        .is_some_and(|rest| rest.strip_suffix(end).is_some())
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
                split_js: None,
                split: Vec::new(),
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

    #[test]
    fn the_split_files_of_an_island_are_those_of_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let pkg = folder.path().join("pkg");
        fs::create_dir(&pkg).unwrap();
        fs::write(pkg.join("__wasm_split.a9.js"), "").unwrap();
        fs::write(
            pkg.join("__wasm_split_manifest.b8.json"),
            r#"{"form_loader_1":["chunk_2.c7","split_form.d6"]}"#,
        )
        .unwrap();
        let files = Site::Folder(folder.path().to_owned()).program().files;
        assert_eq!(files.split_js.as_deref(), Some("/pkg/__wasm_split.a9.js"));
        let modules = ["/pkg/chunk_2.c7.wasm", "/pkg/split_form.d6.wasm"].map(str::to_owned);
        assert_eq!(files.split, [("form_loader_1".to_owned(), modules.to_vec())]);
    }
}
