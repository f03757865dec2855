//! A TCP proxy whose connections can be delayed, held and ended, as those of a faulty network.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{broadcast, mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

/// How many bytes of each direction are recorded.
const RECORDED: usize = 1 << 20;

/// A proxy on a loopback address. It ends with its connections when it is dropped.
pub struct FaultyProxy {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    target: Mutex<SocketAddr>,
    network: watch::Sender<Network>,
    endings: broadcast::Sender<Ending>,
    accepted: AtomicU64,
    to_target: Traffic,
    to_client: Traffic,
}

#[derive(Clone, Copy, Default)]
struct Network {
    delay: Duration,
    is_stopped: bool,
}

#[derive(Clone, Copy)]
enum Ending {
    /// With RST, as by a host that has restarted.
    Reset,
    /// With FIN, as by a program that closes its connections.
    Close,
}

/// What went in one direction.
#[derive(Default)]
struct Traffic {
    bytes: AtomicU64,
    recorded: Mutex<Vec<u8>>,
}

impl FaultyProxy {
    /// Starts one without faults.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target: Mutex::new(target),
            network: watch::Sender::default(),
            endings: broadcast::Sender::new(16),
            accepted: AtomicU64::new(0),
            to_target: Traffic::default(),
            to_client: Traffic::default(),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, new connections go to another target.
    pub fn set_target(&self, target: SocketAddr) {
        *self.state.target.lock().unwrap() = target;
    }

    /// From now on, every byte arrives this much later, in either direction.
    pub fn delay(&self, delay: Duration) {
        self.state.network.send_modify(|network| network.delay = delay);
    }

    /// From now on, nothing arrives, in either direction. Connections stay open, and new ones are accepted. After `heal`,
    /// everything arrives that was sent meanwhile, as TCP repeats it.
    pub fn stop(&self) {
        self.state.network.send_modify(|network| network.is_stopped = true);
    }

    /// Ends `delay` and `stop`.
    pub fn heal(&self) {
        self.state.network.send_replace(Network::default());
    }

    /// Resets all connections (RST). What is on its way is lost. New connections work.
    pub fn reset(&self) {
        self.end(Ending::Reset);
    }

    /// Closes all connections (FIN). What is on its way is lost. New connections work.
    pub fn close(&self) {
        self.end(Ending::Close);
    }

    /// The number of connections that were accepted.
    pub fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// The number of bytes that arrived at the target.
    pub fn bytes_to_target(&self) -> u64 {
        self.state.to_target.bytes.load(Ordering::Relaxed)
    }

    /// The number of bytes that arrived at clients.
    pub fn bytes_to_client(&self) -> u64 {
        self.state.to_client.bytes.load(Ordering::Relaxed)
    }

    /// Whether this was among the first MiB of either direction.
    pub fn has_seen(&self, bytes: &[u8]) -> bool {
        [&self.state.to_target, &self.state.to_client].iter().any(|traffic| {
            let recorded = traffic.recorded.lock().unwrap();
            recorded.windows(bytes.len()).any(|window| window == bytes)
        })
    }

    fn end(&self, ending: Ending) {
        // An error says that there is no connection.
        let _ = self.state.endings.send(ending);
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        state.accepted.fetch_add(1, Ordering::Relaxed);
        // Subscribed here, so that no ending that follows is missed.
        let endings = state.endings.subscribe();
        connections.spawn(connection(client, Arc::clone(&state), endings));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut client: TcpStream, state: Arc<State>, mut endings: broadcast::Receiver<Ending>) {
    let target = *state.target.lock().unwrap();
    let Ok(mut target) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    client.set_nodelay(true).unwrap();
    target.set_nodelay(true).unwrap();
    let ending = {
        let (from_client, to_client) = client.split();
        let (from_target, to_target) = target.split();
        let both = async {
            tokio::try_join!(
                forward(from_client, to_target, &state.to_target, state.network.subscribe()),
                forward(from_target, to_client, &state.to_client, state.network.subscribe()),
            )
        };
        tokio::select! {
            // A connection that one side has reset is reset to the other.
            ended = both => ended.map_or(Ending::Reset, |_| Ending::Close),
            ending = endings.recv() => ending.unwrap_or(Ending::Reset),
        }
    };
    if matches!(ending, Ending::Reset) {
        let _ = client.set_zero_linger();
        let _ = target.set_zero_linger();
    }
}

/// Forwards one direction until its end, which is forwarded as well.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    traffic: &Traffic,
    mut network: watch::Receiver<Network>,
) -> io::Result<()> {
    // A delay is a latency and no lower throughput: reading goes on while earlier bytes are on their way.
    let (sender, mut on_their_way) = mpsc::channel::<(Instant, Vec<u8>)>(256);
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            let sent = sender.send((Instant::now(), buffer[..length].to_vec())).await;
            if length == 0 || sent.is_err() {
                return Ok(());
            }
        }
    };
    let write = async move {
        while let Some((read_at, bytes)) = on_their_way.recv().await {
            let delay = network.borrow().delay;
            sleep_until(read_at + delay).await;
            // The proxy outlives its connections.
            let _ = network.wait_for(|network| !network.is_stopped).await;
            if bytes.is_empty() {
                to.shutdown().await?;
            }
            to.write_all(&bytes).await?;
            traffic.count(&bytes);
        }
        Ok(())
    };
    tokio::try_join!(read, write).map(|_| ())
}

impl Traffic {
    fn count(&self, bytes: &[u8]) {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut recorded = self.recorded.lock().unwrap();
        let rest = RECORDED - recorded.len();
        recorded.extend_from_slice(&bytes[..bytes.len().min(rest)]);
    }
}
