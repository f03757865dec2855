//! The listening sockets: bound here, or handed over by a supervisor that keeps them open.
//!
//! A socket that is handed over (systemd socket activation, `sd_listen_fds(3)`) outlives the process. So one server can
//! follow another without a connection refused: what nobody has accepted yet, the next one accepts.

use std::{
    future::pending,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context as _, bail};
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

/// How many connections the system's queue of a socket holds (what the standard library asks for).
const BACKLOG: u32 = 128;

/// The sockets that a supervisor has handed over: the first is for HTTPS, the second for plain HTTP.
#[derive(Debug, Default)]
pub struct InheritedSockets {
    /// The one for HTTPS.
    pub https: Option<StdListener>,
    /// The one for plain HTTP.
    pub http: Option<StdListener>,
}

impl InheritedSockets {
    /// Takes them. What says that there are some is taken away, so that no other program believes it.
    ///
    /// # Errors
    /// Where they are more than two, or no TCP sockets.
    pub fn take() -> anyhow::Result<Self> {
        let mut sockets = ListenFd::from_env();
        let mut socket = |index| {
            sockets
                .take_tcp_listener(index)
                .context("the sockets that were handed over (LISTEN_FDS) must be listening TCP sockets")
        };
        let inherited = match socket(0) {
            Ok(Some(https)) => Self {
                https: Some(https),
                http: socket(1)?,
            },
            Ok(None) => Self::default(),
            Err(error) => return Err(error),
        };
        if sockets.len() > 2 {
            bail!(
                "{} sockets were handed over (LISTEN_FDS); there is use for two, HTTPS and HTTP",
                sockets.len()
            );
        }
        Ok(inherited)
    }
}

/// Binds an address.
///
/// # Errors
/// Names the setting to change.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<StdListener> {
    StdListener::bind(address)
        .with_context(|| format!("{address} cannot be listened on; is it in use? {setting} chooses another"))
}

/// What axum-server calls the address of a connection: the connection itself.
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

/// A connection that was accepted, with the permit that it takes among all that may be open at once.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub stream: TcpStream,
    /// Its permit.
    pub permit: Permit,
    /// What is known of it.
    pub connection: Connection,
}

/// A listening socket that is let go of as soon as the server stops: while what was accepted goes on, new connections are
/// refused, or left to whoever shares the socket.
#[derive(Debug)]
pub struct Listener {
    socket: Mutex<Option<Arc<Open>>>,
    address: SocketAddr,
    shutdown: CancellationToken,
    limiter: Arc<ConnectionLimiter>,
    /// How many connections that wait are accepted once the server stops.
    waiting: AtomicU32,
}

/// A listening socket, and a sender whose receiver learns that the socket is closed.
#[derive(Debug)]
struct Open(
    TcpListener,
    #[expect(dead_code, reason = "dropped with the socket")] mpsc::Sender<()>,
);

impl Listener {
    /// Listens on a socket until the server stops. A connection for which there is no permit waits in the system's queue; one
    /// from an address that has no more limiter is closed. `open` is dropped with the socket.
    ///
    /// # Errors
    /// Where the socket cannot be used.
    pub fn new(
        socket: StdListener,
        limiter: Arc<ConnectionLimiter>,
        shutdown: CancellationToken,
        open: mpsc::Sender<()>,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket: Mutex::new(Some(Arc::new(Open(TcpListener::from_std(socket)?, open)))),
            shutdown,
            limiter,
            waiting: AtomicU32::new(BACKLOG),
        })
    }

    async fn accept(&self, socket: &TcpListener) -> io::Result<(Accepted, Peer)> {
        loop {
            if let Some(accepted) = self.accept_one(socket).await? {
                return Ok(accepted);
            }
        }
    }

    /// The next connection, or `None` where its address has no more limiter, so that it was closed.
    async fn accept_one(&self, socket: &TcpListener) -> io::Result<Option<(Accepted, Peer)>> {
        let free = self.limiter.acquire().await?;
        let (stream, address) = socket.accept().await.inspect_err(|error| {
            tracing::warn!(%error, "a connection could not be accepted");
        })?;
        let permit = self.limiter.assign(free, address.ip());
        Ok(permit.map(|permit| {
            let connection = Connection::new(address);
            let peer = Peer(connection.clone());
            (
                Accepted {
                    stream,
                    permit,
                    connection,
                },
                peer,
            )
        }))
    }

    /// A connection that waits in the system's queue while the server stops: it would be reset with the socket. Not more of
    /// them than such a queue holds, for new ones may come for as long as it is looked.
    fn accept_waiting(&self, socket: &TcpListener) -> Option<io::Result<(Accepted, Peer)>> {
        loop {
            let may_more = self
                .waiting
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            may_more.ok()?;
            // All of them at once, however many: what a task does in one go is limited otherwise.
            match unconstrained(self.accept_one(socket)).now_or_never()? {
                Ok(None) => {}
                Ok(Some(accepted)) => return Some(Ok(accepted)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn socket(&self) -> Option<Arc<Open>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AddrListener<Accepted, Peer> for Listener {
    async fn bind_to(_: Peer) -> io::Result<Self> {
        let why = "a listener is made of a socket, which need not be our own";
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }

    async fn accept_stream(&self) -> io::Result<(Accepted, Peer)> {
        let Some(socket) = self.socket() else {
            return pending().await;
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {
                if let Some(accepted) = self.accept_waiting(&socket.0) {
                    return accepted;
                }
                self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
                drop(socket);
                pending().await
            }
            accepted = self.accept(&socket.0) => accepted,
        }
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        Ok(Peer(Connection::new(self.address)))
    }
}
