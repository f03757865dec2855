//! Listening sockets: bound by the server, or inherited from a supervisor (systemd socket activation,
//! `sd_listen_fds(3)`).
//!
//! An inherited socket outlives the process, so a server can be replaced without refusing a connection: the next server
//! accepts the connections that wait in its queue.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use futures::FutureExt as _;
use listenfd::ListenFd;
use tokio::{
    net::{TcpListener, TcpStream},
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

/// An accepted connection with its permit of the connection limit.
#[derive(Debug)]
pub struct Accepted {
    pub stream: TcpStream,
    pub permit: Permit,
    pub connection: Connection,
}

/// A listening socket. Once it is to be closed, it accepts the connections that are queued already. Later ones are
/// refused, or left to another process that shares the socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    limiter: Arc<ConnectionLimiter>,
    close: CancellationToken,
    /// How many queued connections may still be accepted after `close`.
    queued: u32,
}

impl Listener {
    /// Listens on `socket` until `close` is cancelled. At the global connection limit, connections wait in the system's
    /// queue. A connection from an address at its own limit is closed.
    pub fn new(socket: StdListener, limiter: Arc<ConnectionLimiter>, close: CancellationToken) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            limiter,
            close,
            queued: BACKLOG,
        })
    }

    /// Accepts the next connection. `None` if the socket is to be closed and no connection is queued; dropping `self`
    /// then closes it.
    pub async fn accept(&mut self) -> Option<io::Result<Accepted>> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.close.cancelled() => return self.accept_queued(),
                accepted = self.accept_one() => accepted,
            };
            if let Some(accepted) = accepted.transpose() {
                return Some(accepted);
            }
        }
    }

    /// Accepts the next connection. `None` if it was closed because its address has reached its limit.
    async fn accept_one(&self) -> io::Result<Option<Accepted>> {
        let permit = self.limiter.acquire().await?;
        let (stream, address) = self.socket.accept().await.inspect_err(|error| {
            tracing::warn!(%error, "cannot accept a connection");
        })?;
        let permit = self.limiter.assign(permit, address.ip());
        Ok(permit.map(|permit| Accepted {
            stream,
            permit,
            connection: Connection::new(address),
        }))
    }

    /// Accepts a queued connection. Closing the socket would reset it. At most [`BACKLOG`] connections in all, because
    /// new ones may keep arriving.
    fn accept_queued(&mut self) -> Option<io::Result<Accepted>> {
        loop {
            self.queued = self.queued.checked_sub(1)?;
            // Without tokio's cooperative budget, which could report "pending" while connections are still queued.
            let accepted = unconstrained(self.accept_one()).now_or_never()?.transpose();
            if accepted.is_some() {
                return accepted;
            }
        }
    }
}
