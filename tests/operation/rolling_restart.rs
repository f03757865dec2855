//! Nodes on one database, behind haproxy, that are restarted and upgraded one after the other: no call fails, nobody is logged
//! out, and no page lacks its files.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{self, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    process::{Child, Command},
    task::JoinHandle,
};

use crate::{
    caller::{AUTH, Calling, all_are_answered},
    support::{
        client::Client,
        effort::rounds,
        place::Place,
        poll::{until, within},
        postgres::{PostgresDatabase, PostgresServer},
        server::{Server, free_address, trusting},
    },
};

const HAPROXY: &str = "/usr/sbin/haproxy";
/// At least interval times failures of the check below, plus a second, and more for a busy machine.
const ACCEPTING_SECONDS: &str = "4";
/// How often each caller calls.
const INTERVAL: Duration = Duration::from_millis(20);

/// A server behind the balancer, and where it listens each time.
struct Node {
    name: &'static str,
    place: Arc<Place>,
    https: SocketAddr,
    http: SocketAddr,
    /// The address of the database.
    database: String,
}

impl Node {
    fn new(name: &'static str, database: &PostgresDatabase) -> Self {
        // No other program listens at this address, so nobody takes the ports while the node restarts.
        let [.., high, low] = process::id().to_be_bytes();
        let own = |address: SocketAddr| SocketAddr::from(([127, 1, high, low], address.port()));
        Self {
            name,
            place: Place::new(),
            https: own(free_address()),
            http: own(free_address()),
            database: database.url(),
        }
    }

    /// Starts it with a version of the browser part.
    async fn start(&self, version: usize, origin: &str) -> Server {
        let files = self.place.path(&format!("site-{version}"));
        fs::create_dir_all(files.join("pkg")).unwrap();
        for extension in ["css", "js", "wasm"] {
            let name = format!("pkg/callgate.version-{version}.{extension}");
            fs::write(files.join(name), content(version)).unwrap();
        }
        let settings = [
            ("CALLGATE_HTTPS_LINGER_SECONDS", ACCEPTING_SECONDS),
            ("CALLGATE_SITE_ORIGIN", origin),
            ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1"),
            ("CALLGATE_DATABASE_URL", &self.database),
            ("CALLGATE_SITE_FILES", files.to_str().unwrap()),
        ];
        self.place.demo_at([self.https, self.http], &settings).await
    }
}

/// What is in the files of a version of the browser part.
fn content(version: usize) -> String {
    format!("version {version}")
}

/// A task that loads a page and then its files, over and over, each from whatever node the balancer chooses.
struct Browsing {
    is_enough: Arc<AtomicBool>,
    task: JoinHandle<BTreeSet<String>>,
}

impl Browsing {
    fn begin(client: Client) -> Self {
        let is_enough = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_enough);
        let task = tokio::spawn(async move {
            let mut contents = BTreeSet::new();
            while !ends.load(Ordering::Relaxed) {
                let page = client.get("/login").await;
                assert_eq!(page.status, 200, "{}", page.body);
                let files = page.body.split('"').filter(|text| text.starts_with("/pkg/"));
                let files: BTreeSet<&str> = files.collect();
                assert!(!files.is_empty(), "{}", page.body);
                for file in files {
                    let reply = client.get(file).await;
                    assert_eq!(reply.status, 200, "{file}");
                    let version = file.split(['-', '.']).nth(2).unwrap();
                    assert_eq!(reply.body, content(version.parse().unwrap()), "{file}");
                    contents.insert(reply.body);
                }
            }
            contents
        });
        Self { is_enough, task }
    }

    /// The different contents of all files that were loaded.
    async fn end(self) -> BTreeSet<String> {
        self.is_enough.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// haproxy with a frontend for each way to the nodes.
struct Balancer {
    place: Arc<Place>,
    process: Option<Child>,
    /// Speaks HTTP/1.1 to the nodes.
    http1: SocketAddr,
    /// Speaks HTTP/2 to the nodes.
    http2: SocketAddr,
    /// Passes connections on as they are.
    tcp: SocketAddr,
}

impl Balancer {
    fn new() -> Self {
        Self {
            place: Place::new(),
            process: None,
            http1: free_address(),
            http2: free_address(),
            tcp: free_address(),
        }
    }

    fn origin(&self) -> String {
        format!("https://localhost:{}", self.http1.port())
    }

    /// Starts it in front of nodes that run, and waits until it has checked them.
    async fn start(&mut self, nodes: &[Node]) {
        assert!(
            fs::exists(HAPROXY).unwrap(),
            "haproxy is missing: install the package \"haproxy\", or run tools/setup.sh test"
        );
        // One authority signed the certificates of all demos. haproxy has that of a node.
        let certs = nodes[0].place.data().join("certs");
        let read = |name: &str| fs::read_to_string(certs.join(name)).unwrap();
        let certificate = self.place.path("haproxy.pem");
        fs::write(&certificate, read("localhost.pem") + &read("localhost.key")).unwrap();
        // The servers of a backend, each with more settings.
        let servers = |settings: &dyn Fn(&Node) -> String| -> String {
            let line = |node: &Node| format!("    server {} {} {}\n", node.name, node.https, settings(node));
            nodes.iter().map(line).collect()
        };
        let checked = servers(&|_| String::new());
        let tracked = servers(&|node| format!("track http1/{}", node.name));
        let (socket, certificate, ca) = (self.socket(), certificate.display(), certs.join("ca.pem"));
        let ssl = format!("ssl verify required ca-file {} sni str(localhost)", ca.display());
        let (http1, http2, tcp) = (self.http1, self.http2, self.tcp);
        let settings = format!(
            "global
    stats socket {socket} mode 600
    log stderr format raw local0
defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout check 5s
    retries 3
    option redispatch 1
    retry-on conn-failure
frontend http1
    bind {http1} ssl crt {certificate} alpn h2,http/1.1
    default_backend http1
frontend http2
    bind {http2} ssl crt {certificate} alpn h2,http/1.1
    default_backend http2
backend http1
    balance roundrobin
    option forwardfor
    option httpchk GET /readyz
    default-server check inter 500ms fall 2 rise 2 {ssl}
{checked}backend http2
    balance roundrobin
    option forwardfor
    default-server {ssl} alpn h2
{tracked}listen tcp
    mode tcp
    option tcplog
    retry-on none
    bind {tcp}
{tracked}",
            socket = socket.display(),
        );
        let file = self.place.path("haproxy.cfg");
        fs::write(&file, settings).unwrap();
        let log = fs::File::create(self.place.path("haproxy.log")).unwrap();
        let mut command = Command::new(HAPROXY);
        command.arg("-db").arg("-f").arg(&file).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("haproxy starts"));
        until("haproxy to listen", async || {
            let process = self.process.as_mut().unwrap();
            assert!(process.try_wait().unwrap().is_none(), "{}", self.log());
            TcpStream::connect(self.tcp).await.is_ok()
        })
        .await;
        for node in nodes {
            self.sees(node, "UP").await;
        }
    }

    fn socket(&self) -> PathBuf {
        self.place.path("haproxy.socket")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path("haproxy.log")).unwrap()
    }

    /// Waits until the health checks have found this of a node.
    async fn sees(&self, node: &Node, status: &str) {
        until(&format!("{} to be {status}", node.name), async || {
            let mut stream = UnixStream::connect(self.socket()).await.unwrap();
            stream.write_all(b"show stat\n").await.unwrap();
            let mut table = String::new();
            within("the statistics", stream.read_to_string(&mut table))
                .await
                .unwrap();
            let rows = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let mut of_node = rows.filter(|row| row.get(1) == Some(&node.name)).peekable();
            assert!(of_node.peek().is_some(), "{table}");
            // While a status is about to change, it is followed by the number of checks.
            of_node.all(|row| row[17] == status)
        })
        .await;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if thread::panicking() {
            // It says what failed between haproxy and the nodes.
            println!("{}", self.log());
        }
    }
}

/// Applies a migration that a newer program could bring: it adds a column that may be absent.
async fn migrate_like_a_newer_program(database: &PostgresDatabase) {
    database
        .execute("ALTER TABLE users ADD COLUMN from_the_future TEXT")
        .await;
    database
        .execute("ALTER TABLE sessions ADD COLUMN from_the_future TEXT")
        .await;
    let migration = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9999, 'from the future', TRUE, '', 0)";
    assert_eq!(database.execute(migration).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_servers_behind_a_balancer_are_restarted_one_after_the_other() {
    let rounds = rounds(3, 20);
    let database = PostgresServer::shared().await.create_database().await;
    let nodes = ["a", "b", "c"].map(|name| Node::new(name, &database));
    let mut balancer = Balancer::new();
    let origin = balancer.origin();
    let mut servers = Vec::new();
    for node in &nodes {
        servers.push(node.start(0, &origin).await);
    }
    balancer.start(&nodes).await;

    let mut callers = Vec::new();
    let mut clients = Vec::new();
    for address in [balancer.http1, balancer.http2, balancer.tcp] {
        let client = Client::new(address, Arc::new(trusting(&nodes[0].place.data(), None)));
        let login = json!({"user_id": "user01", "password": "user_01", "remember": false});
        client.done("login", login).await;
        for way in ["new", "kept", "h2"] {
            callers.push(Calling::begin(client.clone(), AUTH, way, INTERVAL));
        }
        clients.push(client);
    }
    let browsing = Browsing::begin(clients[0].clone());
    all_are_answered(&callers).await;
    for round in 1..=rounds {
        if round == 2 {
            migrate_like_a_newer_program(&database).await;
        }
        for (node, server) in nodes.iter().zip(&mut servers) {
            server.signal("TERM");
            balancer.sees(node, "DOWN").await;
            assert!(server.ended().await.success());
            all_are_answered(&callers).await;
            // Each round brings other files, as an upgrade does.
            *server = node.start(round, &origin).await;
            balancer.sees(node, "UP").await;
            all_are_answered(&callers).await;
        }
    }
    let versions = browsing.end().await;
    assert_eq!(versions, (0..=rounds).map(content).collect());

    // A migration that excludes this program: nodes that run go on, and one that starts says what to do.
    database
        .execute("UPDATE schema_support SET oldest_program = 9999")
        .await;
    let url = [("CALLGATE_DATABASE_URL", nodes[0].database.as_str())];
    let refused = Place::new().refused(&["--demo"], &url).await;
    refused.assert_failed(&["made by a newer Callgate", "Use that Callgate"]);
    all_are_answered(&callers).await;

    let answers: usize = callers.iter().map(Calling::answers).sum();
    println!("{rounds} rounds, {answers} calls answered, none failed");
    for calling in callers {
        calling.end().await;
    }
    for client in clients {
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
}
