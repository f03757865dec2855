//! Files of the browser part that nodes serve for each other.
//!
//! While nodes that run different versions of the program share a database, a page of one node may load its files from
//! another one. So each node stores its files in the database, and looks there for those that it lacks. This concerns
//! only files with a content hash in their names: the others have the same names in all versions.

use std::{collections::HashSet, fmt, future::pending, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::body::Bytes;
use quick_cache::{Weighter, sync::Cache};
use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::embedded_assets::Site;
use crate::{
    contract::Refusal,
    server::{
        model::clock::Timestamp,
        storage::{Storage, program_files::ProgramFile},
        telemetry::error::InternalError,
    },
};

/// How often a node records that its files are in use.
const REFRESH_INTERVAL: Duration = Duration::from_hours(1);

const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Larger files are not shared. Those of a release build are far smaller.
const MAX_BYTES: usize = 16 << 20;

const MAX_NAME_BYTES: usize = 200;

/// The size of all files of other nodes in memory.
const CACHED_BYTES: u64 = 64 << 20;

/// An estimate.
const CACHED_FILES: usize = 32;

/// The shortest time between two listings of the stored files, so that requests for unknown names are no load for the
/// database.
const LISTING_INTERVAL: Duration = Duration::from_millis(250);

/// How long a request waits for those before it that read files.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// The content type of a file with a hash in its name: `<name>.<hash>.<extension>`. `None` for all other names.
pub fn content_type(name: &str) -> Option<&'static str> {
    let mut parts = name.split('.');
    let (stem, hash, extension) = (parts.next()?, parts.next()?, parts.next()?);
    let is_word = |part: &str| {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !part.is_empty() && part.bytes().all(is_valid)
    };
    if parts.next().is_some() || name.len() > MAX_NAME_BYTES || !is_word(stem) || !is_word(hash) {
        return None;
    }
    match extension {
        "css" => Some("text/css"),
        "js" => Some("text/javascript"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}

/// The name without the extension of a compressed file that can be shared.
fn without_coding(path: &str) -> &str {
    path.strip_suffix(".br").unwrap_or(path)
}

/// Stores the files of this node, records once an hour that they are in use, and never returns. Does nothing if the
/// database is not shared.
pub async fn share_forever(storage: &Storage, site: &Site) {
    if !storage.is_shared() {
        return pending().await;
    }
    let mut is_failing = false;
    loop {
        let wait = match share(storage, site).await {
            Ok(()) => {
                is_failing = false;
                REFRESH_INTERVAL
            }
            Err(error) => {
                // Once, not at each try.
                if !is_failing {
                    error.log();
                }
                is_failing = true;
                RETRY_INTERVAL
            }
        };
        sleep(wait).await;
    }
}

async fn share(storage: &Storage, site: &Site) -> Result<(), InternalError> {
    let site = site.clone();
    let files = spawn_blocking(move || files_to_share(&site))
        .await
        .map_err(|error| InternalError::new("reading program files", error))?;
    let now = Timestamp::now();
    let mut missing = Vec::new();
    for file in files {
        if !storage.touch_program_file(&file.path, now).await? {
            missing.push(file);
        }
    }
    storage.add_program_files(missing, now).await
}

/// The files with a hash in their names, plain and compressed with brotli, in the order of their paths.
fn files_to_share(site: &Site) -> Vec<ProgramFile> {
    let mut paths = site.program_file_names();
    paths.retain(|path| content_type(without_coding(path)).is_some());
    paths.sort_unstable();
    let file = |path: String| {
        let bytes = site.read_program_file(&path)?;
        if bytes.len() > MAX_BYTES {
            tracing::warn!(path, "too large a file to be served by other nodes");
            return None;
        }
        Some(ProgramFile { path, bytes })
    };
    paths.into_iter().filter_map(file).collect()
}

/// A file of another node.
#[derive(Debug, Clone)]
pub struct SharedFile {
    pub content_type: &'static str,
    /// The content coding: `br`, or `None` for a plain file.
    pub coding: Option<&'static str>,
    pub content: Bytes,
}

/// The files that other nodes have stored.
pub struct SharedFiles {
    storage: Storage,
    listing: ArcSwap<Listing>,
    /// When the last listing was attempted.
    attempted: Mutex<Option<Instant>>,
    cache: Cache<String, Bytes, ByLength>,
    /// Locked while a file is read, so that many requests for one file read it once.
    reading: Mutex<()>,
}

/// The paths of the stored files.
#[derive(Debug, Clone, Default)]
struct Listing {
    /// When the listing began. `None` before the first one.
    began: Option<Instant>,
    paths: HashSet<String>,
    /// If it failed, the paths are those of the listing before.
    failed: bool,
}

#[derive(Debug, Clone)]
struct ByLength;

impl Weighter<String, Bytes> for ByLength {
    fn weight(&self, path: &String, content: &Bytes) -> u64 {
        (path.len() + content.len()) as u64
    }
}

impl fmt::Debug for SharedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFiles")
            .field("listing", &self.listing)
            .finish_non_exhaustive()
    }
}

impl SharedFiles {
    pub fn new(storage: Storage) -> Self {
        Self {
            storage,
            listing: ArcSwap::default(),
            attempted: Mutex::default(),
            cache: Cache::with_weighter(CACHED_FILES, CACHED_BYTES, ByLength),
            reading: Mutex::default(),
        }
    }

    /// The file with that name. `None` if no node has stored it, if the name has no hash, or if the database is not
    /// shared.
    pub async fn find(&self, name: &str, accepts_brotli: bool) -> Result<Option<SharedFile>, Refusal> {
        let Some(content_type) = content_type(name).filter(|_| self.storage.is_shared()) else {
            return Ok(None);
        };
        let compressed = format!("{name}.br");
        let listing = self.listing_for(name).await?;
        for (path, coding) in [(compressed.as_str(), Some("br")), (name, None)] {
            if (coding.is_none() || accepts_brotli)
                && listing.paths.contains(path)
                && let Some(content) = self.read(path).await?
            {
                return Ok(Some(SharedFile {
                    content_type,
                    coding,
                    content,
                }));
            }
        }
        Ok(None)
    }

    /// A listing that contains `name`, or else one that began after this call, so that it is known not to be stored.
    async fn listing_for(&self, name: &str) -> Result<Arc<Listing>, Refusal> {
        let arrived = Instant::now();
        let listing = self.listing.load_full();
        if listing.paths.contains(name) {
            return Ok(listing);
        }
        let mut attempted = self.attempted.lock().await;
        let listing = self.listing.load_full();
        if listing.began.is_some_and(|began| began >= arrived) {
            // Those that waited share the outcome. Otherwise each would wait for the timeouts of all before it.
            return if listing.failed {
                Err(Refusal::Busy { retry_after: 1 })
            } else {
                Ok(listing)
            };
        }
        if let Some(last) = *attempted {
            sleep_until(last + LISTING_INTERVAL).await;
        }
        let began = Instant::now();
        // Before the statement, because a request can be cancelled.
        *attempted = Some(began);
        let listed = self.storage.list_program_files().await;
        let (paths, failed) = match &listed {
            Ok(paths) => (paths.iter().cloned().collect(), false),
            Err(_) => (listing.paths.clone(), true),
        };
        let listing = Arc::new(Listing {
            began: Some(began),
            paths,
            failed,
        });
        self.listing.store(Arc::clone(&listing));
        listed?;
        Ok(listing)
    }

    async fn read(&self, path: &str) -> Result<Option<Bytes>, Refusal> {
        if let Some(content) = self.cache.get(path) {
            return Ok(Some(content));
        }
        let Ok(_reading) = timeout(READ_TIMEOUT, self.reading.lock()).await else {
            return Err(Refusal::Busy { retry_after: 1 });
        };
        if let Some(content) = self.cache.get(path) {
            return Ok(Some(content));
        }
        let Some(bytes) = self.storage.find_program_file(path).await? else {
            return Ok(None);
        };
        let content = Bytes::from(bytes);
        self.cache.insert(path.to_owned(), content.clone());
        Ok(Some(content))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_name_with_a_hash_has_a_content_type() {
        for (name, expected) in [
            ("callgate.Zm9v-_.js", Some("text/javascript")),
            ("chunk_7.Zm9v.wasm", Some("application/wasm")),
            ("callgate.Zm9v.css", Some("text/css")),
            ("callgate.js", None),
            ("callgate.d.ts", None),
            ("callgate.Zm9v.js.br", None),
            ("callgate.Zm9v.js.map", None),
            ("callgate..js", None),
            (".Zm9v.js", None),
            ("call/gate.Zm9v.js", None),
            ("callgate.Zm%39v.js", None),
            ("callgate.Zm9v.html", None),
            ("", None),
        ] {
            assert_eq!(content_type(name), expected, "{name}");
        }
        let hash = "a".repeat(MAX_NAME_BYTES - "callgate..js".len());
        assert!(content_type(&format!("callgate.{hash}.js")).is_some());
        assert!(content_type(&format!("callgate.{hash}a.js")).is_none());
    }

    #[test]
    fn files_with_a_hash_in_their_names_are_shared_plain_and_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let pkg = folder.path().join("pkg");
        fs::create_dir(&pkg).unwrap();
        for name in [
            "b.Zm9v.css",
            "a.Zm9v.js.br",
            "a.Zm9v.js",
            "a.Zm9v.js.gz",
            "a.js",
            "a.d.ts",
        ] {
            fs::write(pkg.join(name), name).unwrap();
        }
        fs::create_dir(pkg.join("c.Zm9v.js")).unwrap();
        let shared = files_to_share(&Site::Folder(folder.path().to_owned()));
        let expected = ["a.Zm9v.js", "a.Zm9v.js.br", "b.Zm9v.css"].map(|name| ProgramFile {
            path: name.to_owned(),
            bytes: name.into(),
        });
        assert_eq!(shared, expected);
    }
}
