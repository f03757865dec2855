//! Says which folder rust-embed puts into the program: the one that `EMBEDDED_SITE` names, as `make build` does. Without it
//! there is none, and the server reads the browser part from a folder, so that a test does not wait for a build of it.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// The variable. It is not one of the server's settings.
const FOLDER: &str = "EMBEDDED_SITE";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    // `sqlx::migrate!` puts these into the program, and would not notice a new one.
    println!("cargo::rerun-if-changed=migrations");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let folder = match env::var_os(FOLDER) {
        Some(folder) => {
            println!("cargo::rerun-if-changed={}", Path::new(&folder).display());
            fs::canonicalize(folder)?
        }
        None => out.join("no-site"),
    };
    let folder = folder.to_str().ok_or("the folder's name is not UTF-8")?;
    // The attribute takes a literal only.
    let declaration = format!(
        "/// The files in the program.\n\
         #[derive(rust_embed::RustEmbed)]\n\
         #[folder = {folder:?}]\n\
         #[allow_missing = true]\n\
         pub struct Embedded;\n"
    );
    Ok(fs::write(out.join("site.rs"), declaration)?)
}
