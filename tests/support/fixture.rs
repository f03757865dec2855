//! What a test run makes once: a data folder with the demo users, of which every demo starts with a copy, and a server for
//! tests that change nothing. `tools/test.sh` makes both and names them by variable, because cargo-nextest gives every test a
//! process of its own; under plain `cargo test` each test program makes its own at first use.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{OnceLock, mpsc},
    thread,
};

use crate::support::server::{QUICK, UNTHROTTLED, free_address};

/// The data folder of a demo that was started and stopped: its database and its certificates.
pub fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| env::var_os("TEST_TEMPLATE").map_or_else(make_template, PathBuf::from))
}

/// Where the shared server works, and where it speaks HTTPS and plain HTTP.
pub struct Shared {
    pub folder: PathBuf,
    pub https: SocketAddr,
    pub http: SocketAddr,
}

/// The server for tests that change nothing.
pub fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let Ok(named) = env::var("TEST_SERVER") else {
            return start_shared();
        };
        let [https, http, folder] = named.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("TEST_SERVER is \"HTTPS HTTP FOLDER\", not {named:?}");
        };
        Shared {
            folder: folder.into(),
            https: https.parse().expect("an address"),
            http: http.parse().expect("an address"),
        }
    })
}

/// Copies the files of a folder, and those in its folders.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files that the server reads instead of a built browser part.
pub fn write_site(folder: &Path) {
    fs::create_dir_all(folder.join("site/pkg")).unwrap();
    fs::write(folder.join("site/pkg/callgate.js"), "export {}\n").unwrap();
    fs::write(folder.join("site/favicon.svg"), "<svg/>\n").unwrap();
}

/// A folder of this test program. It is left behind, in a place for what is built.
fn own_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn make_template() -> PathBuf {
    let folder = own_folder("template");
    let server = start(&folder);
    let killed = Command::new("kill").arg(server.id.to_string()).status().unwrap();
    assert!(killed.success());
    server.ended.recv().expect("the server ends");
    folder.join("data")
}

fn start_shared() -> Shared {
    let folder = own_folder("shared");
    copy(template(), &folder.join("data"));
    write_site(&folder);
    let Started { https, http, .. } = start(&folder);
    Shared { folder, https, http }
}

struct Started {
    id: u32,
    https: SocketAddr,
    http: SocketAddr,
    /// Receives once the process has ended.
    ended: mpsc::Receiver<()>,
}

/// Starts a demo that ends with this process, and waits until it is ready.
fn start(folder: &Path) -> Started {
    // Another program may take a port between the look and the start.
    (0..5).find_map(|_| try_start(folder)).unwrap_or_else(|| {
        panic!(
            "no server: {}",
            fs::read_to_string(folder.join("log")).unwrap_or_default()
        )
    })
}

fn try_start(folder: &Path) -> Option<Started> {
    let (https, http) = (free_address(), free_address());
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", env!("CARGO_BIN_EXE_callgate"), "serve", "--demo"])
        .args(["--https", &https.to_string(), "--http", &http.to_string()])
        .current_dir(folder)
        .env_clear()
        .env("CALLGATE_SITE_FILES", folder.join("site"))
        .envs(QUICK.iter().chain(UNTHROTTLED).copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("log")).unwrap());
    let (ready, is_ready) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    // The signal comes when the thread ends that started the process.
    thread::spawn(move || {
        let mut child = command.spawn().expect("the program starts");
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
        if printed.any(|line| line.is_ok_and(|line| line.starts_with("Callgate is ready at"))) {
            let _ = ready.send(child.id());
        }
        drop(ready);
        printed.for_each(drop);
        let _ = child.wait();
        let _ = end.send(());
    });
    let id = is_ready.recv().ok()?;
    Some(Started { id, https, http, ended })
}
