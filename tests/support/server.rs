//! Starts and stops the program, and runs its commands.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::support::{
    client::Client,
    database::{self, Database},
    engine::{self, PlaceDatabase},
    fixture,
    poll::within,
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

/// A running server. It is killed when it is dropped.
pub struct Server {
    // None for the shared one, which is not this test's to stop.
    process: Option<Process>,
    /// What it printed up to "ready".
    pub announced: String,
    pub https: SocketAddr,
    pub http: SocketAddr,
    /// Where it works.
    pub place: Arc<Place>,
}

struct Process {
    child: Child,
    // Kept open: the server may still print.
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// A demo in a new place.
    pub async fn demo() -> Self {
        Place::new().demo(&[]).await
    }

    /// The demo that all tests share which change nothing. It throttles nobody.
    pub fn shared() -> Self {
        let shared = fixture::shared();
        let place = Place {
            folder: shared.folder.clone(),
            _own: None,
            costs: QUICK,
            postgres: None,
        };
        Self {
            process: None,
            announced: String::new(),
            https: shared.https,
            http: shared.http,
            place: Arc::new(place),
        }
    }

    /// Starts one with more on its command line.
    pub async fn start(place: &Arc<Place>, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_by(&[], place, arguments, variables).await
    }

    async fn start_by(starter: &[&str], place: &Arc<Place>, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        // Another program may take a port between the look and the start.
        for _ in 0..5 {
            let (command, addresses) = Self::command(starter, place, arguments, variables);
            match Self::ready(place, command, addresses).await {
                Ok(server) => return server,
                Err(error) => assert!(error.contains("cannot listen on"), "{error}"),
            }
        }
        panic!("no port was free for long enough");
    }

    /// The command that starts one at addresses that are free, and those.
    fn command(
        starter: &[&str],
        place: &Place,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (Command, [SocketAddr; 2]) {
        let addresses = [free_address(), free_address()];
        let command = Self::command_at(addresses, starter, place, arguments, variables);
        (command, addresses)
    }

    fn command_at(
        addresses: [SocketAddr; 2],
        starter: &[&str],
        place: &Place,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Command {
        let [https, http] = addresses.map(|address| address.to_string());
        let listens = ["serve", "--https", &https, "--http", &http];
        let mut command = place.program(starter, &[&listens, arguments].concat(), variables);
        let log = fs::OpenOptions::new().create(true).append(true).open(place.path("log"));
        command.stdin(Stdio::null()).stderr(log.unwrap());
        command
    }

    /// Starts it and waits until it says that it is ready.
    async fn ready(place: &Arc<Place>, command: Command, addresses: [SocketAddr; 2]) -> Result<Self, String> {
        let mut server = Self::spawned(place, command, addresses);
        while let Some(line) = server.next_line().await {
            server.announced.push_str(&line);
            server.announced.push('\n');
            if line.starts_with("Callgate is ready at") {
                return Ok(server);
            }
        }
        Err(format!("it did not start: {}", place.log()))
    }

    fn spawned(place: &Arc<Place>, mut command: Command, [https, http]: [SocketAddr; 2]) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            process: Some(Process { child, stdout }),
            announced: String::new(),
            https,
            http,
            place: Arc::clone(place),
        }
    }

    /// Starts one without waiting until it is ready.
    pub fn begin(place: &Arc<Place>, arguments: &[&str]) -> Self {
        Self::begin_with(place, arguments, &[])
    }

    /// The same, with variables.
    pub fn begin_with(place: &Arc<Place>, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (command, addresses) = Self::command(&[], place, arguments, variables);
        Self::spawned(place, command, addresses)
    }

    /// A client without cookies.
    pub fn client(&self) -> Client {
        Client::new(self.https, Arc::new(trusting(&self.place.data(), None)))
    }

    /// A client that has logged in as a program does, without being remembered.
    pub async fn logged_in(&self, user: &str, password: &str) -> Client {
        let client = self.client();
        let login = serde_json::json!({"user_id": user, "password": password, "remember": false});
        client.done("login", login).await;
        client
    }

    /// A client that has logged in as user01 of the demo.
    pub async fn user01(&self) -> Client {
        self.logged_in("user01", "user_01").await
    }

    /// A client that has logged in as user03 of the demo, who is an administrator.
    pub async fn admin(&self) -> Client {
        self.logged_in("user03", "user_03").await
    }

    /// Sets the time of the last password check back by `seconds`, in all sessions of a user.
    pub async fn let_password_age(&self, user: &str, seconds: u32) {
        let mut database = self.place.database().await;
        assert!(database.move_password_check(user, -i64::from(seconds)).await >= 1);
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        let process = self.process.as_ref().expect("it is not shared");
        process.child.id().expect("it runs")
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it is not shared")
    }

    /// What it prints to standard output.
    async fn next_line(&mut self) -> Option<String> {
        within("a line", self.process().stdout.next_line()).await.unwrap()
    }

    /// Waits for the process to end.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the server to end", self.process().child.wait()).await.unwrap()
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) -> Arc<Place> {
        self.signal("TERM");
        assert!(self.ended().await.success());
        self.place
    }

    /// The first word with this in it of what it prints to standard output from now on.
    pub async fn says_until(&mut self, part: &str) -> String {
        loop {
            let line = self.next_line().await.unwrap_or_else(|| panic!("it never says {part}"));
            if let Some(word) = line.split_whitespace().find(|word| word.contains(part)) {
                return word.to_owned();
            }
        }
    }

    /// Asks it to stop, and gives all that it printed to standard output.
    pub async fn printed(mut self) -> String {
        self.signal("TERM");
        let mut printed = self.announced.clone();
        while let Some(line) = self.next_line().await {
            printed.push_str(&line);
            printed.push('\n');
        }
        assert!(self.ended().await.success());
        printed
    }

    /// Ends it without a warning, as a crash would.
    pub async fn kill(mut self) -> Arc<Place> {
        self.process().child.kill().await.unwrap();
        self.place
    }
}

/// Passwords that cost next to nothing, and limits that a busy machine does not reach.
pub const QUICK: &[(&str, &str)] = &[
    ("CALLGATE_PASSWORDS_MEMORY_KIB", "64"),
    ("CALLGATE_PASSWORDS_ITERATIONS", "1"),
    ("CALLGATE_PASSWORDS_MAX_WAIT_MS", "100000"),
    ("CALLGATE_LIMITS_CALL_SECONDS", "120"),
    ("CALLGATE_HTTPS_HANDSHAKE_SECONDS", "120"),
    ("CALLGATE_HTTPS_HEADER_SECONDS", "120"),
    ("CALLGATE_HTTPS_BODY_SECONDS", "120"),
];

/// At most three sessions and remembered browsers per user.
pub const THREE_SESSIONS: &[(&str, &str)] = &[("CALLGATE_SESSIONS_PER_USER", "3")];

/// Limits of failed logins and pending calls that no test reaches, for tests of other things.
pub const UNTHROTTLED: &[(&str, &str)] = &[
    ("CALLGATE_THROTTLE_ADDRESS_FAILURES", "1000000"),
    ("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "1000000"),
    ("CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES", "1000000"),
    ("CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", "1000000"),
];

/// Verifies with the development CA, with these versions of TLS or the usual ones.
pub fn trusting(data: &Path, versions: Option<&[&'static SupportedProtocolVersion]>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(data.join("certs/ca.pem")).expect("the CA certificate");
    roots.add(ca).unwrap();
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions.unwrap_or(rustls::DEFAULT_VERSIONS))
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// An address that nobody listens at, below the ports that the system gives to clients. Tests that run at the same time look
/// in ranges of their own.
pub fn free_address() -> SocketAddr {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let slot: u32 =
        env::var("NEXTEST_TEST_GLOBAL_SLOT").map_or_else(|_| std::process::id(), |slot| slot.parse().unwrap());
    let first = 20_000 + u16::try_from(slot % 30).unwrap() * 400;
    loop {
        let port = first + TRIED.fetch_add(1, Ordering::Relaxed) % 400;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
