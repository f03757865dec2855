//! The state of a connection, shared by its stream and its requests.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use crate::server::{model::clock::Timestamp, runtime::in_flight::InFlight};

/// A connection. Clones share its state.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The address of the other end: the client, or a proxy.
    pub peer: IpAddr,
    /// Running functions and page renderings of this connection.
    pub in_flight: InFlight,
    /// Requests whose response has not begun.
    pub responding: InFlight,
    requests: Arc<AtomicU64>,
    last_response_at: Arc<AtomicI64>,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(peer: SocketAddr) -> Self {
        Self {
            peer: peer.ip().to_canonical(),
            in_flight: InFlight::default(),
            responding: InFlight::default(),
            requests: Arc::default(),
            last_response_at: Arc::new(AtomicI64::new(Timestamp::now().0)),
        }
    }

    /// The number of requests whose head has arrived completely.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts a request whose head has arrived completely.
    pub fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The time of the last response, or of the connect if there was none. A request that arrives now may have been
    /// sent at any time since.
    pub fn last_response_at(&self) -> Timestamp {
        Timestamp(self.last_response_at.load(Ordering::Relaxed))
    }

    pub fn mark_responded(&self, now: Timestamp) {
        self.last_response_at.fetch_max(now.0, Ordering::Relaxed);
    }
}
