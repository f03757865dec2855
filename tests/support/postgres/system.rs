//! The programs of PostgreSQL, the user that they run as, and their processes as the system sees them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// A program of PostgreSQL.
pub fn program(name: &str) -> Command {
    as_postgres(&programs().join(name))
}

/// A program that refuses to run as root, and there runs as the user of Debian's packages.
pub fn as_postgres(program: &Path) -> Command {
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    // Without PGHOST, PGOPTIONS and the like.
    command.env_clear().env("LC_ALL", "C");
    command
}

/// The folder of PostgreSQL's programs: that of the `initdb` on PATH, or else that of the latest version of Debian's packages,
/// which is not on PATH.
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = env::split_paths(&path)
            .map(|folder| folder.join("initdb"))
            .find(|initdb| initdb.is_file());
        let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
        let latest = || {
            let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let folder = versions.map(|entry| entry.path()).max_by_key(version)?;
            Some(folder.join("bin/initdb"))
        };
        let initdb = on_path.or_else(latest).and_then(|initdb| initdb.canonicalize().ok());
        let initdb =
            initdb.expect("PostgreSQL is missing: install the package \"postgresql\", or run tools/setup.sh test");
        initdb.parent().expect("a file has a folder").to_owned()
    })
}

/// Makes a file belong to the user that `as_postgres` runs programs as.
pub fn give_to_postgres(file: &Path) {
    if geteuid().is_root() {
        let status = Command::new("chown").arg("postgres:").arg(file).status();
        assert!(status.expect("chown").success());
    }
}

/// A field of the status of a process (proc(5)), if there is such a process.
fn status(process: u32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Some(line?.trim().to_owned())
}

pub fn has_ended(process: u32) -> bool {
    status(process, "State").is_none_or(|state| state.starts_with('Z'))
}

pub fn is_stopped(process: u32) -> bool {
    has_ended(process) || status(process, "State").is_some_and(|state| state.starts_with('T'))
}

/// The processes that a process has started and that run.
pub fn children(process: u32) -> Vec<u32> {
    let parent = process.to_string();
    let names = fs::read_dir("/proc").unwrap().flatten();
    let processes = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process| status(*process, "PPid").as_ref() == Some(&parent) && !has_ended(*process))
        .collect()
}

/// Sends a signal. A process that has ended gets none.
pub fn signal(process: u32, signal: Signal) {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw);
    let _ = kill_process(id.expect("the id of a process"), signal);
}
