//! PgBouncer between nodes and a PostgreSQL server.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    PostgresServer,
    system::{as_postgres, give_to_postgres},
};
use crate::support::{poll::until, server::free_address};

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// What docs/operating.md asks for, with room for three nodes.
const SETTINGS: &[(&str, &str)] = &[
    ("pool_mode", "session"),
    ("ignore_startup_parameters", "extra_float_digits, options"),
    ("default_pool_size", "50"),
    ("max_client_conn", "100"),
    ("server_login_retry", "1"),
];

/// A PgBouncer that connects to one server. It is killed when it is dropped.
pub struct PgBouncer {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl PgBouncer {
    /// Starts one with settings of `pgbouncer.ini` that replace or add to the usual ones.
    pub async fn start(server: &PostgresServer, settings: &[(&str, &str)]) -> Self {
        assert!(
            fs::exists(PROGRAM).unwrap(),
            "PgBouncer is missing: install the package \"pgbouncer\", or run tools/setup.sh test"
        );
        // Another program may take a port between the look and the start.
        for _ in 0..5 {
            let folder = tempfile::tempdir().expect("a temporary folder");
            give_to_postgres(folder.path());
            let port = free_address().port();
            write_settings(folder.path(), port, server.address(), settings);
            let mut bouncer = Self {
                process: spawn(folder.path()),
                port,
                folder,
            };
            match bouncer.listens().await {
                Ok(()) => return bouncer,
                Err(log) => assert!(log.contains("Address already in use"), "{log}"),
            }
        }
        panic!("no port was free for long enough");
    }

    /// Where it listens for TCP connections.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until it accepts connections. Otherwise returns the log.
    async fn listens(&mut self) -> Result<(), String> {
        let mut has_ended = false;
        until("PgBouncer to listen", async || {
            has_ended = self.process.try_wait().unwrap().is_some();
            has_ended || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok()
        })
        .await;
        if has_ended { Err(self.log()) } else { Ok(()) }
    }
}

fn write_settings(folder: &Path, port: u16, server: SocketAddr, settings: &[(&str, &str)]) {
    let users = folder.join("users");
    fs::write(&users, "\"callgate\" \"\"\n").unwrap();
    let (host, server_port, users) = (server.ip(), server.port(), users.display());
    let mut file = format!(
        "[databases]
* = host={host} port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
"
    );
    // Of a setting that occurs twice, the later one applies.
    for (name, value) in SETTINGS.iter().chain(settings) {
        file += &[name, " = ", value, "\n"].concat();
    }
    fs::write(folder.join("settings"), file).unwrap();
}

fn spawn(folder: &Path) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let mut command = Command::from(as_postgres(Path::new(PROGRAM)));
    command.arg(folder.join("settings")).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("PgBouncer starts")
}
