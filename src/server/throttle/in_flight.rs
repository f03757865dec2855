//! The login attempts that this process is handling.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, Notify, futures::OwnedNotified};

use crate::server::model::token::TokenHash;

/// The attempts in flight, by bucket. Its size is bounded by the number of requests.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashMap<TokenHash, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    attempts: usize,
    finished: Arc<Notify>,
    queue: Arc<AsyncMutex<()>>,
}

/// How to wait for the other attempts in a bucket.
#[derive(Debug)]
pub struct Others {
    /// Completes when the next of them finishes.
    pub finished: OwnedNotified,
    /// Held by the one attempt that waits for `finished`; the mutex is fair, so attempts wait in the order of arrival.
    pub queue: Arc<AsyncMutex<()>>,
}

/// Marks an attempt as in flight until it is dropped.
#[derive(Debug)]
pub struct Ticket<'a> {
    in_flight: &'a InFlight,
    buckets: [TokenHash; 2],
}

impl InFlight {
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

    /// The other attempts in a bucket, if there are any.
    pub fn others(&self, bucket: &TokenHash) -> Option<Others> {
        self.lock().get(bucket).map(|entry| Others {
            finished: Arc::clone(&entry.finished).notified_owned(),
            queue: Arc::clone(&entry.queue),
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
            entry.finished.notify_waiters();
            if entry.attempts == 0 {
                entries.remove(bucket);
            }
        }
    }
}
