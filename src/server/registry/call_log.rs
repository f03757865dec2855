//! A running call, and the line of the call log that it becomes.

use std::{thread, time::Instant};

use crate::{
    contract::Refusal,
    server::{
        auth::caller::Caller,
        model::call_record::{CallRecord, Who},
        telemetry::{request::RequestContext, request_id::RequestId},
    },
};

/// A call that is under way, until its end is noted. Where it is dropped before, because its client has gone or the server
/// has stopped, it is noted as broken off: part of what it does may be done.
#[derive(Debug)]
pub struct RunningCall<'a> {
    caller: &'a Caller,
    function: &'static str,
    began: Instant,
    /// Of the request. At the drop nobody can be asked for it any more.
    reference: Option<RequestId>,
    is_over: bool,
}

impl<'a> RunningCall<'a> {
    /// One that begins now.
    pub fn new(caller: &'a Caller, function: &'static str) -> Self {
        Self {
            caller,
            function,
            began: Instant::now(),
            reference: RequestContext::request_id(),
            is_over: false,
        }
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Notes that it has come to its end.
    pub fn finish<T>(mut self, result: &Result<T, Refusal>) {
        self.is_over = true;
        self.note(result.as_ref().map_or_else(Refusal::code, |_| "ok"));
    }

    /// A call that has come to an end.
    fn record(&self, outcome: &'static str) -> CallRecord {
        let Self {
            caller,
            function,
            began,
            reference,
            ..
        } = self;
        let who = Who(caller.known_login());
        CallRecord {
            at: caller.arrival().at,
            function,
            session: (who.0.is_none() && caller.has_session()).then(|| caller.session()),
            who,
            outcome,
            calls: 1,
            took_us: i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
            address: caller.arrival().address,
            request_id: *reference,
        }
    }

    fn note(&self, outcome: &'static str) {
        self.caller.state().audit().record_call(self.record(outcome));
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let has_panicked = thread::panicking();
            self.note(if has_panicked { "internal" } else { "broken_off" });
        }
    }
}
