//! Limits open connections, in all and per address, so that no client can use up the connections of all others.
//!
//! Trusted proxies are exempt from the limit per address, because they carry the connections of many clients.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::{config::Proxies, model::network::network};

/// The shortest time between two equal warnings.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub struct ConnectionLimiter {
    global: Arc<Semaphore>,
    per_address: usize,
    proxies: Proxies,
    /// Open connections per address (per /64 with IPv6).
    counts: Mutex<HashMap<IpAddr, usize>>,
    log_full: LogInterval,
    log_address_full: LogInterval,
}

/// Limits how often a warning is logged that clients can trigger at will.
#[derive(Debug, Default)]
struct LogInterval(Mutex<Option<Instant>>);

impl LogInterval {
    /// Whether the warning is due. If it is, starts the next interval.
    fn is_due(&self) -> bool {
        let mut last_logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last_logged.is_none_or(|last_logged| last_logged.elapsed() >= LOG_INTERVAL);
        if is_due {
            *last_logged = Some(Instant::now());
        }
        is_due
    }
}

/// The permits of an open connection, released on drop.
#[derive(Debug)]
pub struct Permit {
    _global: OwnedSemaphorePermit,
    _address: Option<AddressPermit>,
}

#[derive(Debug)]
struct AddressPermit {
    limiter: Arc<ConnectionLimiter>,
    network: IpAddr,
}

impl ConnectionLimiter {
    pub fn new(limit: usize, per_address: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            global: Arc::new(Semaphore::new(limit)),
            per_address,
            proxies,
            counts: Mutex::default(),
            log_full: LogInterval::default(),
            log_address_full: LogInterval::default(),
        })
    }

    /// Waits for a permit under the global limit, before a connection is accepted. Never fails, because the semaphore is
    /// never closed.
    pub async fn acquire(&self) -> io::Result<OwnedSemaphorePermit> {
        if self.global.available_permits() == 0 && self.log_full.is_due() {
            tracing::warn!("connection limit reached (limits.connections); new connections wait");
        }
        let global = Arc::clone(&self.global).acquire_owned().await;
        global.map_err(io::Error::other)
    }

    /// Assigns the permit `global` to a connection from `address`. `None` if the address has reached its limit.
    pub fn assign(self: &Arc<Self>, global: OwnedSemaphorePermit, address: IpAddr) -> Option<Permit> {
        if self.proxies.trusts(address.to_canonical()) {
            return Some(Permit {
                _global: global,
                _address: None,
            });
        }
        let network = network(address);
        let mut counts = self.counts();
        let count = counts.entry(network).or_default();
        if *count >= self.per_address {
            drop(counts);
            if self.log_address_full.is_due() {
                tracing::warn!(
                    address = %network,
                    "connection limit of an address reached (limits.connections_per_address); further ones are closed"
                );
            }
            return None;
        }
        *count += 1;
        let limiter = Arc::clone(self);
        Some(Permit {
            _global: global,
            _address: Some(AddressPermit { limiter, network }),
        })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut counts = self.limiter.counts();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(trusted: &str) -> Arc<ConnectionLimiter> {
        let proxies = Proxies {
            trusted: trusted
                .split_terminator(',')
                .map(|network| network.parse().unwrap())
                .collect(),
            header: crate::server::config::ForwardedHeader::XForwardedFor,
        };
        ConnectionLimiter::new(10, 2, proxies)
    }

    async fn connect(limiter: &Arc<ConnectionLimiter>, address: &str) -> Option<Permit> {
        let permit = limiter.acquire().await.unwrap();
        limiter.assign(permit, address.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_is_limited_and_a_trusted_proxy_is_not() {
        let limiter = limiter("192.0.2.9/32");
        let one = connect(&limiter, "192.0.2.1").await;
        let two = connect(&limiter, "::ffff:192.0.2.1").await;
        assert!(one.is_some() && two.is_some());
        assert!(connect(&limiter, "192.0.2.1").await.is_none());
        let others = [
            connect(&limiter, "192.0.2.2").await,
            connect(&limiter, "2001:db8::1").await,
        ];
        assert!(others.iter().all(Option::is_some));
        drop(two);
        assert!(connect(&limiter, "192.0.2.1").await.is_some());
        let mut proxied = Vec::new();
        for _ in 0..5 {
            proxied.push(connect(&limiter, "192.0.2.9").await);
        }
        assert!(proxied.iter().all(Option::is_some));
        drop((one, others, proxied));
        assert!(limiter.counts().is_empty());
        assert_eq!(limiter.global.available_permits(), 10);
    }

    #[test]
    fn a_warning_is_due_once_per_interval() {
        let warning = LogInterval::default();
        assert!(warning.is_due());
        assert!(!warning.is_due());
        *warning.0.lock().unwrap() = Instant::now().checked_sub(LOG_INTERVAL);
        assert!(warning.is_due());
    }

    #[tokio::test]
    async fn ipv6_addresses_of_one_network_share_a_limit() {
        let limiter = limiter("");
        let open = [
            connect(&limiter, "2001:db8::1").await,
            connect(&limiter, "2001:db8::2").await,
        ];
        assert!(open.iter().all(Option::is_some));
        assert!(connect(&limiter, "2001:db8::3").await.is_none());
        assert!(connect(&limiter, "2001:db8:0:1::1").await.is_some());
    }
}
