//! Starts and stops the program.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{ExitStatus, Stdio},
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
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::support::{client::Client, fixture, place::Place, poll::within};

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
        let place = Place::of_shared(shared.folder.clone());
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

    pub(super) async fn start_by(
        starter: &[&str],
        place: &Arc<Place>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
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

    pub(super) fn command_at(
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
    pub(super) async fn ready(
        place: &Arc<Place>,
        command: Command,
        addresses: [SocketAddr; 2],
    ) -> Result<Self, String> {
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
