//! PostgreSQL servers for tests, in temporary folders. A test can pause, kill and restart a server of its own, or replace it by
//! a standby. The shared server is for tests that only need a database.
//!
//! The role `callgate` owns the databases and is not a superuser. Tests connect as the superuser `postgres`, through a Unix
//! socket, to which neither TLS nor access rules apply.

mod database;
pub mod pgbouncer;
mod system;

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use tokio::sync::OnceCell;

pub use self::{database::PostgresDatabase, system::programs};
use self::{
    database::Socket,
    system::{children, give_to_postgres, has_ended, is_stopped, program, signal},
};
use crate::support::{
    poll::{until, within},
    server::free_address,
};

/// Settings for a server that writes every commit to the disk before it acknowledges it. By default, a commit outlives the
/// server's processes, but not a crash of the machine.
pub const DURABLE: &[(&str, &str)] = &[("fsync", "on")];

/// The settings of every server. tools/unit.sh starts the shared one with them.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("fsync", "off"),
    ("max_connections", "300"),
    // In the server's folder, where a killed server leaves nothing behind.
    ("dynamic_shared_memory_type", "mmap"),
];

/// Access rules that always apply: for the tests, and for standbys.
const FIRST_RULES: &[&str] = &[
    "local all all trust",
    "local replication postgres trust",
    "host replication postgres 127.0.0.1/32 trust",
];

/// A shell script that ends the server in the folder `$1` and removes the folder once standard input ends: when the server is
/// dropped or the test program ends, however it ends. Each line of standard input is the process of the server, or empty if
/// none runs.
const CLEAN_UP: &str = r#"
server=
while read -r line; do server=$line; done
if [ -n "$server" ]; then
    kill -QUIT "$server"
    kill -CONT "$server" $(grep -l "^PPid:[[:space:]]$server\$" /proc/[0-9]*/status | cut -d / -f 3)
    while kill -0 "$server" && ! grep -q '^State:[[:space:]]Z' "/proc/$server/status"; do sleep 0.02; done
fi
# A killed server leaves a segment of shared memory.
if [ -f "$1/data/postmaster.pid" ]; then ipcrm -m "$(awk 'NR == 7 { print $2 }' "$1/data/postmaster.pid")"; fi
rm -rf "$1"
"#;

/// A PostgreSQL server. When it is dropped, it is stopped and its folder is removed.
pub struct PostgresServer {
    socket: Socket,
    is_shared: bool,
    // None if tools/unit.sh started the server.
    own: Option<Own>,
}

struct Own {
    // Runs `CLEAN_UP`.
    clean_up: Child,
    postmaster: Option<Child>,
}

impl PostgresServer {
    /// Starts a server.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with these settings of `postgresql.conf`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut server = Self::in_new_folder();
        let data = server.data();
        let mut initdb = program("initdb");
        initdb.arg("--pgdata").arg(&data);
        initdb.args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8"]);
        initdb.args(["--locale", "C", "--no-sync"]);
        server.run(initdb).await;
        server.append_settings(&[SETTINGS, settings].concat());
        server.write_access_rules(&["host all all 127.0.0.1/32 trust"]);
        server.launch_at_free_port().await;
        server.execute("postgres", "CREATE ROLE callgate LOGIN").await;
        server
    }

    /// The server that all tests share which neither stop nor change it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<PostgresServer> = OnceCell::const_new();
        let start = async || {
            let Ok(named) = env::var("TEST_POSTGRES") else {
                let mut server = Self::start().await;
                server.is_shared = true;
                return server;
            };
            let (port, folder) = named.split_once(' ').expect("TEST_POSTGRES is \"PORT FOLDER\"");
            let (port, folder) = (port.parse().expect("a port"), folder.into());
            Self {
                socket: Socket { folder, port },
                is_shared: true,
                own: None,
            }
        };
        SHARED.get_or_init(start).await
    }

    /// Starts a standby that follows this server.
    pub async fn standby(&self) -> Self {
        self.standby_through(self.address()).await
    }

    /// Starts a standby that follows this server through a proxy.
    pub async fn standby_through(&self, proxy: SocketAddr) -> Self {
        let mut standby = Self::in_new_folder();
        let mut backup = program("pg_basebackup");
        backup.arg("--pgdata").arg(standby.data());
        backup.arg("--host").arg(&self.socket.folder);
        backup.args(["--port", &self.socket.port.to_string(), "--username", "postgres"]);
        backup.args(["--checkpoint", "fast", "--no-sync"]);
        standby.run(backup).await;
        let (host, port) = (proxy.ip(), proxy.port());
        let primary = format!("host={host} port={port} user=postgres sslmode=disable application_name=standby");
        standby.append_settings(&[("primary_conninfo", &primary), ("wal_retrieve_retry_interval", "100ms")]);
        standby.write_file("standby.signal", b"");
        standby.launch_at_free_port().await;
        standby
    }

    /// Makes a standby a primary.
    pub async fn promote(&self) {
        let promoted: bool = self.socket.value("postgres", "SELECT pg_promote()").await;
        assert!(promoted, "{}", self.log());
    }

    /// Waits until this standby has replayed everything that the primary has written so far.
    pub async fn catch_up_with(&self, primary: &Self) {
        let written: String = primary
            .socket
            .value("postgres", "SELECT pg_current_wal_lsn()::text")
            .await;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        until("the standby to catch up", async || {
            self.socket.value("postgres", &replayed).await
        })
        .await;
    }

    /// Where it listens for TCP connections.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.socket.port))
    }

    /// Creates an empty database.
    pub async fn create_database(&self) -> PostgresDatabase {
        self.create_database_from("template1").await
    }

    /// Creates a copy of a database, to which nothing may be connected.
    pub async fn create_database_from(&self, template: &str) -> PostgresDatabase {
        let unique = "SELECT 'test_' || replace(gen_random_uuid()::text, '-', '')";
        let name: String = self.socket.value("postgres", unique).await;
        let create = format!(r#"CREATE DATABASE "{name}" OWNER callgate TEMPLATE "{template}""#);
        self.execute("postgres", &create).await;
        PostgresDatabase {
            name,
            socket: self.socket.clone(),
            is_temporary: self.is_shared,
        }
    }

    /// A database that exists, such as one that a standby has from its primary.
    pub fn database(&self, name: &str) -> PostgresDatabase {
        PostgresDatabase {
            name: name.to_owned(),
            socket: self.socket.clone(),
            is_temporary: false,
        }
    }

    /// Executes a statement as the superuser. Returns the number of changed rows.
    pub async fn execute(&self, database: &str, statement: &str) -> u64 {
        self.socket.execute(database, statement).await
    }

    /// Changes a setting that needs no restart. It applies to connections that begin after this.
    pub async fn configure(&self, setting: &str, value: &str) {
        let value = value.replace('\'', "''");
        let change = format!("ALTER SYSTEM SET {setting} = '{value}'");
        self.execute("postgres", &change).await;
        self.reload().await;
    }

    /// Offers TLS with this certificate and key, which are PEM files, such as those of `fixture::template()`.
    pub async fn enable_tls(&self, certificate: &Path, key: &Path) {
        self.write_file("server.crt", &fs::read(certificate).unwrap());
        self.write_file("server.key", &fs::read(key).unwrap());
        self.configure("ssl", "on").await;
    }

    /// Replaces the access rules for TCP connections (`pg_hba.conf`), by default `host all all 127.0.0.1/32 trust`.
    pub async fn set_access_rules(&self, rules: &[&str]) {
        self.write_access_rules(rules);
        self.reload().await;
    }

    /// Writes a file in the data folder, which settings name relative to it.
    pub fn write_file(&self, name: &str, content: &[u8]) {
        let file = self.data().join(name);
        let options = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&file);
        options.unwrap().write_all(content).unwrap();
        give_to_postgres(&file);
    }

    /// Stops all of its processes (SIGSTOP): connections stay open, and nothing is answered.
    pub async fn pause(&mut self) {
        self.pause_postmaster().await;
        // A stopped postmaster starts no further processes.
        for child in children(self.id()) {
            signal(child, Signal::STOP);
            until("a process to be stopped", async || is_stopped(child)).await;
        }
    }

    /// Stops its first process only: open connections work, and new ones hang.
    pub async fn pause_postmaster(&mut self) {
        let postmaster = self.id();
        signal(postmaster, Signal::STOP);
        until("the postmaster to be stopped", async || is_stopped(postmaster)).await;
    }

    /// Continues after `pause` or `pause_postmaster`.
    pub fn resume(&mut self) {
        let postmaster = self.id();
        for process in children(postmaster).into_iter().chain([postmaster]) {
            signal(process, Signal::CONT);
        }
    }

    /// Kills all of its processes at once (SIGKILL).
    pub async fn kill(&mut self) {
        self.pause().await;
        let children = children(self.id());
        for process in children.iter().copied().chain([self.id()]) {
            signal(process, Signal::KILL);
        }
        self.ended().await;
        for child in children {
            until("a process to end", async || has_ended(child)).await;
        }
    }

    /// Stops it in order: transactions are rolled back and connections closed.
    pub async fn stop(&mut self) {
        signal(self.id(), Signal::INT);
        self.ended().await;
    }

    /// Starts it again at the same port, after `kill` or `stop`.
    pub async fn restart(&mut self) {
        self.launch().await.unwrap_or_else(|log| panic!("{log}"));
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.socket.folder.join("log")).unwrap_or_default()
    }

    /// Its first process.
    pub fn id(&self) -> u32 {
        let own = self.own.as_ref().expect("it is not shared");
        own.postmaster.as_ref().expect("it runs").id()
    }

    fn in_new_folder() -> Self {
        let folder = tempfile::Builder::new().prefix("callgate-postgres-").tempdir();
        // The script removes it.
        let folder = folder.expect("a temporary folder").keep();
        give_to_postgres(&folder);
        let clean_up = Command::new("sh")
            .args(["-c", CLEAN_UP, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the group of the tests, which may be killed as a whole.
            .process_group(0)
            .spawn();
        Self {
            socket: Socket { folder, port: 0 },
            is_shared: false,
            own: Some(Own {
                clean_up: clean_up.expect("a shell"),
                postmaster: None,
            }),
        }
    }

    fn data(&self) -> PathBuf {
        self.socket.folder.join("data")
    }

    fn own(&mut self) -> &mut Own {
        self.own.as_mut().expect("it is not shared")
    }

    /// Runs a program to its end.
    async fn run(&self, mut command: Command) {
        command.current_dir(&self.socket.folder).stdin(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        let output = within("a program of PostgreSQL", command.output()).await;
        let output = output.expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn launch_at_free_port(&mut self) {
        // Another program may take a port between the look and the start.
        for _ in 0..5 {
            self.socket.port = free_address().port();
            match self.launch().await {
                Ok(()) => return,
                Err(log) => assert!(log.contains("could not bind"), "{log}"),
            }
        }
        panic!("no port was free for long enough");
    }

    /// Starts it and waits until it accepts connections. Otherwise returns the log.
    async fn launch(&mut self) -> Result<(), String> {
        let log = self.socket.folder.join("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.socket.folder);
        command.args(["-p", &self.socket.port.to_string()]);
        command.current_dir(&self.socket.folder).process_group(0);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let postmaster = command.spawn().expect("PostgreSQL starts");
        self.report(&postmaster.id().to_string());
        let socket = self.socket.clone();
        let postmaster = self.own().postmaster.insert(postmaster);
        let mut has_ended = false;
        until("PostgreSQL to accept connections", async || {
            has_ended = postmaster.try_wait().unwrap().is_some();
            has_ended || socket.try_connect("postgres").await.is_ok()
        })
        .await;
        if has_ended {
            self.ended().await;
            return Err(self.log());
        }
        Ok(())
    }

    /// Waits until its first process has ended.
    async fn ended(&mut self) {
        let mut postmaster = self.own().postmaster.take().expect("it runs");
        until("PostgreSQL to end", async || postmaster.try_wait().unwrap().is_some()).await;
        self.report("");
    }

    /// Gives the script that cleans up the process of the server.
    fn report(&mut self, process: &str) {
        let stdin = self.own().clean_up.stdin.as_mut();
        writeln!(stdin.expect("it is open until the server is dropped"), "{process}").unwrap();
    }

    fn append_settings(&self, settings: &[(&str, &str)]) {
        let file = self.data().join("postgresql.conf");
        let mut file = File::options().append(true).open(file).unwrap();
        for (setting, value) in settings {
            writeln!(file, "{setting} = '{}'", value.replace('\'', "''")).unwrap();
        }
    }

    fn write_access_rules(&self, rules: &[&str]) {
        let rules = [FIRST_RULES, rules].concat().join("\n") + "\n";
        self.write_file("pg_hba.conf", rules.as_bytes());
    }

    /// Loads settings, access rules and certificates again, and waits until new connections get them.
    async fn reload(&self) {
        let before: String = self.socket.value("postgres", "SELECT pg_conf_load_time()::text").await;
        self.execute("postgres", "SELECT pg_reload_conf()").await;
        let is_loaded = format!("SELECT pg_conf_load_time() > '{before}'");
        until("PostgreSQL to load its settings", async || {
            self.socket.value("postgres", &is_loaded).await
        })
        .await;
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let Some(own) = &mut self.own else { return };
        drop(own.clean_up.stdin.take());
        // The script waits for the server, and the server can only end if it is waited for.
        if let Some(postmaster) = &mut own.postmaster {
            let _ = postmaster.wait();
        }
        let _ = own.clean_up.wait();
    }
}
