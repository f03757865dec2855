//! What a test run makes once: a data folder with the demo users, of which every demo starts with a copy, and a server for
//! tests that change nothing. `tools/unit.sh` makes both and names them by variable, because cargo-nextest gives every test a
//! process of its own; under plain `cargo test` each test program makes its own at first use.

use std::{
    env, fs,
    future::pending,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{OnceLock, mpsc},
    thread,
};

use tokio::runtime;

use crate::support::{
    place::Place,
    server::{Server, UNTHROTTLED},
};

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

/// A folder of this test program. It is left behind, in a place for what is built.
fn own_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn make_template() -> PathBuf {
    in_thread(async |made| {
        let place = Place::in_folder(own_folder("template"));
        let place = Server::start(&place, &["--demo"], &[]).await.stop().await;
        let _ = made.send(place.data());
    })
}

fn start_shared() -> Shared {
    in_thread(async |started| {
        let folder = own_folder("shared");
        let place = Place::in_folder(folder.clone());
        // The signal comes when the thread ends that started the server: together with the test program.
        let server = place.demo_by(&["setpriv", "--pdeathsig", "TERM"], UNTHROTTLED).await;
        let (https, http) = (server.https, server.http);
        let _ = started.send(Shared { folder, https, http });
        pending::<()>().await;
    })
}

/// Does this on a thread of its own, whose runtime is not that of the test which happens to be the first.
fn in_thread<T: Send + 'static>(work: impl AsyncFnOnce(mpsc::Sender<T>) + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work(sender));
    });
    receiver.recv().expect("a server")
}
