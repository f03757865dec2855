//! A bounded buffer for events and calls that are not written yet.

use std::collections::{HashMap, VecDeque};

use crate::server::model::{
    call_record::{CallRecord, Who},
    event::Event,
};

const MAX_EVENTS: usize = 20_000;
/// How many calls are buffered individually. Further calls are aggregated.
const MAX_CALLS: usize = 100;
/// How many aggregated entries are buffered.
const MAX_AGGREGATED: usize = 10_000;

#[derive(Debug, Default)]
pub struct Buffer {
    pub events: VecDeque<Event>,
    /// The calls that are recorded individually.
    pub calls: Vec<CallRecord>,
    /// The other calls, aggregated by function, caller and outcome.
    pub aggregated: HashMap<(&'static str, Who, &'static str), CallRecord>,
    /// How many events and calls were dropped because the buffer was full.
    pub dropped: u64,
}

impl Buffer {
    pub fn is_empty(&self) -> bool {
        // Calls are aggregated only while `calls` is full, so `aggregated` is empty as well.
        self.events.is_empty() && self.calls.is_empty()
    }

    /// Moves all entries of `newer` into this buffer.
    pub fn append(&mut self, newer: Self) {
        for event in newer.events {
            self.add_event(event);
        }
        for call in newer.calls.into_iter().chain(newer.aggregated.into_values()) {
            self.add_call(call);
        }
        self.dropped += newer.dropped;
    }

    /// Adds an event. Drops the oldest one if the buffer is full.
    pub fn add_event(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back(event);
    }

    /// Adds a call, individually or aggregated. Drops it if the buffer is full.
    pub fn add_call(&mut self, call: CallRecord) {
        if self.calls.len() < MAX_CALLS {
            self.calls.push(call);
            return;
        }
        let call = CallRecord { session: None, ..call };
        let key = (call.function, call.who.clone(), call.outcome);
        if let Some(aggregated) = self.aggregated.get_mut(&key) {
            aggregated.calls += call.calls;
            aggregated.took_us = aggregated.took_us.max(call.took_us);
            if call.at < aggregated.at {
                (aggregated.at, aggregated.address, aggregated.request_id) = (call.at, call.address, call.request_id);
            }
        } else if self.aggregated.len() < MAX_AGGREGATED {
            self.aggregated.insert(key, call);
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
        server::model::{clock::Timestamp, login::Login},
    };

    /// A sample call of that user.
    pub fn call(user: &str, took_us: i64) -> CallRecord {
        CallRecord {
            at: Timestamp(1),
            function: "auth_func",
            who: Who((!user.is_empty()).then(|| {
                Arc::new(Login {
                    user_id: user.to_owned(),
                    ..Login::default()
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
        let many = i64::try_from(MAX_CALLS).unwrap() * 3;
        for number in 0..many {
            buffer.add_call(call("alice", number));
        }
        assert_eq!(buffer.calls.len(), MAX_CALLS);
        assert!(buffer.calls.iter().all(|call| call.calls == 1));
        let aggregated: Vec<_> = buffer.aggregated.values().collect();
        assert_eq!(aggregated.len(), 1);
        assert_eq!((aggregated[0].calls, aggregated[0].took_us), (many / 3 * 2, many - 1));
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_dropped_is_counted() {
        let mut buffer = Buffer::default();
        for number in 0..MAX_CALLS + MAX_AGGREGATED + 7 {
            buffer.add_call(call(&number.to_string(), 1));
        }
        assert_eq!(buffer.calls.len() + buffer.aggregated.len(), MAX_CALLS + MAX_AGGREGATED);
        for _ in 0..MAX_EVENTS + 3 {
            buffer.add_event(Event::by_operator(Action::Login));
        }
        assert_eq!((buffer.events.len(), buffer.dropped), (MAX_EVENTS, 10));
    }
}
