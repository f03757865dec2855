//! Records calls in the call log.

use std::{thread, time::Instant};

use crate::{
    contract::Refusal,
    server::{
        auth::caller::Caller,
        model::call_record::{CallRecord, Who},
        telemetry::{request::RequestContext, request_id::RequestId},
    },
};

/// A running call. [`Self::finish`] records its outcome. If it is dropped before that, because the client disconnected
/// or the server stopped, it is recorded as `broken_off`: the call may have had part of its effect.
#[derive(Debug)]
pub struct RunningCall<'a> {
    caller: &'a Caller,
    function: &'static str,
    pub started: Instant,
    /// Read at the start, because the request context is gone when the call is dropped.
    request_id: Option<RequestId>,
    is_finished: bool,
}

impl<'a> RunningCall<'a> {
    pub fn new(caller: &'a Caller, function: &'static str) -> Self {
        Self {
            caller,
            function,
            started: Instant::now(),
            request_id: RequestContext::request_id(),
            is_finished: false,
        }
    }

    pub fn finish<T>(mut self, result: &Result<T, Refusal>) {
        self.is_finished = true;
        self.record(result.as_ref().map_or_else(Refusal::code, |_| "ok"));
    }

    fn record(&self, outcome: &'static str) {
        let caller = self.caller;
        let who = Who(caller.known_login());
        caller.state().audit().record_call(CallRecord {
            at: caller.arrival().at,
            function: self.function,
            session: (who.0.is_none() && caller.has_session()).then(|| caller.session()),
            who,
            outcome,
            calls: 1,
            took_us: i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX),
            address: caller.arrival().address,
            request_id: self.request_id,
        });
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.record(if thread::panicking() { "internal" } else { "broken_off" });
        }
    }
}
