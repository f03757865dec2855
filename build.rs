//! Selects the folder that rust-embed embeds in the program: the one named by the environment variable `EMBEDDED_SITE`, which
//! `make build` sets. Without it nothing is embedded, and the server reads the browser part from a folder, so that tests do not
//! need a build of it.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// Read at build time only. Not a setting of the server.
const VARIABLE: &str = "EMBEDDED_SITE";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    // `sqlx::migrate!` embeds the migrations, but does not detect new files.
    println!("cargo::rerun-if-changed=migrations");
    // The macros for translated texts read the catalogue, which the compiler does not see.
    println!("cargo::rerun-if-changed=locales");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let folder = match env::var_os(VARIABLE) {
        Some(folder) => {
            println!("cargo::rerun-if-changed={}", Path::new(&folder).display());
            fs::canonicalize(folder)?
        }
        None => out.join("no-site"),
    };
    let folder = folder.to_str().ok_or("the path of the folder is not UTF-8")?;
    // Generated code, because the attribute accepts only a literal.
    let declaration = format!(
        "/// The embedded files.\n\
         #[derive(rust_embed::RustEmbed)]\n\
         #[folder = {folder:?}]\n\
         #[allow_missing = true]\n\
         pub struct Embedded;\n"
    );
    Ok(fs::write(out.join("site.rs"), declaration)?)
}
