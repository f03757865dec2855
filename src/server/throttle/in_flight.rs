//! Which attempts are under way in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as Turn, Notify, futures::OwnedNotified};

use crate::server::model::token::TokenHash;

/// The attempts under way, by bucket. It holds no more than there are requests.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashMap<TokenHash, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    attempts: usize,
    left: Arc<Notify>,
    turn: Arc<Turn<()>>,
}

/// What there is to wait for where others are under way.
#[derive(Debug)]
pub struct Others {
    /// The moment at which the next of them is over.
    pub left: OwnedNotified,
    /// The turn to wait for that moment, which one has at a time, in the order in which they came.
    pub turn: Arc<Turn<()>>,
}

/// An attempt that is under way until this is dropped.
#[derive(Debug)]
pub struct Ticket<'a> {
    in_flight: &'a InFlight,
    buckets: [TokenHash; 2],
}

impl InFlight {
    /// Notes an attempt in both buckets.
    pub fn enter(&self, buckets: [TokenHash; 2]) -> Ticket<'_> {
        let mut entries = self.lock();
        for bucket in &buckets {
            entries.entry(bucket.clone()).or_default().attempts += 1;
        }
        drop(entries);
        Ticket {
            in_flight: self,
            buckets,
        }
    }

    /// The others in the bucket, if any are under way.
    pub fn others(&self, bucket: &TokenHash) -> Option<Others> {
        self.lock().get(bucket).map(|entry| Others {
            left: Arc::clone(&entry.left).notified_owned(),
            turn: Arc::clone(&entry.turn),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut entries = self.in_flight.lock();
        for bucket in &self.buckets {
            let Some(entry) = entries.get_mut(bucket) else {
                continue;
            };
            entry.attempts -= 1;
            entry.left.notify_waiters();
            if entry.attempts == 0 {
                entries.remove(bucket);
            }
        }
    }
}
