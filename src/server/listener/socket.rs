//! Listening sockets: bound by the server, or inherited from a supervisor (systemd socket activation,
//! `sd_listen_fds(3)`).
//!
//! An inherited socket outlives the process, so a server can be replaced without refusing a connection: the next server
//! accepts the connections that wait in its queue.

use std::{
    future::pending,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use futures::FutureExt as _;
use listenfd::ListenFd;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::coop::unconstrained,
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection,
    connection_limit::{ConnectionLimiter, Permit},
};

/// The size of the system's accept queue, as the standard library sets it.
const BACKLOG: u32 = 128;

/// The sockets that a supervisor passed: the first is for HTTPS, the second for plain HTTP.
#[derive(Debug)]
pub struct InheritedSockets {
    pub https: Option<StdListener>,
    pub http: Option<StdListener>,
}

impl InheritedSockets {
    /// Takes the sockets and removes the variables that announce them, so that no child process uses them.
    ///
    /// # Errors
    /// If there are more than two, or one is not a listening TCP socket.
    pub fn take() -> anyhow::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let mut socket = |index| {
            sockets
                .take_tcp_listener(index)
                .context("the inherited sockets (LISTEN_FDS) must be listening TCP sockets")
        };
        let (https, http) = (socket(0)?, socket(1)?);
        ensure!(
            sockets.len() <= 2,
            "there are {} inherited sockets (LISTEN_FDS); at most two can be used, for HTTPS and HTTP",
            sockets.len()
        );
        Ok(Self { https, http })
    }
}

/// Binds an address. The error names `setting` as the way to choose another one.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<StdListener> {
    StdListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; if it is in use, choose another address with {setting}"))
}

/// The "address" type that axum-server passes along with a connection: the connection itself.
#[derive(Debug, Clone)]
pub struct Peer(pub Connection);

impl Connected<Peer> for Connection {
    fn connect_info(Peer(connection): Peer) -> Self {
        connection
    }
}

impl Address for Peer {
    type Stream = Accepted;
    type Listener = Listener;
}

/// An accepted connection with its permit of the connection limit.
#[derive(Debug)]
pub struct Accepted {
    pub stream: TcpStream,
    pub permit: Permit,
    pub connection: Connection,
}

/// A listening socket that is closed as soon as the shutdown begins. Accepted connections go on; new ones are refused,
/// or left to another process that shares the socket.
#[derive(Debug)]
pub struct Listener {
    socket: Mutex<Option<Arc<OpenSocket>>>,
    address: SocketAddr,
    shutdown: CancellationToken,
    limiter: Arc<ConnectionLimiter>,
    /// How many queued connections may still be accepted after the shutdown has begun.
    queued: AtomicU32,
}

/// A listening socket, and a sender that is dropped with it, so that its receiver notices the close.
#[derive(Debug)]
struct OpenSocket(
    TcpListener,
    #[expect(dead_code, reason = "dropped with the socket")] mpsc::Sender<()>,
);

impl Listener {
    /// Listens on `socket` until `shutdown`. At the global connection limit, connections wait in the system's queue. A
    /// connection from an address at its own limit is closed. `open` is dropped with the socket.
    pub fn new(
        socket: StdListener,
        limiter: Arc<ConnectionLimiter>,
        shutdown: CancellationToken,
        open: mpsc::Sender<()>,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket: Mutex::new(Some(Arc::new(OpenSocket(TcpListener::from_std(socket)?, open)))),
            shutdown,
            limiter,
            queued: AtomicU32::new(BACKLOG),
        })
    }

    async fn accept(&self, socket: &TcpListener) -> io::Result<Accepted> {
        loop {
            if let Some(accepted) = self.accept_one(socket).await? {
                return Ok(accepted);
            }
        }
    }

    /// Accepts the next connection. `None` if it was closed because its address has reached its limit.
    async fn accept_one(&self, socket: &TcpListener) -> io::Result<Option<Accepted>> {
        let permit = self.limiter.acquire().await?;
        let (stream, address) = socket.accept().await.inspect_err(|error| {
            tracing::warn!(%error, "cannot accept a connection");
        })?;
        let permit = self.limiter.assign(permit, address.ip());
        Ok(permit.map(|permit| Accepted {
            stream,
            permit,
            connection: Connection::new(address),
        }))
    }

    /// Accepts a queued connection after the shutdown has begun. Closing the socket would reset it. At most [`BACKLOG`]
    /// connections in all, because new ones may keep arriving.
    fn accept_queued(&self, socket: &TcpListener) -> Option<io::Result<Accepted>> {
        loop {
            let counted = self
                .queued
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            counted.ok()?;
            // Without tokio's cooperative budget, which could report "pending" while connections are still queued.
            let accepted = unconstrained(self.accept_one(socket)).now_or_never()?.transpose();
            if accepted.is_some() {
                return accepted;
            }
        }
    }

    fn socket(&self) -> Option<Arc<OpenSocket>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AddrListener<Accepted, Peer> for Listener {
    async fn bind_to(_: Peer) -> io::Result<Self> {
        let message = "use Listener::new, which also takes inherited sockets";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    async fn accept_stream(&self) -> io::Result<(Accepted, Peer)> {
        let Some(socket) = self.socket() else {
            return pending().await;
        };
        let accepted = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {
                if let Some(accepted) = self.accept_queued(&socket.0) {
                    accepted
                } else {
                    self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
                    drop(socket);
                    pending().await
                }
            }
            accepted = self.accept(&socket.0) => accepted,
        };
        accepted.map(|accepted| {
            let peer = Peer(accepted.connection.clone());
            (accepted, peer)
        })
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        Ok(Peer(Connection::new(self.address)))
    }
}
