//! The audit log and the call log: who did what, when, from where, and with what outcome.
//!
//! Changes to users and roles, and the end of sessions beyond the limit per user, store their event in the same
//! transaction, so the change and the event are stored both or not at all. All other events and calls are buffered in
//! memory, and a background task writes them shortly afterwards: a call neither waits for the write nor fails with it.
//!
//! While the database is unavailable, entries wait in a bounded buffer. Entries beyond the bound are dropped, and their
//! number is logged. A graceful shutdown writes the buffer, with a timeout of five seconds.
//!
//! Arguments and replies of calls are not recorded.

pub mod buffer;
pub mod stats;
pub mod view;

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use self::buffer::Buffer;
use super::storage::Storage;
use crate::{
    contract::audit::Action,
    server::{
        model::{
            call_record::{CallRecord, Who},
            event::Event,
        },
        sessions::login_of,
    },
};

/// How long entries are collected before they are written in one transaction.
const COLLECT: Duration = Duration::from_millis(100);
/// How long to wait after a failed write.
const RETRY: Duration = Duration::from_secs(1);
/// How many refusals per minute are recorded for each user, and how many failures for all anonymous callers together,
/// so that nobody can flood the audit log. The log has all of them.
const MAX_REFUSALS_PER_MINUTE: u32 = 100;

#[derive(Debug)]
pub struct Audit {
    storage: Storage,
    buffer: Mutex<Buffer>,
    /// The entries that are being written.
    batch: tokio::sync::Mutex<Buffer>,
    notify: Notify,
    is_failing: AtomicBool,
    refusals: Mutex<Refusals>,
}

/// The number of refusals in the current minute, by user and action. The user is empty for anonymous callers.
#[derive(Debug, Default)]
struct Refusals {
    minute: i64,
    counts: HashMap<(String, Action), u32>,
}

impl Refusals {
    /// Counts an event. Returns `false` if the limit is exceeded.
    fn count(&mut self, event: &Event) -> bool {
        let minute = event.at.0 / 60_000;
        if self.minute != minute {
            (self.minute, self.counts) = (minute, HashMap::new());
        }
        let count = self.counts.entry((event.actor.clone(), event.action)).or_default();
        *count = count.saturating_add(1);
        *count <= MAX_REFUSALS_PER_MINUTE
    }
}

impl Audit {
    pub fn new(storage: Storage) -> Self {
        Self {
            storage,
            buffer: Mutex::default(),
            batch: tokio::sync::Mutex::default(),
            notify: Notify::new(),
            is_failing: AtomicBool::new(false),
            refusals: Mutex::default(),
        }
    }

    /// Records an event, unless its user has exceeded the limit of refusals.
    pub fn record(&self, event: Event) {
        let is_anonymous = event.actor.is_empty() && event.user.is_empty();
        if event.action == Action::Refused || is_anonymous {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            if !refusals.count(&event) {
                return;
            }
        }
        self.buffer().add_event(event);
        self.notify.notify_one();
    }

    pub fn record_call(&self, call: CallRecord) {
        self.buffer().add_call(call);
        self.notify.notify_one();
    }

    /// Writes recorded entries and never returns.
    pub async fn write_forever(&self) {
        loop {
            self.notify.notified().await;
            sleep(COLLECT).await;
            while !self.write().await {
                sleep(RETRY).await;
            }
        }
    }

    /// Writes all recorded entries, for a graceful shutdown. If that takes longer than `limit`, logs that entries are
    /// lost.
    pub async fn write_all(&self, limit: Duration) {
        let writing = async {
            while !self.write().await || !self.buffer().is_empty() {
                sleep(COLLECT).await;
            }
        };
        if timeout(limit, writing).await.is_err() {
            tracing::error!("cannot write to the database; the last entries of audit log and call log are lost");
        }
    }

    /// Writes the recorded entries and returns whether that succeeded. Cancel safe: entries stay in `batch` until they
    /// are stored.
    async fn write(&self) -> bool {
        let mut batch = self.batch.lock().await;
        let newer = mem::take(&mut *self.buffer());
        batch.append(newer);
        batch.calls.sort_by_key(|call| call.at);
        let dropped = mem::take(&mut batch.dropped);
        if dropped > 0 {
            tracing::error!(
                dropped,
                "too many entries wait to be written; entries of audit log and call log are lost"
            );
        }
        for call in &mut batch.calls {
            // If the user cannot be looked up, the call is recorded as anonymous.
            if let Some(session) = call.session.take()
                && let Ok(Some(login)) = login_of(&session).await
            {
                call.who = Who(Some(Arc::new(login)));
            }
        }
        batch.events.make_contiguous();
        let calls: Vec<&CallRecord> = batch.calls.iter().chain(batch.aggregated.values()).collect();
        if let Err(error) = self.storage.add_events(batch.events.as_slices().0, &calls).await {
            // Log only the first of several failures in a row.
            if !self.is_failing.swap(true, Ordering::Relaxed) {
                error.log();
            }
            return false;
        }
        *batch = Buffer::default();
        self.is_failing.store(false, Ordering::Relaxed);
        true
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::buffer::tests::call;
    use super::*;
    use crate::server::{model::clock::Timestamp, storage::events::EventFilter};

    #[tokio::test]
    async fn calls_of_several_threads_are_written_in_order_of_time() {
        let storage = Storage::in_memory().await.unwrap();
        let audit = Audit::new(storage.clone());
        for round in [0, 12] {
            thread::scope(|scope| {
                for first in 0..3 {
                    let audit = &audit;
                    scope.spawn(move || {
                        for at in (round..round + 12).skip(first).step_by(3) {
                            let at = Timestamp(at);
                            audit.record_call(CallRecord { at, ..call("alice", 1) });
                        }
                    });
                }
            });
            audit.notify.notified().await;
            assert!(audit.write().await);
            assert!(audit.buffer().is_empty());
        }
        let in_order = EventFilter {
            after: Some(0),
            ..EventFilter::default()
        };
        let written = storage.list_calls(&in_order, 100).await.unwrap();
        assert_eq!(
            written.iter().map(|call| call.at).collect::<Vec<_>>(),
            (0..24).collect::<Vec<_>>()
        );
    }

    #[test]
    fn refusals_of_one_user_do_not_flood_the_audit_log() {
        let mut refusals = Refusals::default();
        let mut refused = |user: &str, at: i64| {
            let mut event = Event::by_operator(Action::Refused);
            (event.actor, event.at) = (user.to_owned(), Timestamp(at));
            refusals.count(&event)
        };
        let recorded = (0..1000).filter(|_| refused("alice", 60_000)).count();
        assert_eq!(recorded, usize::try_from(MAX_REFUSALS_PER_MINUTE).unwrap());
        assert!(refused("bob", 60_000) && refused("alice", 120_000));
    }
}
