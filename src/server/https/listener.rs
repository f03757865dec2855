//! The listening sockets: bound here, or handed over by a supervisor that keeps them open.
//!
//! A socket that is handed over (systemd socket activation, `sd_listen_fds(3)`) outlives the process. So one server can
//! follow another without a connection refused: what nobody has accepted yet, the next one accepts.

use std::{
    future::pending,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use axum_server::{AddrListener, Address};
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpStream};

use crate::server::stopping::Stopping;

/// The sockets that a supervisor has handed over: the first is for HTTPS, the second for plain HTTP.
#[derive(Debug, Default)]
pub struct HandedOver {
    /// The one for HTTPS.
    pub https: Option<StdListener>,
    /// The one for plain HTTP.
    pub http: Option<StdListener>,
}

impl HandedOver {
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
        let handed_over = match socket(0) {
            Ok(Some(https)) => Self {
                https: Some(https),
                http: socket(1).unwrap_or_default(),
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
        Ok(handed_over)
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

/// The address of whoever connects.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Address for Peer {
    type Stream = TcpStream;
    type Listener = Listener;
}

/// A listening socket that is let go of as soon as the server stops: while what was accepted goes on, new connections are
/// refused, or left to whoever shares the socket.
#[derive(Debug)]
pub struct Listener {
    socket: Mutex<Option<Arc<TcpListener>>>,
    address: SocketAddr,
    stopping: Stopping,
}

impl Listener {
    /// Listens on a socket until the server stops.
    ///
    /// # Errors
    /// Where the socket cannot be used.
    pub fn new(socket: StdListener, stopping: Stopping) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket: Mutex::new(Some(Arc::new(TcpListener::from_std(socket)?))),
            stopping,
        })
    }

    fn socket(&self) -> Option<Arc<TcpListener>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AddrListener<TcpStream, Peer> for Listener {
    async fn bind_to(address: Peer) -> io::Result<Self> {
        Self::new(StdListener::bind(address.0)?, Stopping::default())
    }

    async fn accept_stream(&self) -> io::Result<(TcpStream, Peer)> {
        let Some(socket) = self.socket() else {
            return pending().await;
        };
        tokio::select! {
            biased;
            () = self.stopping.begun() => {
                self.socket.lock().unwrap_or_else(PoisonError::into_inner).take();
                drop(socket);
                pending().await
            }
            accepted = socket.accept() => accepted.map(|(stream, address)| (stream, Peer(address))),
        }
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        Ok(Peer(self.address))
    }
}
