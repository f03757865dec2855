//! The engine that the servers of a test run use: SQLite, or PostgreSQL if the variable `TEST_ENGINE` is `postgres`. Then each
//! place has a database of its own on the shared PostgreSQL server, which `tools/unit.sh` starts.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use crate::support::postgres;

/// The database with the demo users, which `tools/unit.sh` makes. Every demo begins with a copy of it.
const TEMPLATE: &str = "template_demo";

pub fn is_postgres() -> bool {
    env::var("TEST_ENGINE").is_ok_and(|engine| engine == "postgres")
}

/// The PostgreSQL database of a place. It is made at first use and dropped with the place.
#[derive(Default)]
pub struct PlaceDatabase(OnceLock<String>);

impl PlaceDatabase {
    /// Makes it with the demo users, unless it exists.
    pub fn begin_with_template(&self) {
        self.0.get_or_init(|| created(TEMPLATE));
    }

    fn name(&self) -> &str {
        self.0.get_or_init(|| created("template1"))
    }

    /// The address for servers and commands.
    pub fn url(&self) -> String {
        let (port, _) = server();
        format!("postgres://callgate@127.0.0.1:{port}/{}", self.name())
    }

    /// The address for tests, which are superusers.
    pub fn url_for_tests(&self) -> String {
        let (port, folder) = server();
        let folder = folder.to_str().expect("a path in UTF-8").replace('/', "%2F");
        format!("postgres://postgres@{folder}:{port}/{}", self.name())
    }
}

impl Drop for PlaceDatabase {
    fn drop(&mut self) {
        if let Some(name) = self.0.get() {
            run("dropdb", &["--if-exists", "--force", name]);
        }
    }
}

/// The port of the shared server, and the folder of its Unix socket.
fn server() -> (String, PathBuf) {
    let named = env::var("TEST_POSTGRES").expect("tools/unit.sh starts the PostgreSQL server; run the tests with it");
    let (port, folder) = named.split_once(' ').expect("TEST_POSTGRES is \"PORT FOLDER\"");
    (port.to_owned(), folder.into())
}

fn created(template: &str) -> String {
    let unique = tempfile::tempdir().expect("a temporary folder");
    let unique = unique.path().file_name().unwrap().to_string_lossy().to_lowercase();
    let name = format!("place{}_{}", std::process::id(), unique.replace('.', ""));
    run("createdb", &["--owner", "callgate", "--template", template, &name]);
    name
}

fn run(program: &str, arguments: &[&str]) {
    let (port, folder) = server();
    let done = Command::new(postgres::programs().join(program))
        .args(["--username", "postgres", "--port", &port, "--host"])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    assert!(
        done.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}
