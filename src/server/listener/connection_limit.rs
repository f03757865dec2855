//! The limiter of open connections: so many in all, and so many for each address, so that no host takes those of all others.
//!
//! Proxies that the settings trust have as many as there are: behind them is everybody.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::{config::Proxies, model::network::network};

/// How long after something was last_logged it is not last_logged again.
const QUIET: Duration = Duration::from_mins(1);

/// All limiter there are.
#[derive(Debug)]
pub struct ConnectionLimiter {
    all: Arc<Semaphore>,
    per_address: usize,
    proxies: Proxies,
    taken: Mutex<HashMap<IpAddr, usize>>,
    /// When it was last last_logged that all are taken.
    last_logged_full: LogInterval,
    /// When it was last last_logged that an address has as many as it may have.
    last_logged_address_full: LogInterval,
}

/// When something was last last_logged that strangers can bring about as often as they like.
#[derive(Debug, Default)]
struct LogInterval(Mutex<Option<Instant>>);

impl LogInterval {
    /// Whether it is to be last_logged again: not for a while.
    fn is_due(&self) -> bool {
        let mut last_logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last_logged.is_none_or(|last_logged| last_logged.elapsed() >= QUIET);
        if is_due {
            *last_logged = Some(Instant::now());
        }
        is_due
    }
}

/// A place among all, for whoever comes next.
#[derive(Debug)]
pub struct FreePermit(OwnedSemaphorePermit);

/// The place of a connection, until it is dropped.
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
    /// So many in all, and so many for one address.
    pub fn new(all: usize, per_address: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            per_address,
            proxies,
            taken: Mutex::default(),
            last_logged_full: LogInterval::default(),
            last_logged_address_full: LogInterval::default(),
        })
    }

    /// Waits for a free place.
    ///
    /// # Errors
    /// None: limiter are never closed.
    pub async fn acquire(&self) -> io::Result<FreePermit> {
        if self.all.available_permits() == 0 && self.last_logged_full.is_due() {
            tracing::warn!("as many connections are open as limits.connections allows; others wait");
        }
        let global = Arc::clone(&self.all).acquire_owned().await;
        global.map(FreePermit).map_err(io::Error::other)
    }

    /// Gives a free place to a connection from `address`. `None` where that address has as many as it may have.
    pub fn assign(self: &Arc<Self>, free: FreePermit, address: IpAddr) -> Option<Permit> {
        if self.proxies.trusts(address.to_canonical()) {
            return Some(Permit {
                _global: free.0,
                _address: None,
            });
        }
        let network = network(address);
        let mut taken = self.taken();
        let count = taken.entry(network).or_default();
        if *count >= self.per_address {
            drop(taken);
            if self.last_logged_address_full.is_due() {
                tracing::warn!(
                    address = %network,
                    "as many connections are open from one address as limits.connections_per_address allows; further ones are closed"
                );
            }
            return None;
        }
        *count += 1;
        let limiter = Arc::clone(self);
        Some(Permit {
            _global: free.0,
            _address: Some(AddressPermit { limiter, network }),
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        let mut taken = self.limiter.taken();
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
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

    async fn enter(limiter: &Arc<ConnectionLimiter>, address: &str) -> Option<Permit> {
        let free = limiter.acquire().await.unwrap();
        limiter.assign(free, address.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_so_many_places_and_a_proxy_as_many_as_there_are() {
        let limiter = limiter("192.0.2.9/32");
        let one = enter(&limiter, "192.0.2.1").await;
        let two = enter(&limiter, "::ffff:192.0.2.1").await;
        assert!(one.is_some() && two.is_some());
        assert!(enter(&limiter, "192.0.2.1").await.is_none());
        let others = [enter(&limiter, "192.0.2.2").await, enter(&limiter, "2001:db8::1").await];
        assert!(others.iter().all(Option::is_some));
        drop(two);
        assert!(enter(&limiter, "192.0.2.1").await.is_some());
        let mut proxied = Vec::new();
        for _ in 0..5 {
            proxied.push(enter(&limiter, "192.0.2.9").await);
        }
        assert!(proxied.iter().all(Option::is_some));
        drop((one, others, proxied));
        assert!(limiter.taken().is_empty(), "nothing is left behind");
        assert_eq!(limiter.all.available_permits(), 10);
    }

    #[test]
    fn what_strangers_can_bring_about_is_told_and_not_again_for_a_while() {
        let last_logged = LogInterval::default();
        assert!(last_logged.is_due());
        assert!(!last_logged.is_due());
        *last_logged.0.lock().unwrap() = Instant::now().checked_sub(QUIET);
        assert!(last_logged.is_due());
    }

    #[tokio::test]
    async fn ipv6_addresses_of_one_network_have_their_places_together() {
        let limiter = limiter("");
        let open = [
            enter(&limiter, "2001:db8::1").await,
            enter(&limiter, "2001:db8::2").await,
        ];
        assert!(open.iter().all(Option::is_some));
        assert!(enter(&limiter, "2001:db8::3").await.is_none());
        assert!(enter(&limiter, "2001:db8:0:1::1").await.is_some());
    }
}
