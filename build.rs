//! Puts the browser part into the program, where `EMBEDDED_SITE` names the folder that it was built to: `make build` does so.
//! Without it there is nothing in it, and the server reads the files from a folder; so a test does not wait for a build of
//! the browser part. Besides, it has cargo notice new migrations.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hasher as _},
    path::{Path, PathBuf},
};

/// The variable, which is none of the server's own settings.
const FOLDER: &str = "EMBEDDED_SITE";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={FOLDER}");
    // `sqlx::migrate!` puts these into the program, and would not notice a new one.
    println!("cargo::rerun-if-changed=migrations");
    let mut table = String::from("&[\n");
    if let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", folder.display());
        let folder = folder.canonicalize()?;
        let mut files = Vec::new();
        find(&folder, &mut files)?;
        files.sort();
        for file in files.iter().filter(|file| is_served(file)) {
            write_row(&mut table, &folder, file)?;
        }
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    Ok(fs::write(Path::new(&out).join("site.rs"), table)?)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => find(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}

/// What browsers load, less what is there compressed.
fn is_served(file: &Path) -> bool {
    let not_served = ["br", "gz", "json", "ts"].map(OsStr::new);
    !not_served.contains(&file.extension().unwrap_or_default())
}

fn write_row(table: &mut String, folder: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let compressed = |end: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(end);
        PathBuf::from(path)
    };
    let literal =
        |path: &Path| -> Result<String, &str> { Ok(format!("{:?}", path.to_str().ok_or("a name that is no text")?)) };
    let include = |path: &Path| match path.is_file() {
        true => literal(path).map(|path| format!("Some(include_bytes!({path}))")),
        false => Ok("None".to_owned()),
    };
    let mut hash = DefaultHasher::new();
    hash.write(&fs::read(file)?);
    let path = file.strip_prefix(folder)?.to_str().ok_or("a name that is no text")?;
    writeln!(
        table,
        "Embedded {{ path: \"/{path}\", hash: \"{:016x}\", plain: include_bytes!({}), br: {}, gz: {} }},",
        hash.finish(),
        literal(file)?,
        include(&compressed(".br"))?,
        include(&compressed(".gz"))?,
    )?;
    Ok(())
}
