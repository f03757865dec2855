//! Servers behind haproxy that are restarted one after the other: no call fails.
//!
//! `CALLGATE_ROLLING_ROUNDS` says how often each is restarted.

use std::{
    env, fs,
    net::SocketAddr,
    path::PathBuf,
    process::{self, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    process::{Child, Command},
};

use crate::{
    caller::{Calling, NOTAUTH, all_are_answered},
    support::{
        client::Client,
        poll::{until, within},
        server::{Place, Server, free_address, trusting},
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
}

impl Node {
    fn new(name: &'static str) -> Self {
        // No other program listens at this address, so nobody takes the ports while the node restarts.
        let [.., high, low] = process::id().to_be_bytes();
        let own = |address: SocketAddr| SocketAddr::from(([127, 1, high, low], address.port()));
        Self {
            name,
            place: Place::new(),
            https: own(free_address()),
            http: own(free_address()),
        }
    }
}

/// Starts a node. Each has a database of its own, so callers are anonymous.
async fn start_node(node: &Node, origin: &str) -> Server {
    let settings = [
        ("CALLGATE_HTTPS_LINGER_SECONDS", ACCEPTING_SECONDS),
        ("CALLGATE_SITE_ORIGIN", origin),
        ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1"),
    ];
    node.place.demo_at([node.https, node.http], &settings).await
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
    async fn start(&mut self, nodes: &[Node; 2]) {
        assert!(
            fs::exists(HAPROXY).unwrap(),
            "haproxy is missing: install the package \"haproxy\", or run tools/setup.sh test"
        );
        // One authority signed the certificates of all demos. haproxy has that of a node.
        let certs = nodes[0].place.data().join("certs");
        let read = |name: &str| fs::read_to_string(certs.join(name)).unwrap();
        let certificate = self.place.path("haproxy.pem");
        fs::write(&certificate, read("localhost.pem") + &read("localhost.key")).unwrap();
        let [a, b] = nodes.each_ref().map(|node| format!("{} {}", node.name, node.https));
        let (socket, certificate, ca) = (self.socket(), certificate.display(), certs.join("ca.pem"));
        let ssl = format!("ssl verify required ca-file {} sni str(localhost)", ca.display());
        let (http1, http2, tcp) = (self.http1, self.http2, self.tcp);
        let [track_a, track_b] = nodes.each_ref().map(|node| format!("track http1/{}", node.name));
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
    server {a}
    server {b}
backend http2
    balance roundrobin
    option forwardfor
    default-server {ssl} alpn h2
    server {a} {track_a}
    server {b} {track_b}
listen tcp
    mode tcp
    option tcplog
    retry-on none
    bind {tcp}
    server {a} {track_a}
    server {b} {track_b}
",
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_servers_behind_a_balancer_are_restarted_one_after_the_other() {
    let rounds = env::var("CALLGATE_ROLLING_ROUNDS").map_or(3, |rounds| rounds.parse().expect("a number"));
    let nodes = ["a", "b"].map(Node::new);
    let mut balancer = Balancer::new();
    let origin = balancer.origin();
    let mut servers = Vec::new();
    for node in &nodes {
        servers.push(start_node(node, &origin).await);
    }
    balancer.start(&nodes).await;

    let mut callers = Vec::new();
    for address in [balancer.http1, balancer.http2, balancer.tcp] {
        let client = Client::new(address, Arc::new(trusting(&nodes[0].place.data(), None)));
        for way in ["new", "kept", "h2"] {
            callers.push(Calling::begin(client.clone(), NOTAUTH, way, INTERVAL));
        }
    }
    all_are_answered(&callers).await;
    for _ in 0..rounds {
        for (node, server) in nodes.iter().zip(&mut servers) {
            server.signal("TERM");
            balancer.sees(node, "DOWN").await;
            assert!(server.ended().await.success());
            all_are_answered(&callers).await;
            *server = start_node(node, &origin).await;
            balancer.sees(node, "UP").await;
            all_are_answered(&callers).await;
        }
    }
    let answers: usize = callers.iter().map(Calling::answers).sum();
    println!("{rounds} rounds, {answers} calls answered, none failed");
    for calling in callers {
        calling.end().await;
    }
}
