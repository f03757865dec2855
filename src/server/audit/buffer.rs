//! What is noted and not written yet, within bounds.

use std::collections::{HashMap, VecDeque};

use crate::server::model::{
    call_record::{CallRecord, Who},
    event::Event,
};

/// How many events wait at most.
const MOST_EVENTS: usize = 20_000;
/// How many calls are kept one by one until they are written. Further ones are counted together where they are aggregated.
const MOST_CALLS: usize = 100;
/// How many kinds of calls are counted together at most.
const MOST_KINDS: usize = 10_000;

/// What is noted and not written yet.
#[derive(Debug, Default)]
pub struct Buffer {
    /// What happened.
    pub events: VecDeque<Event>,
    /// The calls that are kept one by one.
    pub calls: Vec<CallRecord>,
    /// Those that are counted together, by function, caller and outcome.
    pub aggregated: HashMap<(&'static str, Who, &'static str), CallRecord>,
    /// How much there was no room for.
    pub dropped: u64,
}

impl Buffer {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.calls.is_empty()
    }

    /// Adds what was noted elsewhere.
    pub fn take_from(&mut self, newer: Self) {
        for event in newer.events {
            self.add_event(event);
        }
        for call in newer.calls.into_iter().chain(newer.aggregated.into_values()) {
            self.add_call(call);
        }
        self.dropped += newer.dropped;
    }

    /// Adds an event, in place of the oldest one where there are too many.
    pub fn add_event(&mut self, event: Event) {
        if self.events.len() >= MOST_EVENTS {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back(event);
    }

    /// Adds a call, or counts it with those that are aggregated.
    pub fn add_call(&mut self, call: CallRecord) {
        if self.calls.len() < MOST_CALLS {
            self.calls.push(call);
            return;
        }
        let call = CallRecord { session: None, ..call };
        let kind = (call.function, call.who.clone(), call.outcome);
        if let Some(aggregated) = self.aggregated.get_mut(&kind) {
            aggregated.calls += call.calls;
            aggregated.took_us = aggregated.took_us.max(call.took_us);
            if call.at < aggregated.at {
                (aggregated.at, aggregated.address, aggregated.request_id) = (call.at, call.address, call.request_id);
            }
        } else if self.aggregated.len() < MOST_KINDS {
            self.aggregated.insert(kind, call);
        } else {
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
pub(in crate::server) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        contract::audit::Action,
        server::model::{
            clock::Timestamp,
            login::{Login, Origin},
        },
    };

    /// A call of that user.
    pub fn call(user: &str, took_us: i64) -> CallRecord {
        CallRecord {
            at: Timestamp(1),
            function: "auth_func",
            who: Who((!user.is_empty()).then(|| {
                Arc::new(Login {
                    id: String::new(),
                    user_id: user.to_owned(),
                    at: 0,
                    password_at: None,
                    series: None,
                    user_changed_at: 0,
                    origin: Origin::default(),
                })
            })),
            outcome: "ok",
            calls: 1,
            took_us,
            address: None,
            request_id: None,
            session: None,
        }
    }

    #[test]
    fn few_calls_are_kept_one_by_one_and_very_many_are_counted_together() {
        let mut buffer = Buffer::default();
        let many = i64::try_from(MOST_CALLS).unwrap() * 3;
        for number in 0..many {
            buffer.add_call(call("alice", number));
        }
        assert_eq!(buffer.calls.len(), MOST_CALLS);
        assert!(buffer.calls.iter().all(|call| call.calls == 1));
        let aggregated: Vec<_> = buffer.aggregated.values().collect();
        assert_eq!(aggregated.len(), 1);
        assert_eq!((aggregated[0].calls, aggregated[0].took_us), (many / 3 * 2, many - 1));
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_dropped_is_counted() {
        let mut buffer = Buffer::default();
        for number in 0..MOST_CALLS + MOST_KINDS + 7 {
            buffer.add_call(call(&number.to_string(), 1));
        }
        assert_eq!(buffer.calls.len() + buffer.aggregated.len(), MOST_CALLS + MOST_KINDS);
        for _ in 0..MOST_EVENTS + 3 {
            buffer.add_event(Event::by_operator(Action::Login));
        }
        assert_eq!((buffer.events.len(), buffer.dropped), (MOST_EVENTS, 10));
    }
}
