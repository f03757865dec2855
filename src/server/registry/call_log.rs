//! What the call log holds of a call, and the call that it is noted of.

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
    sync::Arc,
    thread,
    time::Instant,
};

use tower_sessions::Session;

use crate::{
    contract::Refusal,
    server::{
        auth::caller::Caller,
        model::clock::Timestamp,
        sessions::{Login, login_of},
        telemetry::request_id::Reference,
    },
};

/// A call for the call log, or several that are alike.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// When the first of them was called.
    pub at: Timestamp,
    /// The function.
    pub function: &'static str,
    /// Who called.
    pub who: Who,
    /// `ok`, the code of the refusal, or `broken_off`.
    pub outcome: &'static str,
    /// How many calls this stands for.
    pub calls: i64,
    /// How long the longest took, in microseconds.
    pub took_us: i64,
    /// Where the first came from.
    pub address: Option<IpAddr>,
    /// The reference of the first request.
    pub request_id: Option<Reference>,
    /// The session of the caller, where the call came to its end without anybody asking whose it is. It is looked up when
    /// this is written, so that the call does not wait for it.
    pub session: Option<Session>,
}

impl CallRecord {
    /// A call that has come to an end.
    fn new(call: &CallUnderWay<'_>, outcome: &'static str) -> Self {
        let CallUnderWay {
            caller,
            function,
            began,
            reference,
            ..
        } = call;
        let who = Who(caller.known_login());
        Self {
            at: caller.arrival().at,
            function: *function,
            session: (who.0.is_none() && caller.has_session()).then(|| caller.session()),
            who,
            outcome,
            calls: 1,
            took_us: i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
            address: caller.arrival().address,
            request_id: *reference,
        }
    }

    /// Finds out whose session it is. Where that cannot be told, it stays nobody's.
    pub async fn find_user(&mut self) {
        if let Some(session) = self.session.take()
            && let Ok(Some(login)) = login_of(&session).await
        {
            self.who = Who(Some(Arc::new(login)));
        }
    }
}

/// A call that is under way, until its end is noted. Where it is dropped before, because its client has gone or the server
/// has stopped, it is noted as broken off: part of what it does may be done.
#[derive(Debug)]
pub struct CallUnderWay<'a> {
    caller: &'a Caller,
    function: &'static str,
    began: Instant,
    /// Of the request. At the drop nobody can be asked for it any more.
    reference: Option<Reference>,
    is_over: bool,
}

impl<'a> CallUnderWay<'a> {
    /// One that begins now.
    pub fn new(caller: &'a Caller, function: &'static str) -> Self {
        Self {
            caller,
            function,
            began: Instant::now(),
            reference: Reference::of_request(),
            is_over: false,
        }
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Notes that it has come to its end.
    pub fn over<T>(mut self, result: &Result<T, Refusal>) {
        self.is_over = true;
        self.note(result.as_ref().map_or_else(Refusal::code, |_| "ok"));
    }

    fn note(&self, outcome: &'static str) {
        let record = CallRecord::new(self, outcome);
        self.caller.services().audit().note_call(record);
    }
}

impl Drop for CallUnderWay<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let has_panicked = thread::panicking();
            self.note(if has_panicked { "internal" } else { "broken_off" });
        }
    }
}

/// Who called: whose login it was, if anybody was logged in.
#[derive(Debug, Clone, Default)]
pub struct Who(pub Option<Arc<Login>>);

impl Who {
    /// The name of the user. Empty where nobody was logged in.
    pub fn user_id(&self) -> &str {
        self.0.as_ref().map_or("", |login| &login.user_id)
    }
}

impl PartialEq for Who {
    fn eq(&self, other: &Self) -> bool {
        self.user_id() == other.user_id()
    }
}

impl Eq for Who {}

impl Hash for Who {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.user_id().hash(state);
    }
}
