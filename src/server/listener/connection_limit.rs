//! The places of open connections: so many in all, and so many for each address, so that no host takes those of all others.
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

/// How long after something was told it is not told again.
const QUIET: Duration = Duration::from_mins(1);

/// All places there are.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    most_of_one: usize,
    proxies: Proxies,
    taken: Mutex<HashMap<IpAddr, usize>>,
    /// When it was last told that all are taken.
    full: Told,
    /// When it was last told that an address has as many as it may have.
    full_of_one: Told,
}

/// When something was last told that strangers can bring about as often as they like.
#[derive(Debug, Default)]
struct Told(Mutex<Option<Instant>>);

impl Told {
    /// Whether it is to be told again: not for a while.
    fn is_due(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|told| told.elapsed() >= QUIET);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

/// A place among all, for whoever comes next.
#[derive(Debug)]
pub struct FreePlace(OwnedSemaphorePermit);

/// The place of a connection, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_one: Option<PlaceOfOne>,
}

#[derive(Debug)]
struct PlaceOfOne {
    places: Arc<Places>,
    network: IpAddr,
}

impl Places {
    /// So many in all, and so many for one address.
    pub fn new(all: usize, most_of_one: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            most_of_one,
            proxies,
            taken: Mutex::default(),
            full: Told::default(),
            full_of_one: Told::default(),
        })
    }

    /// Waits for a free place.
    ///
    /// # Errors
    /// None: places are never closed.
    pub async fn free(&self) -> io::Result<FreePlace> {
        if self.all.available_permits() == 0 && self.full.is_due() {
            tracing::warn!("as many connections are open as limits.connections allows; others wait");
        }
        let of_all = Arc::clone(&self.all).acquire_owned().await;
        of_all.map(FreePlace).map_err(io::Error::other)
    }

    /// Gives a free place to a connection from `address`. `None` where that address has as many as it may have.
    pub fn give(self: &Arc<Self>, free: FreePlace, address: IpAddr) -> Option<Place> {
        if self.proxies.trusts(address.to_canonical()) {
            return Some(Place {
                _of_all: free.0,
                _of_one: None,
            });
        }
        let network = network(address);
        let mut taken = self.taken();
        let count = taken.entry(network).or_default();
        if *count >= self.most_of_one {
            drop(taken);
            if self.full_of_one.is_due() {
                tracing::warn!(
                    address = %network,
                    "as many connections are open from one address as limits.connections_per_address allows; further ones are closed"
                );
            }
            return None;
        }
        *count += 1;
        let places = Arc::clone(self);
        Some(Place {
            _of_all: free.0,
            _of_one: Some(PlaceOfOne { places, network }),
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PlaceOfOne {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
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

    fn places(trusted: &str) -> Arc<Places> {
        let proxies = Proxies {
            trusted: trusted
                .split_terminator(',')
                .map(|network| network.parse().unwrap())
                .collect(),
            header: crate::server::config::ForwardedHeader::XForwardedFor,
        };
        Places::new(10, 2, proxies)
    }

    async fn enter(places: &Arc<Places>, address: &str) -> Option<Place> {
        let free = places.free().await.unwrap();
        places.give(free, address.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_so_many_places_and_a_proxy_as_many_as_there_are() {
        let places = places("192.0.2.9/32");
        let one = enter(&places, "192.0.2.1").await;
        let two = enter(&places, "::ffff:192.0.2.1").await;
        assert!(one.is_some() && two.is_some());
        assert!(enter(&places, "192.0.2.1").await.is_none());
        let others = [enter(&places, "192.0.2.2").await, enter(&places, "2001:db8::1").await];
        assert!(others.iter().all(Option::is_some));
        drop(two);
        assert!(enter(&places, "192.0.2.1").await.is_some());
        let mut proxied = Vec::new();
        for _ in 0..5 {
            proxied.push(enter(&places, "192.0.2.9").await);
        }
        assert!(proxied.iter().all(Option::is_some));
        drop((one, others, proxied));
        assert!(places.taken().is_empty(), "nothing is left behind");
        assert_eq!(places.all.available_permits(), 10);
    }

    #[test]
    fn what_strangers_can_bring_about_is_told_and_not_again_for_a_while() {
        let told = Told::default();
        assert!(told.is_due());
        assert!(!told.is_due());
        *told.0.lock().unwrap() = Instant::now().checked_sub(QUIET);
        assert!(told.is_due());
    }

    #[tokio::test]
    async fn ipv6_addresses_of_one_network_have_their_places_together() {
        let places = places("");
        let open = [enter(&places, "2001:db8::1").await, enter(&places, "2001:db8::2").await];
        assert!(open.iter().all(Option::is_some));
        assert!(enter(&places, "2001:db8::3").await.is_none());
        assert!(enter(&places, "2001:db8:0:1::1").await.is_some());
    }
}
