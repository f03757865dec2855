//! What the server knows of a connection, for the requests that come over it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{at_work::AtWork, listener::Peer};
use crate::server::clock::Timestamp;

/// A connection.
#[derive(Debug, Clone)]
pub struct Connection {
    address: IpAddr,
    at_work: AtWork,
    last_told: Arc<AtomicI64>,
}

impl Connection {
    /// A connection that was accepted just now.
    pub fn new(Peer { address, at_work }: Peer) -> Self {
        Self {
            address: address.ip().to_canonical(),
            at_work,
            last_told: Arc::new(AtomicI64::new(Timestamp::now().0)),
        }
    }

    /// The address of whoever connected: the client, or a proxy.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What is being done for it.
    pub fn at_work(&self) -> &AtWork {
        &self.at_work
    }

    /// The last moment at which this client was told something: when the connection was accepted, or when it last got an
    /// answer. A request that comes now may have been sent at any time since.
    pub fn last_told(&self) -> Timestamp {
        Timestamp(self.last_told.load(Ordering::Relaxed))
    }

    /// Notes that the client is being told something.
    pub fn tell(&self, now: Timestamp) {
        self.last_told.fetch_max(now.0, Ordering::Relaxed);
    }
}
