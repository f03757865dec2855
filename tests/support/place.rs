//! Working directories of servers, and the commands that run in them.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::PathBuf,
    process::{Output, Stdio},
    sync::Arc,
};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::support::{
    database::{self, Database},
    engine::{self, PlaceDatabase},
    fixture,
    poll::within,
    server::{QUICK, Server, free_address},
};

/// A working directory with a data folder in it. It outlives the servers that run in it, so that one can be restarted.
pub struct Place {
    folder: PathBuf,
    // Removed with the place.
    _own: Option<TempDir>,
    costs: &'static [(&'static str, &'static str)],
    postgres: Option<PlaceDatabase>,
}

impl Place {
    /// An empty one, whose servers and commands hash passwords cheaply. Demos begin with a copy of the template.
    pub fn new() -> Arc<Self> {
        Self::temporary(QUICK)
    }

    /// An empty one without the settings that make tests quick, and without the template.
    pub fn with_default_settings() -> Arc<Self> {
        Self::temporary(&[])
    }

    fn temporary(costs: &'static [(&'static str, &'static str)]) -> Arc<Self> {
        let own = tempfile::tempdir().expect("a temporary folder");
        Self::prepared(own.path().to_owned(), Some(own), costs)
    }

    /// Where the shared server works.
    pub fn of_shared(folder: PathBuf) -> Self {
        Self {
            folder,
            _own: None,
            costs: QUICK,
            postgres: None,
        }
    }

    /// One in a folder that stays.
    pub fn in_folder(folder: PathBuf) -> Arc<Self> {
        Self::prepared(folder, None, QUICK)
    }

    fn prepared(folder: PathBuf, own: Option<TempDir>, costs: &'static [(&'static str, &'static str)]) -> Arc<Self> {
        // The server reads these instead of a built browser part.
        fs::create_dir_all(folder.join("site/pkg")).unwrap();
        fs::write(folder.join("site/pkg/callgate.js"), "export {}\n").unwrap();
        fs::write(folder.join("site/favicon.svg"), "<svg/>\n").unwrap();
        Arc::new(Self {
            folder,
            _own: own,
            costs,
            postgres: engine::is_postgres().then(PlaceDatabase::default),
        })
    }

    /// A path in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Everything that servers wrote to standard error here.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub async fn database(&self) -> Database {
        match &self.postgres {
            Some(database) => Database::connect(&database.url_for_tests()).await,
            None => Database::open(&self.data().join("callgate.db")).await,
        }
    }

    /// Everything that is stored, with the names of files and columns: the files in the data folder, and the values in a
    /// PostgreSQL database.
    pub async fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(self.data()).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.is_file());
        let mut stored: Vec<_> = files
            .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
            .collect();
        if self.postgres.is_some() {
            for (table, column, value) in self.database().await.values().await {
                stored.push((format!("{table}.{column}"), database::content(&value)));
            }
        }
        stored
    }

    /// The program, started by another one if one is named: its words come first.
    pub fn program(&self, starter: &[&str], arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let words = [starter, &[env!("CARGO_BIN_EXE_callgate")], arguments].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(&self.folder)
            .env_clear()
            .env("CALLGATE_SITE_FILES", self.path("site"))
            .envs(
                self.postgres
                    .as_ref()
                    .map(|database| ("CALLGATE_DATABASE_URL", database.url())),
            )
            .envs(self.costs.iter().copied())
            .envs(variables.iter().copied())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end, with `typed` on standard input.
    pub async fn run(&self, arguments: &[&str], typed: &str) -> Ran {
        self.run_with(arguments, typed, &[]).await
    }

    /// The same, with variables.
    pub async fn run_with(&self, arguments: &[&str], typed: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = self.program(&[], arguments, variables);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().unwrap();
        // A command that reads nothing may be gone before this is written.
        let _ = stdin.write_all(typed.as_bytes()).await;
        drop(stdin);
        let output = within("a command", child.wait_with_output()).await.unwrap();
        Ran::from(output)
    }

    /// Runs a server that must not come up. Where the line does not say it, on a port of its own: that of the settings may be
    /// taken by another test.
    pub async fn refused(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let address = free_address().to_string();
        let mut line = vec!["serve"];
        for (option, value) in [("--https", address.as_str()), ("--http", "off")] {
            if !arguments.contains(&option) {
                line.extend([option, value]);
            }
        }
        line.extend(arguments);
        let ran = self.run_with(&line, "", variables).await;
        assert!(!ran.worked, "{arguments:?} {variables:?} started: {}", ran.printed);
        assert!(!ran.printed.contains("ready"), "{}", ran.printed);
        assert!(!ran.error.contains("panicked"), "{}", ran.error);
        ran
    }

    /// Runs a command that must work, and gives what it printed.
    pub async fn done(&self, arguments: &[&str], typed: &str) -> String {
        let ran = self.run(arguments, typed).await;
        assert!(ran.worked, "{arguments:?}: {}", ran.error);
        ran.printed
    }

    pub async fn add_user(&self, name: &str, password: &str) {
        self.done(&["user", "add", name], password).await;
    }

    /// Starts a server as a demo.
    pub async fn demo(self: &Arc<Self>, variables: &[(&str, &str)]) -> Server {
        self.demo_by(&[], variables).await
    }

    /// Starts a demo in a shell that has done something before, such as `ulimit -n 200`.
    pub async fn demo_after(self: &Arc<Self>, before: &str, variables: &[(&str, &str)]) -> Server {
        let script = format!("{before}\nexec \"$0\" \"$@\"");
        self.demo_by(&["sh", "-c", &script], variables).await
    }

    /// Has another program start a demo in its own place.
    pub async fn demo_by(self: &Arc<Self>, starter: &[&str], variables: &[(&str, &str)]) -> Server {
        self.begin_with_template();
        Server::start_by(starter, self, &["--demo"], variables).await
    }

    /// Starts a demo on sockets that are handed over as systemd does it: the first for HTTPS, the second for plain HTTP.
    pub async fn demo_on(self: &Arc<Self>, sockets: [&TcpListener; 2], variables: &[(&str, &str)]) -> Server {
        // The shell puts them where the program looks for them, and then becomes the program. A write beyond the limit of
        // `limit_files` is to fail as one on a full disk does, and not to end the process.
        const HAND_OVER: &str = r#"exec 3<&0 4<&2 2>>log </dev/null
            export LISTEN_FDS=2 LISTEN_PID=$$
            trap "" XFSZ
            exec "$0" "$@""#;
        self.begin_with_template();
        let [https, http] = sockets.map(|socket| OwnedFd::from(socket.try_clone().unwrap()));
        let mut command = self.program(&["sh", "-c", HAND_OVER], &["serve", "--demo"], variables);
        command.stdin(https).stderr(http);
        let addresses = sockets.map(|socket| socket.local_addr().unwrap());
        Server::ready(self, command, addresses).await.unwrap()
    }

    /// Starts a demo at the addresses of one that ran here before. Its sockets are its own.
    pub async fn demo_at(self: &Arc<Self>, addresses: [SocketAddr; 2], variables: &[(&str, &str)]) -> Server {
        self.begin_with_template();
        let command = Server::command_at(addresses, &[], self, &["--demo"], variables);
        Server::ready(self, command, addresses).await.unwrap()
    }

    /// Starts a server in earnest.
    pub async fn serve(self: &Arc<Self>, variables: &[(&str, &str)]) -> Server {
        if !self.data().join("certs/ca.pem").exists() {
            if self.costs.is_empty() {
                self.done(&["cert", "--certs", "data/certs"], "").await;
            } else {
                fixture::copy(&fixture::template().join("certs"), &self.data().join("certs"));
            }
        }
        Server::start(self, &[], variables).await
    }

    fn begin_with_template(&self) {
        if !self.data().exists() && !self.costs.is_empty() {
            fixture::copy(fixture::template(), &self.data());
            if let Some(database) = &self.postgres {
                database.begin_with_template();
            }
        }
    }
}

/// How a command went.
pub struct Ran {
    /// Whether it ended with status 0.
    pub worked: bool,
    pub status: i32,
    /// Its standard output.
    pub printed: String,
    /// Its standard error.
    pub error: String,
}

impl Ran {
    /// Fails unless it ended with an error that says all of this.
    #[track_caller]
    pub fn assert_failed(&self, parts: &[&str]) {
        assert!(!self.worked, "{}", self.printed);
        for part in parts {
            assert!(self.error.contains(part), "no {part} in: {}", self.error);
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            worked: output.status.success(),
            status: output.status.code().expect("it ended by itself"),
            printed: text(output.stdout),
            error: text(output.stderr),
        }
    }
}
