//! The state of a connection, shared by its stream and its requests.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use crate::server::{model::clock::Timestamp, runtime::in_flight::InFlight};

/// A connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connection(Arc<State>);

#[derive(Debug)]
struct State {
    peer: IpAddr,
    in_flight: InFlight,
    requests: AtomicU64,
    responding: InFlight,
    last_response_at: AtomicI64,
}

impl Connection {
    /// A connection that was just accepted.
    pub fn new(peer: SocketAddr) -> Self {
        Self(Arc::new(State {
            peer: peer.ip().to_canonical(),
            in_flight: InFlight::default(),
            requests: AtomicU64::default(),
            responding: InFlight::default(),
            last_response_at: AtomicI64::new(Timestamp::now().0),
        }))
    }

    /// The address of the other end: the client, or a proxy.
    pub fn peer(&self) -> IpAddr {
        self.0.peer
    }

    /// Running functions and page renderings of this connection.
    pub fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    /// The number of requests whose head has arrived completely.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Requests whose response has not begun.
    pub fn responding(&self) -> &InFlight {
        &self.0.responding
    }

    /// Counts a request whose head has arrived completely.
    pub fn count_request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The time of the last response, or of the connect if there was none. A request that arrives now may have been
    /// sent at any time since.
    pub fn last_response_at(&self) -> Timestamp {
        Timestamp(self.0.last_response_at.load(Ordering::Relaxed))
    }

    pub fn mark_responded(&self, now: Timestamp) {
        self.0.last_response_at.fetch_max(now.0, Ordering::Relaxed);
    }
}
