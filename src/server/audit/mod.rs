//! The audit trail and the call log: who did what, when, from where, and how it came out.
//!
//! What changes users and roles, and what ends sessions to make room, writes its event in the same transaction, so one is
//! there if and only if the other is. Everything else is noted here, in memory, and written by a task of its own a moment
//! later: a call neither waits for it nor fails with it. While the database takes nothing, what was noted waits, up to a
//! limit; what is beyond is dropped, counted and logged. At a graceful stop everything that was noted is written, if the
//! database takes it within five seconds.
//!
//! Arguments and replies of calls are not kept.

pub mod buffer;
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

/// How long noted things are collected before they are written together.
const COLLECT: Duration = Duration::from_millis(100);
/// How long to wait after the database took nothing.
const RETRY: Duration = Duration::from_secs(1);
/// How many refusals of one user are noted within a minute, and how many failures of nobody in particular, so that nobody
/// fills the trail. The log tells of all.
const MOST_REFUSALS: u32 = 100;

/// What is noted, and written a moment later.
#[derive(Debug)]
pub struct Audit {
    storage: Storage,
    buffer: Mutex<Buffer>,
    /// What is being written.
    batch: tokio::sync::Mutex<Buffer>,
    notify: Notify,
    is_failing: AtomicBool,
    refusals: Mutex<Refusals>,
}

/// How often each user was refused within the present minute, and nobody in particular.
#[derive(Debug, Default)]
struct Refusals {
    minute: i64,
    counts: HashMap<(String, Action), u32>,
}

impl Refusals {
    /// Counts one. `false` if there were too many by now.
    fn count(&mut self, event: &Event) -> bool {
        let minute = event.at.0 / 60_000;
        if self.minute != minute {
            *self = Self {
                minute,
                counts: HashMap::new(),
            };
        }
        let count = self.counts.entry((event.actor.clone(), event.action)).or_default();
        *count = count.saturating_add(1);
        *count <= MOST_REFUSALS
    }
}

impl Audit {
    /// One that writes to `storage`.
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

    /// Notes something that happened.
    pub fn record(&self, event: Event) {
        let refusals = || self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let is_nobodys = event.actor.is_empty() && event.user.is_empty();
        if (event.action == Action::Refused || is_nobodys) && !refusals().count(&event) {
            return;
        }
        self.buffer().add_event(event);
        self.notify.notify_one();
    }

    /// Notes a call.
    pub fn record_call(&self, call: CallRecord) {
        self.buffer().add_call(call);
        self.notify.notify_one();
    }

    /// Writes what is noted, for as long as the server runs.
    pub async fn write_forever(&self) {
        loop {
            self.notify.notified().await;
            sleep(COLLECT).await;
            while !self.write().await {
                sleep(RETRY).await;
            }
        }
    }

    /// Writes all that was noted until now, at a graceful stop. Gives up after a while, and then logs what was lost.
    pub async fn write_all(&self, limit: Duration) {
        let writing = async {
            while !self.write().await || !self.buffer().is_empty() {
                sleep(COLLECT).await;
            }
        };
        if timeout(limit, writing).await.is_err() {
            tracing::error!("the database took nothing; the last lines of the audit trail and the call log are lost");
        }
    }

    /// Writes what is noted now. Where that fails it waits for the next time, and the answer is `false`. What is being written
    /// is kept until it is stored, so nothing is lost where this is given up.
    async fn write(&self) -> bool {
        let mut batch = self.batch.lock().await;
        let newer = mem::take(&mut *self.buffer());
        batch.take_from(newer);
        batch.calls.sort_by_key(|call| call.at);
        let dropped = mem::take(&mut batch.dropped);
        if dropped > 0 {
            tracing::error!(
                dropped,
                "too much waits to be written; lines of the audit trail and the call log are lost"
            );
        }
        for call in &mut batch.calls {
            find_user(call).await;
        }
        batch.events.make_contiguous();
        let calls: Vec<&CallRecord> = batch.calls.iter().chain(batch.aggregated.values()).collect();
        let Err(fault) = self.storage.add_events(batch.events.as_slices().0, &calls).await else {
            *batch = Buffer::default();
            self.is_failing.store(false, Ordering::Relaxed);
            return true;
        };
        // Told once, and not again with every try.
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            fault.log();
        }
        false
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds out whose session the call came with. Where that cannot be told, it stays nobody's.
async fn find_user(call: &mut CallRecord) {
    if let Some(session) = call.session.take()
        && let Ok(Some(login)) = login_of(&session).await
    {
        call.who = Who(Some(Arc::new(login)));
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::buffer::tests::call;
    use super::*;
    use crate::server::{model::clock::Timestamp, storage::events::EventFilter};

    #[tokio::test]
    async fn what_several_threads_note_is_written_in_the_order_of_its_time() {
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
    fn refusals_of_one_user_do_not_fill_the_trail() {
        let mut refusals = Refusals::default();
        let mut refused = |user: &str, at: i64| {
            let mut event = Event::by_operator(Action::Refused);
            (event.actor, event.at) = (user.to_owned(), Timestamp(at));
            refusals.count(&event)
        };
        let noted = (0..1000).filter(|_| refused("alice", 60_000)).count();
        assert_eq!(noted, usize::try_from(MOST_REFUSALS).unwrap());
        assert!(refused("bob", 60_000) && refused("alice", 120_000));
    }
}
